/**
 * Names of keys in a configuration file, and of variables in place of one. Those not yet read are here too: whoever comes
 * from LiteLLM has them.
 */

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

/** Keys of the sections in which an unknown one is worth a warning; `''` is the root. */
export const sectionKeys: Readonly<Record<string, ReadonlySet<string>>> = {
  '': words(`
    agent assistant_settings callback_settings callbacks credential_list default_vertex_config environment_variables
    files_settings finetune_settings general_settings guardrails include keys litellm_settings mcp_servers
    mcp_settings mcp_tools model_list plugins policies policy_attachments prompts router_settings search_tools
    vector_store_registry worker_registry
  `),
  litellm_settings: words(`
    add_function_to_prompt add_user_information_to_llm_headers allow_dynamic_callback_disabling allowed_fails
    argilla_transformation_object audit_log_callbacks banned_keywords_list blocked_user_list budget_duration
    budget_reset_time cache cache_params callbacks check_provider_endpoint cold_storage_custom_logger
    content_policy_fallbacks context_window_fallbacks cooldown_time cost_discount_config cost_map_path
    cost_margin_config
    custom_prometheus_metadata_labels custom_prometheus_tags custom_provider_map default_fallbacks
    default_in_memory_ttl default_internal_user_params default_key_generate_params default_max_internal_user_budget
    default_redis_ttl default_team_params default_team_settings disable_add_transform_inline_image_block
    disable_add_user_agent_to_request_tags disable_aiohttp_transport disable_copilot_system_to_assistant
    disable_end_user_cost_tracking disable_end_user_cost_tracking_prometheus_only disable_hf_tokenizer_download
    disable_stop_sequence_limit drop_params enable_azure_ad_token_refresh
    enable_end_user_cost_tracking_prometheus_only enable_json_schema_validation enable_key_alias_format_validation
    enable_loadbalancing_on_batch_endpoints enable_model_config_credential_overrides enable_preview_features
    enable_redis_auth_cache extra_spend_tag_headers failure_callback fallbacks force_ipv4
    forward_traceparent_to_llm_provider global_bitbucket_config global_disable_no_log_param global_gitlab_config
    global_prompt_directory google_moderation_confidence_threshold guardrails http2 include_cost_in_streaming_usage
    internal_user_budget_duration json_logs key_generation_settings langfuse_default_tags
    langfuse_enable_update_trace_keys langfuse_public_key langfuse_secret_key langsmith_batch_size
    llamaguard_model_name llm_guard_mode log_raw_request_response logged_real_time_event_types max_budget
    max_end_user_budget max_end_user_budget_id max_internal_user_budget max_ui_session_budget mcp_aliases
    mcp_semantic_tool_filter model_cost_map_url model_group_settings modify_params network_mock num_retries
    overwrite_user_with_key_hash post_call_rules priority_reservation priority_reservation_settings
    prometheus_emit_stream_label prometheus_initialize_budget_metrics prometheus_metrics_config public_mcp_servers
    public_model_groups
    public_model_groups_links reasoning_auto_summary redact_messages_in_exceptions redact_user_api_key_info
    request_correlation_in_logs request_timeout require_auth_for_metrics_endpoint require_managed_files
    return_response_headers route_all_chat_openai_to_responses s3_callback_params service_callback service_callbacks
    set_verbose skip_system_message_in_guardrail skip_tool_message_in_guardrail ssl_certificate ssl_ecdh_curve
    ssl_security_level ssl_verify store_audit_logs success_callback tag_budget_config telemetry timezone
    toxic_confidence_threshold turn_off_message_logging ui_theme_config upperbound_key_generate_params
    use_chat_completions_url_for_anthropic_messages user_url_allowed_hosts user_url_validation
    vertex_ai_safety_settings vertex_location vertex_project websearch_interception_params
  `),
  general_settings: words(`
    admin_only_routes admission_queue_timeout_seconds alert_to_webhook_url alert_type_config alert_types alerting
    alerting_args alerting_threshold allow_cli_sso_verification_uri_complete allow_client_side_credentials
    allow_requests_on_db_unavailable allow_unmanaged_response_ids allow_user_auth allowed_file_extensions
    allow_private_mcp_urls allow_stored_mcp_commands allowed_ips allowed_routes always_include_stream_usage auto_redirect_ui_login_to_sso
    background_health_check_model_groups background_health_checks block_robots blocked_file_extensions
    cancel_on_disconnect completion_model control_plane_url custom_auth custom_auth_run_common_checks
    custom_auth_settings custom_key_generate custom_key_policy custom_key_update custom_sso
    custom_ui_sso_sign_in_handler database_connect_timeout database_connection_pool_limit
    database_connection_pool_timeout database_connection_timeout database_disable_prepared_statements
    database_extra_connection_params database_lock_timeout database_socket_timeout database_statement_timeout
    database_url default_team_disabled disable_adding_master_key_hash_to_db disable_auto_add_proxy_admin_to_teams
    disable_batch_input_file_rate_limiting disable_budget_reservation disable_env_credential_login
    disable_error_logs disable_master_key_return disable_prisma_schema_update disable_reset_budget
    disable_responses_id_security disable_retry_on_max_parallel_request_limit_error disable_spend_logs
    disable_spend_updates drain_endpoint_token embedding_model enable_drain_endpoint enable_health_check_routing
    enable_jwt_auth enable_mcp_registry enable_oauth2_auth enable_oauth2_proxy_auth enforce_fallback_budget
    enforce_fallback_model_access enforce_rbac enforce_user_param enforced_params fail_closed_budget_enforcement
    failed_login_window_seconds forward_client_headers_to_llm_api forward_llm_provider_auth_headers
    forward_openai_org_id global_max_parallel_requests health_check_concurrency health_check_details
    health_check_ignore_transient_errors health_check_interval health_check_skip_disabled_background_models
    health_check_staleness_threshold image_generation_model infer_model_from_keys key_management_settings
    key_management_system legacy_unscoped_spend_list_endpoints litellm_jwtauth litellm_key_header_name
    litellm_license master_key max_batch_file_size_mb max_failed_login_attempts max_failed_login_attempts_per_source
    max_file_size_mb max_in_flight_requests_per_worker max_parallel_requests max_queued_requests_per_worker
    max_request_size_mb max_response_size_mb maximum_spend_logs_cleanup_batch_size
    maximum_spend_logs_cleanup_batch_timeout maximum_spend_logs_cleanup_cron maximum_spend_logs_cleanup_max_batches
    maximum_spend_logs_cleanup_run_budget maximum_spend_logs_retention_interval maximum_spend_logs_retention_period
    mcp_client_side_auth_header_name mcp_internal_ip_ranges mcp_required_fields mcp_trusted_proxy_ranges
    missing_session_id moderation_model num_workers oauth2_config_mappings otel pass_through_endpoints
    pass_through_request_timeout proxy_batch_polling_interval proxy_batch_write_at proxy_budget_rescheduler_max_time
    proxy_budget_rescheduler_min_time proxy_config_reload_interval_seconds public_routes
    reject_clientside_metadata_tags require_end_user_mcp_access_defined require_key_mcp_access_defined
    role_permissions scheduled_job_stagger scope_spend_list_endpoints_to_caller search_tools
    service_account_settings skip_batch_input_file_rate_limiting_for_models
    skip_batch_input_file_rate_limiting_for_providers spend_report_frequency sse_keepalive_ping_interval_seconds
    store_model_in_db store_prompts_in_cold_storage store_prompts_in_spend_logs supported_db_objects
    token_rate_limit_type ui_access_mode use_azure_key_vault use_client_credentials_pass_through_routes
    use_google_kms use_redis_transaction_buffer use_shared_health_check use_x_forwarded_for
    user_api_key_cache_max_size user_api_key_cache_ttl user_header_mappings user_header_name
    user_mcp_management_mode
  `),
  'general_settings.litellm_jwtauth': words(`
    admin_allowed_routes admin_jwt_scope audience custom_validate customer_member_id_jwt_field
    customer_org_alias_jwt_field customer_team_id_jwt_field end_user_id_jwt_field enforce_rbac
    enforce_scope_based_access enforce_team_based_model_access issuer issuers jwt_litellm_role_map
    object_id_jwt_field oidc_userinfo_cache_ttl oidc_userinfo_enabled oidc_userinfo_endpoint org_alias_jwt_field
    org_id_jwt_field public_allowed_routes public_key_ttl public_key_url role_mappings roles_jwt_field
    routing_overrides scope_mappings sync_user_role_and_teams team_alias_jwt_field team_allowed_routes
    team_claim_fallback team_id_default team_id_jwt_field team_id_upsert team_ids_jwt_field upsert_sso_user_to_team
    user_allowed_email_domain user_allowed_roles user_email_jwt_field user_id_jwt_field user_id_upsert
    user_roles_jwt_field virtual_key_claim_field virtual_key_mapping_cache_ttl
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
    alerting_config allow_client_keepalive_override allowed_fails allowed_fails_policy assistants_config
    background_health_check_model_groups cache_kwargs cache_responses caching_groups client_ttl
    content_policy_fallbacks context_window_fallbacks cooldown_time debug_level default_fallbacks
    default_litellm_params default_max_parallel_requests default_priority deployment_affinity_ttl_seconds
    disable_cooldowns enable_health_check_routing enable_pre_call_check enable_pre_call_checks
    enable_tag_filtering enable_weighted_failover fallbacks guardrail_list health_check_ignore_transient_errors
    health_check_staleness_threshold ignore_invalid_deployments keepalive_seconds max_fallbacks
    model_group_affinity_config model_group_alias model_group_retry_policy num_retries optional_pre_call_checks
    plugins polling_interval provider_budget_config redis_db redis_host redis_password redis_port redis_url
    retry_after retry_policy router_general_settings routing_groups routing_strategy routing_strategy_args
    search_tools set_verbose stream_idle_timeout stream_timeout tag_filtering_match_any tag_routing_prefix timeout
    ttft_timeout
  `),
}

