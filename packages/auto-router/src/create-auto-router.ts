import type { JsonObject } from '@tianjillm/core'
import { createComplexityRouter } from './complexity-router.ts'
import type { AutoRouter } from './decision.ts'
import type { House } from './house.ts'
import { createSemanticRouter } from './semantic-router.ts'

/** How LiteLLM calls the router by complexity: `model: auto_router/complexity_router`. */
const BY_COMPLEXITY = 'complexity_router'

/**
 * An auto-router as `model_list` has it: `name` is its `model_name`, `model` what follows `auto_router/`, `params` its
 * other `litellm_params` as written. Throws GatewayError `misconfigured` that names the wrong option.
 */
export function createAutoRouter(name: string, model: string, params: JsonObject, house: House): AutoRouter {
  return model === BY_COMPLEXITY
    ? createComplexityRouter(name, params, house)
    : createSemanticRouter(name, params, house)
}
