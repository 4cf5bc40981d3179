import type { ModelConfig, RouterSettings } from '@tianjillm/config'
import { type ErrorKind, GatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import type { ModelFacts } from '@tianjillm/models'
import type { RetryPolicy, Rules, StrategyName, StrategyRules, Traits } from '@tianjillm/router'

/** How the router decides, as `router_settings` has it. */
export function rulesOf(router: RouterSettings): Rules {
  const { rest } = router
  return {
    ...strategyOf(router.routingStrategy, router.routingStrategyArgs, rest),
    groupStrategies: groupStrategiesOf(router),
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
  }
}

/** Whether deployments are chosen by their prices, of all groups or of some. */
export function routesByCost(router: RouterSettings): boolean {
  const groups = [...groupStrategiesOf(router).values()]
  return [strategyOf(router.routingStrategy, {}, {}), ...groups].some(({ strategy }) => strategy === 'cost-based')
}

/**
 * What routing goes by, as a deployment has it; what it does not say itself is as `known` of its model. Throws
 * GatewayError `misconfigured` for a `tag_regex` that is none.
 */
export function traitsOf(model: ModelConfig, router: RouterSettings, known: ModelFacts): Traits {
  const { order, weight, rpm, tpm, maxParallelRequests, tags, info, cooldownTime, numRetries, gatewayParams } = model
  const cost = (name: string) => numberIn(gatewayParams, name) ?? numberIn(info, name) ?? numberIn(known, name)
  const [input, output] = [cost('input_cost_per_token'), cost('output_cost_per_token')]
  const region = gatewayParams.region_name ?? info.region_name
  return {
    order,
    weight,
    rpm,
    tpm,
    maxParallelRequests: maxParallelRequests ?? numberIn(router.rest, 'default_max_parallel_requests'),
    tags,
    tagPatterns: patternsOf(gatewayParams.tag_regex),
    region: typeof region === 'string' ? region : undefined,
    maxInputTokens:
      numberIn(info, 'max_input_tokens') ?? numberIn(info, 'max_tokens') ?? numberIn(known, 'max_input_tokens'),
    price: input === undefined && output === undefined ? undefined : (input ?? 0) + (output ?? 0),
    cooldownTime: cooldownTime === undefined ? undefined : cooldownTime * 1000,
    numRetries,
  }
}

/** Seconds for which latencies are remembered. */
const DEFAULT_TTL = 3_600

function strategyOf(
  name: string,
  written: JsonObject,
  { optional_pre_call_checks: checks }: JsonObject,
): StrategyRules {
  const isChecked = Array.isArray(checks) && checks.includes('enforce_model_rate_limits')
  return {
    strategy: strategyNames[name] ?? 'simple-shuffle',
    strategyArguments: {
      latencyBuffer: numberIn(written, 'lowest_latency_buffer') ?? 0,
      latencyMemory: (numberIn(written, 'ttl') ?? DEFAULT_TTL) * 1000,
    },
    enforcesLimits: isChecked || name === 'usage-based-routing-v2',
  }
}

/** `routing_groups`: strategies of the groups they name, in place of the one for all. */
function groupStrategiesOf({ rest }: RouterSettings): ReadonlyMap<string, StrategyRules> {
  const written = Array.isArray(rest.routing_groups) ? rest.routing_groups.map(mapIn) : []
  return new Map(
    written.flatMap(({ models, routing_strategy, routing_strategy_args }) => {
      const strategy = strategyOf(String(routing_strategy), mapIn(routing_strategy_args), rest)
      return Array.isArray(models) ? models.map((name) => [String(name), strategy] as const) : []
    }),
  )
}

/** Letters that a pattern may have. */
const LONGEST_PATTERN = 500

function patternsOf(written: unknown): readonly RegExp[] | undefined {
  if (written === undefined || written === null) return undefined
  return (Array.isArray(written) ? written : [written]).map(patternOf)
}

function patternOf(written: unknown): RegExp {
  const text = String(written)
  try {
    if (text.length <= LONGEST_PATTERN) return new RegExp(text)
  } catch {
    throw wrongPattern('is no regular expression')
  }
  throw wrongPattern(`has more than ${LONGEST_PATTERN} letters`)
}

function wrongPattern(reason: string): GatewayError {
  return new GatewayError('misconfigured', `tag_regex: it ${reason}.`, {
    details: { option: 'tagRegex', reason: `it ${reason}` },
    provider: 'tag_regex',
  })
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
