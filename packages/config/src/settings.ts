import { isJsonObject, type JsonObject } from '@tianjillm/core'
import { toBudget, toBudgets } from './budgets.ts'
import { mapValues, toFlag, toMap, toMaps, toNumber, toText, toTexts } from './coerce.ts'
import type { FallbackTable, GeneralSettings, ModelAlias, RouterSettings, Settings } from './config.ts'

/** `litellm_settings`, but for callbacks, guardrails and what is the router's. */
export function readSettings(file: JsonObject): Settings {
  const {
    callbacks: _callbacks,
    success_callback: _success,
    failure_callback: _failure,
    guardrails: _guardrails,
    num_retries: _retries,
    allowed_fails: _fails,
    cooldown_time: _cooldown,
    fallbacks: _fallbacks,
    context_window_fallbacks: _contextWindow,
    content_policy_fallbacks: _contentPolicy,
    default_fallbacks: _default,
    budget_duration,
    drop_params,
    json_logs,
    max_budget,
    modify_params,
    network_mock,
    public_model_groups,
    public_mcp_servers,
    redact_messages_in_exceptions,
    redact_user_api_key_info,
    request_timeout,
    skip_system_message_in_guardrail,
    skip_tool_message_in_guardrail,
    ssl_verify,
    tag_budget_config,
    turn_off_message_logging,
    ...rest
  } = toMap(file.litellm_settings)
  return {
    dropParams: toFlag(drop_params) ?? false,
    modifyParams: toFlag(modify_params) ?? false,
    requestTimeout: toNumber(request_timeout),
    sslVerify: toFlag(ssl_verify) ?? toText(ssl_verify),
    turnOffMessageLogging: toFlag(turn_off_message_logging) ?? false,
    redactUserApiKeyInfo: toFlag(redact_user_api_key_info) ?? false,
    redactMessagesInExceptions: toFlag(redact_messages_in_exceptions) ?? false,
    jsonLogs: toFlag(json_logs) ?? false,
    networkMock: toFlag(network_mock) ?? false,
    skipSystemMessageInGuardrail: toFlag(skip_system_message_in_guardrail) ?? false,
    skipToolMessageInGuardrail: toFlag(skip_tool_message_in_guardrail) ?? false,
    publicModelGroups: toTexts(public_model_groups),
    publicMcpServers: toTexts(public_mcp_servers),
    budget: toBudget({ max_budget, budget_duration }),
    tagBudgets: toBudgets(tag_budget_config),
    rest,
  }
}

/** `general_settings`, but for search tools. */
export function readGeneralSettings(file: JsonObject): GeneralSettings {
  const {
    search_tools: _searchTools,
    master_key,
    database_url,
    litellm_key_header_name,
    user_header_name,
    max_request_size_mb,
    allow_stored_mcp_commands,
    allow_private_mcp_urls,
    enable_mcp_registry,
    mcp_internal_ip_ranges,
    mcp_trusted_proxy_ranges,
    use_x_forwarded_for,
    max_response_size_mb,
    max_parallel_requests,
    global_max_parallel_requests,
    completion_model,
    embedding_model,
    image_generation_model,
    moderation_model,
    allow_requests_on_db_unavailable,
    always_include_stream_usage,
    disable_spend_logs,
    enable_jwt_auth,
    forward_client_headers_to_llm_api,
    litellm_jwtauth,
    role_permissions,
    token_rate_limit_type,
    user_api_key_cache_ttl,
    ...rest
  } = toMap(file.general_settings)
  return {
    masterKey: toText(master_key),
    databaseUrl: toText(database_url),
    keyHeaderName: toText(litellm_key_header_name)?.toLowerCase(),
    userHeaderName: toText(user_header_name)?.toLowerCase(),
    maxRequestSizeMb: toNumber(max_request_size_mb),
    allowStoredMcpCommands: toFlag(allow_stored_mcp_commands) ?? false,
    allowPrivateMcpUrls: toFlag(allow_private_mcp_urls) ?? false,
    enableMcpRegistry: toFlag(enable_mcp_registry) ?? false,
    mcpInternalIpRanges: mcp_internal_ip_ranges == null ? undefined : toTexts(mcp_internal_ip_ranges),
    mcpTrustedProxyRanges: toFlag(use_x_forwarded_for) === true ? toTexts(mcp_trusted_proxy_ranges) : [],
    maxResponseSizeMb: toNumber(max_response_size_mb),
    maxParallelRequests: toNumber(max_parallel_requests),
    globalMaxParallelRequests: toNumber(global_max_parallel_requests),
    completionModel: toText(completion_model),
    embeddingModel: toText(embedding_model),
    imageGenerationModel: toText(image_generation_model),
    moderationModel: toText(moderation_model),
    alwaysIncludeStreamUsage: toFlag(always_include_stream_usage) ?? false,
    disableSpendLogs: toFlag(disable_spend_logs) ?? false,
    allowRequestsOnDbUnavailable: toFlag(allow_requests_on_db_unavailable) ?? false,
    tokenRateLimitType: tokenTypes.find((type) => type === token_rate_limit_type) ?? 'total',
    userApiKeyCacheTtl: toNumber(user_api_key_cache_ttl),
    forwardClientHeadersToLlmApi: toFlag(forward_client_headers_to_llm_api) ?? false,
    jwtAuth: toFlag(enable_jwt_auth) ? { ...toMap(litellm_jwtauth), role_permissions } : undefined,
    rest,
  }
}

