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

/**
 * Holds a call to what it is held to, and adds to the headers what is left of the tightest limits, as OpenAI does.
 * Throws, or rejects with, GatewayError `rate_limited` or `budget_exceeded`; what was taken of other limits by then is
 * given back. A promise only where somebody else has to be asked.
 * https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
 */
export function admit(counters: Counters, { rates, budgets }: Holds, headers: string[]): Promise<void> | undefined {
  const asking = budgets.length === 0 ? undefined : counters.ledger?.admit(budgets)
  if (asking !== undefined) return asking.then(() => takeFrom(counters.limiter, rates, 0, headers))
  return takeFrom(counters.limiter, rates, 0, headers)
}

/** Takes from one after the other, beginning with the one at a place, as long as each is settled at once. */
function takeFrom(
  limiter: Limiter,
  rates: readonly RateLimit[],
  start: number,
  headers: string[],
): Promise<void> | undefined {
  for (let index = start; index < rates.length; index++) {
    const rate = rates[index]!
    const result = limiter.take(rate.name, rate)
    if (result instanceof Promise)
      return result.then((later) => {
        settle(limiter, rates, index, later, headers)
        return takeFrom(limiter, rates, index + 1, headers)
      })
    settle(limiter, rates, index, result, headers)
  }
  return undefined
}

function settle(limiter: Limiter, rates: readonly RateLimit[], index: number, result: Taken, headers: string[]): void {
  const rate = rates[index]!
  tell(headers, rate.kind, result)
  if (result.isAllowed) return
  for (const other of rates.slice(0, index)) limiter.charge(other.name, other, -1)
  throw refusal(rate, result)
}

function refusal({ kind, owner, perMinute }: RateLimit, { retryAfter }: Taken): GatewayError {
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
function tell(headers: string[], kind: RateLimit['kind'], { limit, remaining, resetAfter }: Taken): void {
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
