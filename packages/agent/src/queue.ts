import { unlessAborted } from './unless-aborted.ts'

/** Has works of one key follow each other. */
export interface Queue {
  /** Gives what the work gives; rejects with GatewayError, and without it, when the signal aborts before its turn. */
  enter<Result>(key: string, signal: AbortSignal, work: () => Promise<Result>): Promise<Result>
}

/** A queue. What waits for nobody is forgotten. */
export function createQueue(): Queue {
  const last = new Map<string, Promise<unknown>>()
  return {
    async enter(key, signal, work) {
      const before = last.get(key)
      const { promise: done, resolve: leave } = Promise.withResolvers<void>()
      // Who leaves early is no reason for the next to overtake those before.
      const over = Promise.all([before, done])
      last.set(key, over)
      over.then(() => {
        if (last.get(key) === over) last.delete(key)
      })
      try {
        if (before !== undefined) await unlessAborted(signal, () => before)
        return await work()
      } finally {
        leave()
      }
    },
  }
}
