export { createAutoRouter } from './create-auto-router.ts'
export type { AutoRouter, Contribution, Decision, Occasion, Tier } from './decision.ts'
export type { House } from './house.ts'
