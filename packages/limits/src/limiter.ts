import type { Awaitable } from '@tianjillm/core'

/** How much of something is allowed. */
export interface Limit {
  /** The bucket's size, and what flows into it within a minute. */
  readonly perMinute: number
}

/** What became of asking for a share of a limit. */
export interface Taken {
  readonly isAllowed: boolean
  readonly limit: Limit
  /** What may still be taken now; as far as is known here. */
  readonly remaining: number
  /** Milliseconds until as much as was asked for is there; 0 when it was allowed. */
  readonly retryAfter: number
  /** Milliseconds until the bucket is full again. */
  readonly resetAfter: number
}

/** Counts what is taken, by name. */
export interface Limiter {
  /** Takes `cost` (default 1) out of the bucket of that name, when there is so much in it. */
  take(name: string, limit: Limit, cost?: number): Awaitable<Taken>
  /**
   * Takes what has been used already, whether or not there is so much in the bucket: what is missing is owed, and
   * nothing more can be taken until it has flowed in. A negative cost gives back what was taken in vain.
   */
  charge(name: string, limit: Limit, cost: number): void
}
