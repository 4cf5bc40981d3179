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

/** What is counted a minute, by its name in headers and in the settings. */
const kinds = {
  requests: { header: 'requests', setting: 'rpm_limit' },
  tokens: { header: 'tokens', setting: 'tpm_limit' },
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
function takeAll({ limiter }: Counters, { requests, tokens }: Holds, headers: string[]): Promise<void> | undefined {
  const taken: RateLimit[] = []
  const settle = (limit: RateLimit, kind: Kind, result: Taken) => {
    tell(headers, kinds[kind].header, result)
    if (result.isAllowed) return void taken.push(limit)
    for (const other of taken) limiter.charge(other.name, other, -1)
    throw refusal(limit, kinds[kind].setting, kind, result)
  }
  const steps = [
    ...requests.map((limit) => [limit, 'requests'] as const),
    ...tokens.map((limit) => [limit, 'tokens'] as const),
  ]
  const from = (start: number): Promise<void> | undefined => {
    for (let index = start; index < steps.length; index++) {
      const [limit, kind] = steps[index]!
      const result = limiter.take(limit.name, limit)
      if (result instanceof Promise)
        return result.then((later) => {
          settle(limit, kind, later)
          return from(index + 1)
        })
      settle(limit, kind, result)
    }
    return undefined
  }
  return from(0)
}

function refusal({ owner, perMinute }: RateLimit, setting: string, kind: Kind, { retryAfter }: Taken): GatewayError {
  const seconds = Math.ceil(retryAfter / 1000)
  const message = `The gateway's ${setting} of ${perMinute} ${kind} a minute for ${owner} is used up. Try again in ${seconds} s.`
  return new GatewayError('rate_limited', message, { retryAfter: seconds })
}

/** Puts what is left among the headers, unless something tighter is there. */
function tell(headers: string[], what: string, { limit, remaining, resetAfter }: Taken): void {
  const names = [`x-ratelimit-limit-${what}`, `x-ratelimit-remaining-${what}`, `x-ratelimit-reset-${what}`] as const
  const values = [String(limit.perMinute), String(remaining), duration(resetAfter)] as const
  const place = headers.indexOf(names[0])
  if (place === -1) headers.push(names[0], values[0], names[1], values[1], names[2], values[2])
  else if (Number(headers[place + 3]) > remaining)
    for (const index of [0, 1, 2]) headers[place + 1 + 2 * index] = values[index]!
}

/** `20ms`, `1s`, `6m0s`: milliseconds in OpenAI's spelling, rounded up. */
function duration(time: number): string {
  const milliseconds = Math.ceil(time)
  if (milliseconds < 1000) return `${milliseconds}ms`
  const seconds = Math.ceil(milliseconds / 1000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}