/** Keys of an entry of a list; others may be there. */
export const entryKeys: Readonly<Record<string, ReadonlySet<string>>> = {
  model_list: words('model_name litellm_params model_info'),
  guardrails: words('guardrail_name litellm_params guardrail_info'),
  search_tools: words('search_tool_name litellm_params search_tool_info'),
  mcp_tools: words('description handler input_schema model name prompt search_tool tags'),
}

/** Fields of an entry of `keys`, as LiteLLM's `POST /key/generate` names them; others have no effect. */
export const keyFields: ReadonlySet<string> = words(
  `allowed_routes blocked budget_duration expires key key_alias key_hash max_budget max_parallel_requests metadata
  model_max_budget model_rpm_limit model_tpm_limit models object_permission rpm_limit soft_budget team_id tpm_limit user_id`,
)

/** Keys of a deployment's `litellm_params` that `ModelConfig` has a field for. */
export const modelFieldKeys: ReadonlySet<string> = words(`
  cooldown_time custom_llm_provider drop_params extra_body extra_headers guardrails headers litellm_credential_name
  max_parallel_requests max_retries mock_response model num_retries order rpm ssl_verify stream_timeout tags timeout
  tpm weight
`)

/** Others that are for the gateway and must not reach a vendor. */
export const modelGatewayKeys: ReadonlySet<string> = words(`
  adaptive_router_config adaptive_router_default_model additional_drop_params allow_client_keepalive_override
  allowed_openai_params auto_router_config auto_router_config_path auto_router_default_model
  auto_router_embedding_model auto_router_max_input_chars base_model budget_duration cache complexity_router_config
  complexity_router_default_model configurable_clientside_auth_params default_api_key_rpm_limit
  default_api_key_tpm_limit itpm keepalive_seconds max_agentic_loops max_budget merge_reasoning_content_in_choices
  model_info otpm prompt_id prompt_label prompt_variables prompt_version quality_router_config
  quality_router_default_model stream_idle_timeout tag_regex ttft_timeout use_chat_completions_api
  use_in_pass_through use_litellm_proxy
`)

