import {
  type Awaitable,
  didYouMean,
  type ErrorKind,
  GatewayError,
  isJsonObject,
  type JsonObject,
} from '@tianjillm/core'
import { listed, type Plan, type Router, type RoutingRequest, soloPlan } from '@tianjillm/router'
import type { Asked } from './asked.ts'
import { autoRoute, tellDecision } from './auto-route.ts'
import type { LiveCall } from './call.ts'
import type { Deployment } from './deployment.ts'
import type { Engine } from './engine.ts'
import { deadlineOf } from './patience.ts'
import type { CallRecord } from './record.ts'

/**
 * Where a call goes: to a model, the one that an auto-router chooses, or a search tool; or to the mock when the request
 * brings its own answer. Throws GatewayError `model_not_found`, `no_search_provider` or `search_tool_not_found`.
 */
export function planned(engine: Engine, asked: Asked, call: LiveCall, record: CallRecord): Awaitable<Plan<Deployment>> {
  const request = routingRequest(asked.input, call, record)
  if (call.operation === 'search') return planSearch(engine.searchRouter, request)
  const deciding = autoRoute(engine, asked.input, call, record)
  if (deciding === undefined) return planModel(engine, asked, request)
  return deciding.then((decision) => {
    tellDecision(decision, record)
    return planModel(engine, asked, { ...request, model: decision.model })
  })
}

function planModel(engine: Engine, asked: Asked, request: RoutingRequest): Awaitable<Plan<Deployment>> {
  const plan = engine.router.plan(request)
  if (engine.mock === undefined || asked.input.mock_response === undefined) return plan
  return engine.mock().then((deployment) => soloPlan(deployment, plan.contenders[0]!.model, request))
}

function planSearch(router: Router<Deployment>, request: RoutingRequest): Plan<Deployment> {
  const names = [...router.groups.exact.keys()]
  if (names.length === 0)
    throw new GatewayError(
      'no_search_provider',
      'No search provider is configured. Add search_tools to the configuration.',
    )
  const { model: name } = request
  if (router.groups.exact.has(name)) return router.plan(request)
  const hint = didYouMean(name, names) || ` Configured are ${listed(names)}.`
  throw new GatewayError('search_tool_not_found', `The search tool "${name.slice(0, 100)}" is not configured.${hint}`)
}

/** What a request says about its own routing. https://docs.litellm.ai/docs/proxy/reliability */
function routingRequest(input: JsonObject, { model, caller }: LiveCall, record: CallRecord): RoutingRequest {
  const { tags, isInner, patience } = record.arrival
  return {
    model,
    tags: isInner ? [] : tags,
    userAgent: caller.userAgent,
    region: typeof input.allowed_model_region === 'string' ? input.allowed_model_region : undefined,
    countTokens: () => roughTokens(input),
    fallbacks: fallbacksIn(input),
    disablesFallbacks: input.disable_fallbacks === true,
    numRetries: patience?.numRetries,
    deadline: deadlineOf(input, record),
    failsWith: mockedFailures.find(([name]) => input[name] === true)?.[1],
  }
}

/** Four letters a token. */
function roughTokens({ messages, prompt, input }: JsonObject): number {
  return Math.ceil(JSON.stringify(messages ?? prompt ?? input ?? '').length / 4)
}

/** Groups that a client wants to stand in for its model; of an entry `{"model": …}` its name. */
export function fallbacksIn({ fallbacks }: JsonObject): readonly string[] | undefined {
  if (!Array.isArray(fallbacks)) return undefined
  return fallbacks.flatMap((entry) => {
    const name = isJsonObject(entry) ? entry.model : entry
    return typeof name === 'string' ? [name] : []
  })
}

/** Request fields that let the first group fail, to see what stands in for it. */
const mockedFailures: readonly (readonly [string, ErrorKind])[] = [
  ['mock_testing_fallbacks', 'upstream_error'],
  ['mock_testing_context_window_fallbacks', 'context_length_exceeded'],
  ['mock_testing_context_fallbacks', 'context_length_exceeded'],
  ['mock_testing_content_policy_fallbacks', 'content_policy_violation'],
  ['mock_testing_rate_limit_error', 'rate_limited'],
]
