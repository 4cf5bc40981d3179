import type { Limit, Taken } from './limiter.ts'

/** A token bucket: what it held, and when. */
export interface Bucket {
  /** What is in it, in requests or whatever is counted; a fraction, as it fills continuously. */
  level: number
  /** When it held that, in ms of whatever clock the caller has. */
  time: number
}

const MINUTE = 60_000

/** So much may be missing, and stays owed: sums of fractions come out a little off, and nobody should wait for that. */
const ROUNDING = 1e-6

/** A full bucket, which is what a bucket nobody has taken from is like. */
export function createBucket(limit: Limit, now: number): Bucket {
  return { level: limit.perMinute, time: now }
}

/** Lets in what has flowed since. A clock that went back lets nothing in, and the bucket goes on from there. */
export function fill(bucket: Bucket, { perMinute }: Limit, now: number): void {
  const flowed = now > bucket.time ? ((now - bucket.time) * perMinute) / MINUTE : 0
  bucket.level = Math.min(perMinute, bucket.level + flowed)
  bucket.time = now
}

/** Fills the bucket and takes `cost` out, if so much is in it. What exceeds the bucket's size is refused for ever. */
export function takeFrom(bucket: Bucket, limit: Limit, cost: number, now: number): Taken {
  fill(bucket, limit, now)
  const isAllowed = bucket.level + ROUNDING >= cost
  const missing = isAllowed ? 0 : cost - bucket.level
  if (isAllowed) bucket.level -= cost
  return {
    isAllowed,
    limit,
    remaining: Math.max(0, Math.floor(bucket.level + ROUNDING)),
    retryAfter: cost > limit.perMinute && !isAllowed ? Number.POSITIVE_INFINITY : waitFor(missing, limit),
    resetAfter: waitFor(limit.perMinute - bucket.level, limit),
  }
}

/** Takes `cost` out of the bucket, or puts it back when it is negative, whatever is in it. */
export function chargeTo(bucket: Bucket, limit: Limit, cost: number, now: number): void {
  fill(bucket, limit, now)
  bucket.level = Math.min(limit.perMinute, bucket.level - cost)
}

/** Whether the bucket is full by now, so that it need not be kept. */
export function isFull({ level, time }: Bucket, { perMinute }: Limit, now: number): boolean {
  return now >= time && level + ((now - time) * perMinute) / MINUTE >= perMinute
}

/** Milliseconds in which so much flows in. */
function waitFor(amount: number, { perMinute }: Limit): number {
  return amount <= 0 ? 0 : (amount * MINUTE) / perMinute
}
