import { isIP } from 'node:net'
import type { JsonObject } from '@tianjillm/core'
import * as v from 'valibot'
import {
  anyMap,
  certificates,
  either,
  flag,
  list,
  map,
  mapOf,
  number,
  portion,
  positive,
  positiveInteger,
  text,
  textOrTexts,
  texts,
} from './shapes.ts'

const models = list(
  map(
    {
      model_name: text,
      litellm_params: map(
        { model: text },
        {
          cooldown_time: number,
          custom_llm_provider: text,
          drop_params: flag,
          extra_body: anyMap,
          extra_headers: anyMap,
          guardrails: texts,
          headers: anyMap,
          litellm_credential_name: text,
          max_parallel_requests: number,
          max_retries: number,
          num_retries: number,
          order: number,
          organization: textOrTexts,
          rpm: number,
          ssl_verify: certificates,
          stream_timeout: number,
          tags: texts,
          timeout: number,
          tpm: number,
          weight: number,
        },
      ),
    },
    { model_info: map({}, { id: either('expected a string', v.string(), v.number()) }) },
  ),
)

const credentials = list(map({ credential_name: text }, { credential_values: anyMap }))

const modes = either(
  'expected a mode, a list of modes, or a map with tags and default',
  text,
  texts,
  map({}, { tags: mapOf(textOrTexts), default: textOrTexts }),
)

const guardrails = list(
  map(
    {
      guardrail_name: text,
      litellm_params: map(
        { guardrail: text },
        { default_on: flag, guardrail_timeout: number, mode: modes, timeout: number, weight: number },
      ),
    },
    { guardrail_info: anyMap },
  ),
)

const searchTools = list(
  map(
    {
      search_tool_name: text,
      litellm_params: map({ search_provider: text }, { max_retries: number, timeout: number }),
    },
    { search_tool_info: anyMap },
  ),
)

const mcpTools = list(
  map(
    { name: text },
    { description: text, input_schema: anyMap, model: text, prompt: text, search_tool: text, tags: texts },
  ),
)

const HASH = /^[0-9a-fA-F]{64}$/
const DATE = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/

const date = v.pipe(
  v.string('expected a date'),
  v.check(isDate, 'expected a date such as 2027-01-31 or 2027-01-31T18:00:00Z'),
)

const duration = v.pipe(
  text,
  v.regex(/^[1-9]\d{0,8}(s|m|h|d|w|mo)$/, 'expected a time such as 30s, 30m, 12h, 30d or 1mo'),
)
const dollars = either(
  'expected US dollars',
  v.pipe(v.number(), v.finite('expected US dollars'), v.minValue(0, 'expected US dollars')),
  v.pipe(v.string(), v.regex(/^\s*\+?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/, 'expected US dollars')),
)
const budget = either(
  'expected US dollars, or a map with budget_limit and time_period',
  dollars,
  map({}, { max_budget: dollars, budget_limit: dollars, budget_duration: duration, time_period: duration }),
)

const keys = list(
  map(
    {},
    {
      allowed_routes: texts,
      blocked: flag,
      budget_duration: duration,
      expires: date,
      key: text,
      key_alias: text,
      key_hash: v.pipe(text, v.regex(HASH, 'expected the SHA-256 of a key, 64 hexadecimal digits')),
      max_budget: dollars,
      metadata: anyMap,
      model_max_budget: mapOf(budget),
      model_rpm_limit: mapOf(positiveInteger),
      model_tpm_limit: mapOf(positiveInteger),
      models: texts,
      object_permission: map(
        {},
        { mcp_access_groups: texts, mcp_servers: texts, mcp_tool_permissions: mapOf(texts), vector_stores: texts },
      ),
      rpm_limit: positiveInteger,
      max_parallel_requests: positiveInteger,
      soft_budget: dollars,
      tpm_limit: positiveInteger,
      team_id: text,
      user_id: text,
    },
  ),
)

