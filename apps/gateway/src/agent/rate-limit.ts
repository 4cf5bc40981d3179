import { type Awaitable, GatewayError } from '@tianjillm/core'
import type { Limiter, Taken } from '@tianjillm/limits'

/** Counts the requests of each client. */
export interface RateLimit {
  /** Counts one. Its headers are for the answer, whatever that is. */
  count(client: string): Awaitable<Counted>
}

/** What became of a request. */
export interface Counted {
  readonly headers: Readonly<Record<string, string>>
  /** Why it is refused; undefined when it is not. */
  readonly refusal: GatewayError | undefined
}

/** What it goes by. */
export interface RateSettings {
  /** Requests. */
  readonly most: number
  /** Seconds in which so many are allowed. */
  readonly window: number
  /** Counts windows as if they were minutes. */
  readonly limiter: Limiter
}

/** Minutes in a window of so many seconds. */
export function minutesIn(window: number): number {
  return window / 60
}

/** A limit. A limiter's minute is as long as its clock says, so by one that goes faster or slower it counts any window. */
export function createRateLimit({ most, window, limiter }: RateSettings): RateLimit {
  const pace = minutesIn(window)
  const told = (taken: Taken): Counted => {
    const reset = Math.ceil((Date.now() + taken.resetAfter * pace) / 1000)
    return {
      headers: {
        'x-ratelimit-limit': String(most),
        'x-ratelimit-remaining': String(taken.remaining),
        'x-ratelimit-reset': String(reset),
      },
      refusal: taken.isAllowed ? undefined : tooMany(most, window, (taken.retryAfter * pace) / 1000),
    }
  }
  return {
    count(client) {
      const taking = limiter.take(`agent ${client}`, { perMinute: most })
      return taking instanceof Promise ? taking.then(told) : told(taking)
    },
  }
}

function tooMany(most: number, window: number, wait: number): GatewayError {
  const retryAfter = Math.max(1, Math.ceil(wait))
  const message = `The agent takes ${most} requests from one address in ${window} s. Try again in ${retryAfter} s.`
  return new GatewayError('rate_limited', message, { retryAfter })
}
