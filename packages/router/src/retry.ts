import type { GatewayError } from '@tianjillm/core'
import type { Traits } from './candidate.ts'
import type { Rules } from './rules.ts'
import { lookUp, type NamedGroup } from './wildcard.ts'

/** Milliseconds: the first wait, and the longest that a client is kept waiting for. */
const FIRST_WAIT = 500
const LONGEST_WAIT = 8_000

/** How often a group is asked again after such an error of one of its deployments. */
export function retriesFor(
  error: GatewayError,
  group: NamedGroup,
  { numRetries }: Traits,
  rules: Rules,
  wanted: number | undefined,
): number {
  const ofPolicy = lookUp(rules.groupRetryPolicy, group)?.[error.kind] ?? rules.retryPolicy[error.kind]
  if (ofPolicy !== undefined) return ofPolicy
  return error.isRetryable ? (wanted ?? numRetries ?? rules.numRetries) : 0
}

/**
 * Milliseconds to wait before the same deployment is asked once more: what the vendor says, else twice as long each
 * time, spread by chance so that clients do not come back all at once. Undefined when it is not worth waiting for.
 */
export function waitBefore(
  retry: number,
  { facts }: GatewayError,
  { retryAfter }: Rules,
  random: () => number,
): number | undefined {
  if (facts.retryAfter !== undefined) {
    const wait = Math.max(facts.retryAfter * 1000, retryAfter)
    return wait <= LONGEST_WAIT ? wait : undefined
  }
  const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** retry)
  return Math.max(retryAfter, longest * (0.5 + random() / 2))
}
