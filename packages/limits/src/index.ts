export { type Bucket, chargeTo, createBucket, fill, isFull, takeFrom } from './bucket.ts'
export {
  createGrantor,
  type FromGrantor,
  type Grantor,
  type GrantorSurroundings,
  type ToGrantor,
} from './grantor.ts'
export { createLeasedLimiter, type LeasedLimiter, type LeasedSurroundings } from './leased.ts'
export type { Limit, Limiter, Taken } from './limiter.ts'
export { createLocalLimiter, type LocalLimiter } from './local.ts'