/** A day is looked at apart: JavaScript takes the thirtieth of February for the second of March. */
function isDate(written: string): boolean {
  const day = Date.parse(`${DATE.exec(written)?.[1]}T00:00Z`)
  if (Number.isNaN(day) || Number.isNaN(Date.parse(written))) return false
  return written.startsWith(new Date(day).toISOString().slice(0, 10))
}

const callbacks = either(
  'expected a list of callbacks',
  text,
  list(either('expected a name, or a map from a name to its options', text, anyMap)),
)

const fallbacks = list(mapOf(texts))

/** What `litellm_settings` and `router_settings` share. */
const routing = {
  allowed_fails: number,
  content_policy_fallbacks: fallbacks,
  context_window_fallbacks: fallbacks,
  cooldown_time: number,
  default_fallbacks: texts,
  fallbacks,
  num_retries: number,
}

/** Where Redis is, is looked at by whoever connects to it. */
const cacheParams = map(
  {},
  {
    default_in_memory_ttl: number,
    default_in_redis_ttl: number,
    disk_cache_dir: text,
    max_entries: positiveInteger,
    max_size_mb: number,
    mode: either('expected default_on or default_off', v.picklist(['default_on', 'default_off'])),
    namespace: text,
    redis_semantic_cache_embedding_model: text,
    semantic_cache_embedding_model: text,
    shared_by: either('expected key, team or all', v.picklist(['key', 'team', 'all'])),
    similarity_threshold: portion,
    supported_call_types: texts,
    ttl: number,
    type: text,
  },
)

const semanticFilter = map(
  {},
  { embedding_model: text, enabled: flag, similarity_threshold: portion, top_k: positiveInteger },
)

const settings = map(
  {},
  {
    ...routing,
    budget_duration: duration,
    cache: flag,
    cache_params: cacheParams,
    callbacks,
    cost_map_path: text,
    drop_params: flag,
    failure_callback: callbacks,
    guardrails,
    json_logs: flag,
    max_budget: dollars,
    mcp_semantic_tool_filter: semanticFilter,
    model_cost_map_url: text,
    modify_params: flag,
    network_mock: flag,
    public_mcp_servers: texts,
    public_model_groups: texts,
    redact_messages_in_exceptions: flag,
    redact_user_api_key_info: flag,
    request_timeout: number,
    skip_system_message_in_guardrail: flag,
    skip_tool_message_in_guardrail: flag,
    ssl_verify: certificates,
    success_callback: callbacks,
    tag_budget_config: mapOf(budget),
    turn_off_message_logging: flag,
  },
)

const claimFields = {
  end_user_id_jwt_field: text,
  object_id_jwt_field: text,
  org_id_jwt_field: text,
  roles_jwt_field: text,
  team_id_jwt_field: text,
  team_ids_jwt_field: text,
  user_email_jwt_field: text,
  user_id_jwt_field: text,
  user_roles_jwt_field: text,
}

const internalRole = v.picklist(
  ['proxy_admin', 'proxy_admin_viewer', 'internal_user', 'internal_user_viewer', 'team'],
  'expected proxy_admin, proxy_admin_viewer, internal_user, internal_user_viewer or team',
)

const issuer = map(
  { issuer: text },
  { ...claimFields, audience: textOrTexts, disable_audience_validation: flag, jwks_url: text },
)

const tokens = map(
  {},
  {
    ...claimFields,
    admin_allowed_routes: texts,
    admin_jwt_scope: text,
    audience: textOrTexts,
    enforce_rbac: flag,
    enforce_scope_based_access: flag,
    issuer: textOrTexts,
    issuers: list(issuer),
    public_key_ttl: number,
    public_key_url: textOrTexts,
    role_mappings: list(map({ role: text, internal_role: internalRole })),
    scope_mappings: list(map({ scope: text }, { models: texts, routes: texts })),
    team_allowed_routes: texts,
    team_id_default: text,
    team_id_upsert: flag,
    user_allowed_email_domain: text,
    user_allowed_roles: texts,
    user_id_upsert: flag,
  },
)