/** Prices: `input_cost_per_token`, `output_cost_per_second`, `cache_read_input_token_cost`… */
export const priceKey: RegExp = /_cost$|_cost_per_|_cost_above_/

/** Frequent keys of `litellm_params` that go to the provider; others go there as well. */
export const modelProviderKeys: ReadonlySet<string> = words(`
  api_base api_key api_version aws_access_key_id aws_bedrock_runtime_endpoint aws_external_id aws_profile_name
  aws_region_name aws_role_name aws_secret_access_key aws_session_name aws_session_token aws_sts_endpoint
  aws_web_identity_token azure_ad_token base_url client_id client_secret max_new_tokens max_output_tokens min_p
  organization project project_id region_name repetition_penalty s3_access_key_id s3_bucket_name s3_region_name
  s3_secret_access_key tenant_id thinking top_a top_k vertex_ai_credentials vertex_ai_location vertex_ai_project
  vertex_credentials vertex_location vertex_project watsonx_region_name
`)

/** The variables that describe a provider to the agent, where no file does. */
export interface ProviderVariables {
  /** Any one of them holds the key. */
  readonly keys: readonly string[]
  readonly model: string
  /** Undefined: the variable must be set. */
  readonly usualModel?: string
  /** Any one of them may hold its URL. */
  readonly urls: readonly string[]
}

/** Providers that the agent asks when the environment alone describes them. */
export const environmentProviders: Readonly<Record<string, ProviderVariables>> = {
  openai: {
    keys: ['OPENAI_API_KEY'],
    ...{ model: 'OPENAI_MODEL', usualModel: 'gpt-4o' },
    urls: ['OPENAI_API_BASE', 'OPENAI_BASE_URL'],
  },
  huawei_maas: {
    keys: ['MAAS_API_KEY', 'HUAWEI_MAAS_API_KEY'],
    model: 'MAAS_MODEL_NAME',
    urls: ['MAAS_API_URL', 'HUAWEI_MAAS_API_BASE'],
  },
}
