export { attempt, type Choice, type Driver } from './attempt.ts'
export type { Candidate, Route, Traits } from './candidate.ts'
export { type Groups, groupDeployments, listed } from './groups.ts'
export { Health, type MinuteCounts, type Usage } from './health.ts'
export type { RoutingRequest } from './request.ts'
export { type CooldownListener, createRouter, type Plan, type Router, soloPlan } from './router.ts'
export {
  type CooldownRules,
  defaultRules,
  type FallbackRules,
  type FallbackTable,
  type RetryPolicy,
  type Rules,
  type StrategyArguments,
  type StrategyName,
  type StrategyRules,
  type TagRules,
} from './rules.ts'
export { capturedBy, type Wildcard, wildcardIn } from './wildcard.ts'
