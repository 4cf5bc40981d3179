import type { Decision } from './decision.ts'
import type { House } from './house.ts'

/**
 * The decision for a request with images: its model if it can see, else the first of the others that can. A model of
 * which nobody has said whether it can is taken when none is known to.
 */
export function chooseSeeing(decision: Decision, others: readonly string[], house: House): Decision {
  const candidates = [decision.model, ...others]
  const model =
    candidates.find((group) => house.canSee(group) === true) ??
    candidates.find((group) => house.canSee(group) === undefined)
  const { why } = decision
  if (model === undefined) return { ...decision, why: [...why, 'there are images, and no model here takes any'] }
  if (model !== decision.model)
    return { ...decision, model, why: [...why, `there are images, so not ${decision.model}`] }
  return decision
}