const address = v.pipe(text, v.check(isAddressRange, 'expected an address or a range such as 10.0.0.0/8'))

const generalSettings = map(
  {},
  {
    allow_private_mcp_urls: flag,
    allow_requests_on_db_unavailable: flag,
    allow_stored_mcp_commands: flag,
    always_include_stream_usage: flag,
    completion_model: text,
    database_url: text,
    disable_spend_logs: flag,
    enable_jwt_auth: flag,
    enable_mcp_registry: flag,
    mcp_internal_ip_ranges: list(address),
    mcp_trusted_proxy_ranges: list(address),
    use_x_forwarded_for: flag,
    forward_client_headers_to_llm_api: flag,
    global_max_parallel_requests: positiveInteger,
    image_generation_model: text,
    litellm_jwtauth: tokens,
    litellm_key_header_name: text,
    master_key: text,
    max_parallel_requests: number,
    max_request_size_mb: number,
    max_response_size_mb: number,
    moderation_model: text,
    role_permissions: list(map({ role: text }, { models: texts, routes: texts })),
    search_tools: searchTools,
    token_rate_limit_type: v.picklist(['total', 'input', 'output'], 'expected total, input or output'),
    user_api_key_cache_ttl: number,
    user_header_name: text,
  },
)

const modelAlias = either(
  'expected the name of a model, or a map with model and hidden',
  text,
  map({ model: text }, { hidden: flag }),
)

const routerSettings = map(
  {},
  {
    ...routing,
    default_litellm_params: anyMap,
    disable_cooldowns: flag,
    enable_pre_call_check: flag,
    enable_pre_call_checks: flag,
    enable_tag_filtering: flag,
    guardrail_list: guardrails,
    max_fallbacks: number,
    model_group_alias: mapOf(modelAlias),
    provider_budget_config: mapOf(budget),
    retry_after: number,
    routing_strategy: text,
    routing_strategy_args: anyMap,
    search_tools: searchTools,
    stream_timeout: number,
    tag_filtering_match_any: flag,
    timeout: number,
  },
)

const agent = map(
  {},
  {
    default_provider: text,
    enabled: flag,
    max_parallel: positiveInteger,
    max_result_tokens: positiveInteger,
    max_turns: positiveInteger,
    providers: texts,
    query_timeout: positive,
    rate_limit: positiveInteger,
    session_idle: positive,
    tool_timeout: positive,
    transports: map({}, { http: flag, sse: flag, stdio: flag }),
    trusted_proxies: list(address),
    window: positive,
  },
)

function isAddressRange(written: string): boolean {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(written) ?? []
  const version = isIP(address)
  return version !== 0 && Number(bits ?? 0) <= (version === 4 ? 32 : 128)
}

const toolPinning = either(
  'expected off, warn or quarantine',
  v.picklist(['off', 'warn', 'quarantine']),
  // As YAML 1.1 reads an `off` without quotes.
  v.literal(false),
)

/** What a configuration file must look like once its environment is resolved. Free of transformations. */
export const configFile: v.GenericSchema<unknown, JsonObject> = map(
  {},
  {
    agent,
    callback_settings: mapOf(v.nullish(anyMap)),
    callbacks,
    credential_list: credentials,
    general_settings: generalSettings,
    guardrails,
    keys,
    litellm_settings: settings,
    mcp_settings: map(
      {},
      {
        offer_search_tools: flag,
        tool_filter: map({}, { exclude_tags: texts, include_tags: texts }),
        tool_pinning: toolPinning,
      },
    ),
    mcp_tools: mcpTools,
    model_list: models,
    plugins: texts,
    router_settings: routerSettings,
    search_tools: searchTools,
  },
) as v.GenericSchema<unknown, JsonObject>
