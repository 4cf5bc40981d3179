import { GatewayError } from '@tianjillm/core'
import type { Limiter, Taken } from '@tianjillm/limits'
import type { Ledger } from '@tianjillm/tenancy'
import type { Holds, RateLimit } from './holds.ts'

/** What calls are counted with. */
export interface Counters {
  readonly limiter: Limiter
  /** Undefined when there are no budgets. */
  readonly ledger: Ledger | undefined
}

/** What is counted a minute, by its name in headers: the setting that limits it, and one of it. */
const kinds = {
  requests: { setting: 'rpm_limit', one: 'request' },
  tokens: { setting: 'tpm_limit', one: 'token' },
} as const

type Kind = keyof typeof kinds

/**
 * Holds a call to what it is held to, and adds to the headers what is left of the tightest limits, as OpenAI does.
 * Throws, or rejects with, GatewayError `rate_limited` or `budget_exceeded`; what was taken of other limits by then is
 * given back. A promise only where somebody else has to be asked.
 * https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
 */
export function admit(counters: Counters, holds: Holds, headers: string[]): Promise<void> | undefined {
  const { requests, tokens, budgets } = holds
  const asking = budgets.length === 0 ? undefined : counters.ledger?.admit(budgets)
  if (asking !== undefined) return asking.then(() => takeAll(counters, holds, headers))
  if (requests.length + tokens.length === 0) return undefined
  return takeAll(counters, holds, headers)
}

/** One take after the other, as long as each is settled at once. */
function takeAll(counters: Counters, { requests, tokens }: Holds, headers: string[]): Promise<void> | undefined {
  return takeFrom(counters.limiter, requests, tokens, 0, headers)
}

/** Takes from these limits, those of requests first, beginning with the one at a place. */
function takeFrom(
  limiter: Limiter,
  requests: readonly RateLimit[],
  tokens: readonly RateLimit[],
  start: number,
  headers: string[],
): Promise<void> | undefined {
  const settle = (index: number, result: Taken) => {
    const isRequest = index < requests.length
    const kind = isRequest ? 'requests' : 'tokens'
    tell(headers, kind, result)
    if (result.isAllowed) return
    for (let before = 0; before < index; before++) {
      const other = before < requests.length ? requests[before]! : tokens[before - requests.length]!
      limiter.charge(other.name, other, -1)
    }
    throw refusal(isRequest ? requests[index]! : tokens[index - requests.length]!, kind, result)
  }
  for (let index = start; index < requests.length + tokens.length; index++) {
    const limit = index < requests.length ? requests[index]! : tokens[index - requests.length]!
    const result = limiter.take(limit.name, limit)
    if (result instanceof Promise)
      return result.then((later) => {
        settle(index, later)
        return takeFrom(limiter, requests, tokens, index + 1, headers)
      })
    settle(index, result)
  }
  return undefined
}

function refusal({ owner, perMinute }: RateLimit, kind: Kind, { retryAfter }: Taken): GatewayError {
  const { setting, one } = kinds[kind]
  const seconds = Math.ceil(retryAfter / 1000)
  const message = `The gateway's ${setting} of ${perMinute} ${perMinute === 1 ? one : kind} a minute for ${owner} is used up. Try again in ${seconds} s.`
  return new GatewayError('rate_limited', message, { retryAfter: seconds })
}

const names = {
  requests: ['x-ratelimit-limit-requests', 'x-ratelimit-remaining-requests', 'x-ratelimit-reset-requests'],
  tokens: ['x-ratelimit-limit-tokens', 'x-ratelimit-remaining-tokens', 'x-ratelimit-reset-tokens'],
} as const

/** Puts what is left among the headers, unless something tighter is there. */
function tell(headers: string[], kind: Kind, { limit, remaining, resetAfter }: Taken): void {
  const [most, left, reset] = names[kind]
  const place = headers.indexOf(most)
  if (place === -1) {
    headers.push(most, String(limit.perMinute), left, String(remaining), reset, duration(resetAfter))
  } else if (Number(headers[place + 3]) > remaining) {
    headers[place + 1] = String(limit.perMinute)
    headers[place + 3] = String(remaining)
    headers[place + 5] = duration(resetAfter)
  }
}

/** `20ms`, `1s`, `6m0s`: milliseconds in OpenAI's spelling, rounded up. */
function duration(time: number): string {
  const milliseconds = Math.ceil(time)
  if (milliseconds < 1000) return `${milliseconds}ms`
  const seconds = Math.ceil(milliseconds / 1000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}
