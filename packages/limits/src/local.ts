import { type Bucket, chargeTo, createBucket, isFull, takeFrom } from './bucket.ts'
import type { Limit, Limiter, Taken } from './limiter.ts'

/** A limiter that knows at once. */
export interface LocalLimiter extends Limiter {
  take(name: string, limit: Limit, cost?: number): Taken
}

/** A bucket, and the limit it was last used with. */
interface KnownBucket extends Bucket {
  limit: Limit
}

/** Buckets looked at to find one that can be forgotten. */
const LOOKS = 8

/**
 * A limiter for one process. `now` is a clock in ms, best a monotone one such as `performance.now`. At most `most`
 * buckets are kept: for a new one an old one is forgotten, a full one (nothing is lost by that) if one is near.
 */
export function createLocalLimiter(now: () => number, most = 100_000): LocalLimiter {
  const buckets = new Map<string, KnownBucket>()
  const bucketOf = (name: string, limit: Limit, time: number) => {
    let bucket = buckets.get(name)
    if (bucket === undefined) {
      if (buckets.size >= most) makeRoom(buckets, time)
      bucket = { ...createBucket(limit, time), limit }
      buckets.set(name, bucket)
    }
    bucket.limit = limit
    return bucket
  }
  return {
    take(name, limit, cost = 1) {
      const time = now()
      return takeFrom(bucketOf(name, limit, time), limit, cost, time)
    },
    charge(name, limit, cost) {
      const time = now()
      chargeTo(bucketOf(name, limit, time), limit, cost, time)
    },
  }
}

/** Forgets one bucket. Those that are looked at and kept move to the end, so that the next look finds others. */
function makeRoom(buckets: Map<string, KnownBucket>, now: number): void {
  let looks = 0
  for (const [name, bucket] of buckets) {
    looks += 1
    buckets.delete(name)
    if (looks === LOOKS || isFull(bucket, bucket.limit, now)) return
    buckets.set(name, bucket)
  }
}