const tokenTypes = ['total', 'input', 'output'] as const

/** `router_settings`, and those of its keys that are in `litellm_settings` alone. */
export function readRouterSettings(file: JsonObject): RouterSettings {
  const shared = toMap(file.litellm_settings)
  const {
    search_tools: _searchTools,
    guardrail_list: _guardrails,
    default_litellm_params: _params,
    allowed_fails = shared.allowed_fails,
    content_policy_fallbacks = shared.content_policy_fallbacks,
    context_window_fallbacks = shared.context_window_fallbacks,
    cooldown_time = shared.cooldown_time,
    default_fallbacks = shared.default_fallbacks,
    disable_cooldowns,
    enable_pre_call_check,
    enable_pre_call_checks = enable_pre_call_check,
    enable_tag_filtering,
    fallbacks = shared.fallbacks,
    max_fallbacks,
    model_group_alias,
    num_retries = shared.num_retries,
    provider_budget_config,
    retry_after,
    routing_strategy,
    routing_strategy_args,
    stream_timeout,
    tag_filtering_match_any,
    timeout = shared.request_timeout,
    ...rest
  } = toMap(file.router_settings)
  return {
    routingStrategy: toText(routing_strategy) ?? 'simple-shuffle',
    routingStrategyArgs: toMap(routing_strategy_args),
    numRetries: toNumber(num_retries) ?? 2,
    retryAfter: toNumber(retry_after) ?? 0,
    timeout: toNumber(timeout),
    streamTimeout: toNumber(stream_timeout),
    allowedFails: toNumber(allowed_fails),
    cooldownTime: toNumber(cooldown_time) ?? 5,
    disableCooldowns: toFlag(disable_cooldowns) ?? false,
    fallbacks: toFallbacks(fallbacks),
    contextWindowFallbacks: toFallbacks(context_window_fallbacks),
    contentPolicyFallbacks: toFallbacks(content_policy_fallbacks),
    defaultFallbacks: toTexts(default_fallbacks),
    maxFallbacks: toNumber(max_fallbacks) ?? 5,
    modelGroupAlias: mapValues(toMap(model_group_alias), toAlias),
    providerBudgets: toBudgets(provider_budget_config),
    enablePreCallChecks: toFlag(enable_pre_call_checks) ?? false,
    enableTagFiltering: toFlag(enable_tag_filtering) ?? false,
    tagFilteringMatchAny: toFlag(tag_filtering_match_any) ?? true,
    rest,
  }
}

function toFallbacks(value: unknown): FallbackTable {
  return new Map(toMaps(value).flatMap((map) => [...mapValues(map, toTexts)]))
}

function toAlias(value: unknown): ModelAlias | undefined {
  if (typeof value === 'string') return { model: value, isHidden: false }
  if (!isJsonObject(value) || typeof value.model !== 'string') return undefined
  return { model: value.model, isHidden: toFlag(value.hidden) ?? false }
}
