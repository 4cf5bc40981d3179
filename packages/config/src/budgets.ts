import { mapValues, toMap, toNumber, toText } from './coerce.ts'
import type { BudgetConfig } from './config.ts'

/** A budget out of its parts, in LiteLLM's two spellings; undefined when there is no amount. */
export function toBudget(value: unknown): BudgetConfig | undefined {
  const { max_budget, budget_limit, soft_budget, budget_duration, time_period } = toMap(value)
  // A bare number is an amount for good.
  const max = toNumber(max_budget ?? budget_limit ?? value)
  const soft = toNumber(soft_budget)
  if (max === undefined && soft === undefined) return undefined
  return { max, soft, duration: toText(budget_duration ?? time_period) }
}

/** Budgets by what they are of. */
export function toBudgets(value: unknown): ReadonlyMap<string, BudgetConfig> {
  return mapValues(toMap(value), toBudget)
}
