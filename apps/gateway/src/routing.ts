import type { ModelConfig, RouterSettings } from '@tianjillm/config'
import { type ErrorKind, isJsonObject, type JsonObject } from '@tianjillm/core'
import type { RetryPolicy, Rules, StrategyName, Traits } from '@tianjillm/router'

/** How the router decides, as `router_settings` has it. */
export function rulesOf(router: RouterSettings): Rules {
  const { rest } = router
  const checks = Array.isArray(rest.optional_pre_call_checks) ? rest.optional_pre_call_checks : []
  return {
    strategy: strategyNames[router.routingStrategy] ?? 'simple-shuffle',
    strategyArguments: { latencyBuffer: numberIn(router.routingStrategyArgs, 'lowest_latency_buffer') ?? 0 },
    numRetries: router.numRetries,
    retryPolicy: policyOf(rest.retry_policy, 'Retries'),
    groupRetryPolicy: new Map(
      Object.entries(mapIn(rest.model_group_retry_policy)).map(([group, policy]) => [
        group,
        policyOf(policy, 'Retries'),
      ]),
    ),
    retryAfter: router.retryAfter * 1000,
    cooldown: {
      isOn: !router.disableCooldowns,
      time: router.cooldownTime * 1000,
      allowedFails: router.allowedFails,
      allowedFailsPolicy: policyOf(rest.allowed_fails_policy, 'AllowedFails'),
    },
    fallbacks: {
      general: router.fallbacks,
      contextWindow: router.contextWindowFallbacks,
      contentPolicy: router.contentPolicyFallbacks,
      others: router.defaultFallbacks,
      most: router.maxFallbacks,
    },
    aliases: new Map([...router.modelGroupAlias].map(([name, { model }]) => [name, model])),
    listedAliases: [...router.modelGroupAlias].flatMap(([name, { isHidden }]) => (isHidden ? [] : [name])),
    tags: { isOn: router.enableTagFiltering, matchesAny: router.tagFilteringMatchAny },
    checksRequests: router.enablePreCallChecks,
    enforcesLimits: router.routingStrategy === 'usage-based-routing-v2' || checks.includes('enforce_model_rate_limits'),
  }
}

/** What routing goes by, as a deployment has it. */
export function traitsOf(model: ModelConfig): Traits {
  const { order, weight, rpm, tpm, maxParallelRequests, tags, info, cooldownTime, gatewayParams } = model
  const cost = (name: string) => numberIn(gatewayParams, name) ?? numberIn(info, name)
  const [input, output] = [cost('input_cost_per_token'), cost('output_cost_per_token')]
  const region = gatewayParams.region_name ?? info.region_name
  return {
    order,
    weight,
    rpm,
    tpm,
    maxParallelRequests,
    tags,
    region: typeof region === 'string' ? region : undefined,
    maxInputTokens: numberIn(info, 'max_input_tokens') ?? numberIn(info, 'max_tokens'),
    price: input === undefined && output === undefined ? undefined : (input ?? 0) + (output ?? 0),
    cooldownTime: cooldownTime === undefined ? undefined : cooldownTime * 1000,
  }
}

/** LiteLLM's names of the strategies. https://docs.litellm.ai/docs/routing */
const strategyNames: Readonly<Record<string, StrategyName>> = {
  'simple-shuffle': 'simple-shuffle',
  'least-busy': 'least-busy',
  'latency-based-routing': 'latency-based',
  'usage-based-routing': 'usage-based',
  'usage-based-routing-v2': 'usage-based',
  'cost-based-routing': 'cost-based',
}

/** Which of our errors each of LiteLLM's classes stands for. */
const errorClasses: Readonly<Record<string, readonly ErrorKind[]>> = {
  BadRequestError: ['invalid_request', 'unsupported_parameter', 'unsupported_operation', 'context_length_exceeded'],
  AuthenticationError: ['upstream_auth_failed', 'misconfigured'],
  TimeoutError: ['upstream_timeout'],
  RateLimitError: ['rate_limited', 'quota_exceeded'],
  ContentPolicyViolationError: ['content_policy_violation'],
  InternalServerError: ['upstream_error'],
  ServiceUnavailableError: ['overloaded'],
  BadGatewayError: ['upstream_unreachable', 'upstream_invalid_response'],
  NotFoundError: ['model_not_found', 'not_found'],
}

/** `{TimeoutErrorRetries: 3}` by kind of error. */
function policyOf(written: unknown, ending: string): RetryPolicy {
  return Object.fromEntries(
    Object.entries(mapIn(written)).flatMap(([name, count]) =>
      typeof count === 'number' ? (errorClasses[name.replace(ending, '')] ?? []).map((kind) => [kind, count]) : [],
    ),
  )
}

function mapIn(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {}
}

function numberIn(map: JsonObject, name: string): number | undefined {
  const value = map[name]
  return typeof value === 'number' ? value : undefined
}
