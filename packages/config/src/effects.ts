/** Which of the known keys are acted on, and what there is in place of those that are not yet. */

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

/** Keys of the sections that are acted on; `''` is the root. What is known of a section besides has no effect yet. */
export const effectiveKeys: Readonly<Record<string, ReadonlySet<string>>> = {
  '': words(`
    agent callback_settings callbacks credential_list environment_variables general_settings guardrails include keys
    litellm_settings mcp_servers mcp_settings mcp_tools model_list plugins prompts router_settings search_tools
  `),
  litellm_settings: words(`
    allowed_fails budget_duration cache cache_params callbacks content_policy_fallbacks context_window_fallbacks
    cooldown_time cost_map_path custom_prometheus_metadata_labels custom_prometheus_tags default_fallbacks drop_params
    enable_end_user_cost_tracking_prometheus_only failure_callback fallbacks global_prompt_directory guardrails
    max_budget mcp_semantic_tool_filter model_cost_map_url num_retries prometheus_emit_stream_label prometheus_metrics_config
    public_mcp_servers public_model_groups redact_user_api_key_info request_timeout require_auth_for_metrics_endpoint ssl_verify
    success_callback tag_budget_config turn_off_message_logging websearch_interception_params
  `),
  general_settings: words(`
    allow_private_mcp_urls allow_requests_on_db_unavailable allow_stored_mcp_commands always_include_stream_usage completion_model database_url disable_spend_logs embedding_model
    enable_jwt_auth enable_mcp_registry mcp_internal_ip_ranges mcp_trusted_proxy_ranges use_x_forwarded_for
    forward_client_headers_to_llm_api
    global_max_parallel_requests image_generation_model litellm_jwtauth litellm_key_header_name master_key
    max_request_size_mb role_permissions search_tools token_rate_limit_type user_api_key_cache_ttl user_header_name
  `),
  'general_settings.litellm_jwtauth': words(`
    admin_allowed_routes admin_jwt_scope audience end_user_id_jwt_field enforce_rbac enforce_scope_based_access issuer
    issuers object_id_jwt_field org_id_jwt_field public_key_ttl public_key_url role_mappings roles_jwt_field
    scope_mappings team_allowed_routes team_id_default team_id_jwt_field team_id_upsert team_ids_jwt_field
    user_allowed_email_domain user_allowed_roles user_email_jwt_field user_id_jwt_field user_id_upsert
    user_roles_jwt_field
  `),
  agent: words(`
    default_provider enabled max_parallel max_result_tokens max_turns providers query_timeout rate_limit session_idle
    tool_timeout transports trusted_proxies window
  `),
  'agent.transports': words('http sse stdio'),
  mcp_settings: words('offer_search_tools tool_filter tool_pinning'),
  'mcp_settings.tool_filter': words('exclude_tags include_tags'),
  'litellm_settings.mcp_semantic_tool_filter': words('embedding_model enabled similarity_threshold top_k'),
  router_settings: words(`
    allowed_fails allowed_fails_policy content_policy_fallbacks context_window_fallbacks cooldown_time
    default_fallbacks default_litellm_params default_max_parallel_requests
    disable_cooldowns enable_pre_call_check enable_pre_call_checks
    enable_tag_filtering fallbacks guardrail_list ignore_invalid_deployments max_fallbacks model_group_alias
    model_group_retry_policy num_retries optional_pre_call_checks provider_budget_config redis_db redis_host redis_password redis_port
    redis_url retry_after retry_policy routing_groups routing_strategy routing_strategy_args search_tools
    stream_timeout tag_filtering_match_any timeout
  `),
}

/** Keys of `litellm_params` of a deployment that are for the gateway and acted on, besides prices; other such keys have no effect yet. */
export const effectiveModelKeys: ReadonlySet<string> = words(`
  auto_router_config auto_router_config_path auto_router_default_model auto_router_embedding_model
  auto_router_max_input_chars budget_duration complexity_router_config complexity_router_default_model max_budget prompt_id
  prompt_label prompt_variables prompt_version tag_regex
`)

/** Keys of `model_info` that would change what is served, and do not yet. All others are told and no more. */
export const idleModelInfo: ReadonlySet<string> = words(`
  blocked disable_background_health_check health_check_model health_check_timeout
  supported_environments team_id team_public_model_name tier
`)

/** Keys that keep something out or in: who has them counts on it, and is warned. */
export const protectiveKeys: ReadonlySet<string> = words(`
  admin_only_routes allowed_ips allowed_routes blocked enable_oauth2_auth
  enable_oauth2_proxy_auth enforce_rbac enforce_team_based_model_access enforce_user_param enforced_params max_internal_user_budget
  max_parallel_requests policies policy_attachments redact_messages_in_exceptions
  reject_clientside_metadata_tags
`)

/** What to use in place of a key without effect, or what it waits for. */
const remedies: readonly (readonly [keys: ReadonlySet<string>, remedy: string])[] = [
  [words('set_verbose debug_level'), 'Use --log-level debug.'],
  [words('num_workers'), 'Use --workers.'],
  [words('store_model_in_db'), 'Models are in the file.'],
  [words('json_logs'), 'Every line of the log is JSON.'],
  [words('modify_params'), 'Use drop_params, and extra_body of the deployment.'],
  [words('max_parallel_requests'), 'Use global_max_parallel_requests, or max_parallel_requests of a key.'],
  [words('additional_drop_params'), 'Use drop_params.'],
  [words('blocked'), 'Take the deployment out of model_list.'],
  [words('allowed_ips allowed_routes admin_only_routes public_routes'), 'Use a proxy or firewall in front.'],
  [words('enable_oauth2_auth enable_oauth2_proxy_auth'), 'Use enable_jwt_auth, or keys.'],
  [words('enforce_team_based_model_access'), 'Confine tokens by scope_mappings or role_permissions.'],
  [
    words(`
      default_max_internal_user_budget internal_user_budget_duration max_end_user_budget max_internal_user_budget
    `),
    'Give users and customers a budget of their own.',
  ],
  [
    words(`
      default_internal_user_params default_key_generate_params default_team_params default_team_settings
      key_generation_settings upperbound_key_generate_params
    `),
    'Users, teams and rules for keys are not there yet.',
  ],
  [words('mcp_aliases'), 'Give servers an alias.'],
  [words('policies policy_attachments'), 'Name guardrails in a deployment, or set default_on.'],
  [
    words('background_health_checks health_check_interval enable_health_check_routing'),
    'Deployments that fail cool down; see cooldown_time.',
  ],
  [words('pass_through_endpoints'), 'Routes of your own are not there yet.'],
  [
    words('key_management_system key_management_settings'),
    'Have what starts the gateway put secrets in the environment.',
  ],
  [words('alerting alerting_threshold alert_types alerting_args'), 'Use a callback, or alert on its metrics.'],
]

const remedyOf: ReadonlyMap<string, string> = new Map(
  remedies.flatMap(([keys, remedy]) => [...keys].map((key) => [key, remedy] as const)),
)

/** That a key has no effect, in words, with what to use instead when that is known. */
export function withoutEffect(key: string): string {
  const remedy = remedyOf.get(key)
  return `has no effect here yet.${remedy === undefined ? '' : ` ${remedy}`}`
}
