import type { ErrorKind, GatewayError } from '@tianjillm/core'
import type { Health } from './health.ts'
import type { CooldownRules } from './rules.ts'
import type { Contender } from './strategies.ts'

/** Failures that would only repeat themselves: the next one is not waited for. */
const atOnce: ReadonlySet<ErrorKind> = new Set([
  'rate_limited',
  'quota_exceeded',
  'upstream_auth_failed',
  'model_not_found',
  'not_found',
  'misconfigured',
])

/** Failures that say nothing of the deployment. */
const notItsFault: ReadonlySet<ErrorKind> = new Set([
  'invalid_request',
  'unsupported_parameter',
  'unsupported_operation',
  'context_length_exceeded',
  'content_policy_violation',
  'guardrail_blocked',
  'guardrail_unavailable',
  'client_closed',
  'shutting_down',
])

/** Part of a minute's requests that may fail, and how many there must be for that to mean anything. */
const MOST_FAILURES = 0.5
const FEWEST_REQUESTS = 5
/** Requests a minute from which even a group's only deployment cools down. */
const MUCH_TRAFFIC = 1_000

/** Whether an error is a failure of the deployment. */
export function isFailure(error: GatewayError): boolean {
  return !notItsFault.has(error.kind)
}

/**
 * Leaves a deployment alone for a while, if its failure calls for that. One that is alone in its group is spared:
 * asking it is better than asking nobody. Its failure must have been counted. Gives until when, if that is new.
 */
export function coolDown(
  { deployment, health }: Contender,
  error: GatewayError,
  isAlone: boolean,
  rules: CooldownRules,
  now: number,
): number | undefined {
  if (!rules.isOn || !isFailure(error)) return undefined
  const { requests, failures } = health.minute(now)
  if (isAlone && requests < MUCH_TRAFFIC) return undefined
  if (!isDue(error, requests, failures, rules)) return undefined
  const time = Math.max(deployment.traits.cooldownTime ?? rules.time, (error.facts.retryAfter ?? 0) * 1000)
  const until = now + time
  if (until <= health.cooldownUntil) return undefined
  health.cooldownUntil = until
  return until
}

/** Leaves a deployment alone that has failed somewhere else. One that is alone in its group is spared as above. */
export function joinCooldown(health: Health, until: number, isAlone: boolean, rules: CooldownRules, now: number): void {
  if (!rules.isOn || (isAlone && health.minute(now).requests < MUCH_TRAFFIC)) return
  health.cooldownUntil = Math.max(health.cooldownUntil, until)
}

function isDue(
  error: GatewayError,
  requests: number,
  failures: number,
  { allowedFails, allowedFailsPolicy }: CooldownRules,
): boolean {
  const allowed = allowedFailsPolicy[error.kind] ?? allowedFails
  if (allowed !== undefined) return failures > allowed
  return atOnce.has(error.kind) || (requests >= FEWEST_REQUESTS && failures > requests * MOST_FAILURES)
}
