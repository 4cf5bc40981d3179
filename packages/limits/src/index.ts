export type { Limit, Limiter, Taken } from './limiter.ts'
