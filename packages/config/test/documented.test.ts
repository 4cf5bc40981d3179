import { describe, expect, test } from 'vitest'
import { formatProblem, readConfig } from '../src/index.ts'

/** What pages about LiteLLM's configuration show, each in words and values of our own. */
const snippets: Readonly<Record<string, string>> = {
  'a deployment with numbers as text': `
model_list:
  - model_name: fast
    litellm_params: { model: groq/llama-3.1-8b-instant, rpm: "30", tpm: "6000", timeout: "12.5", weight: 1e1 }`,
  'a deployment for each of several regions': `
model_list:
  - { model_name: big, litellm_params: { model: azure/big-us, region_name: us, api_version: "2024-10-21" } }
  - { model_name: big, litellm_params: { model: azure/big-eu, region_name: eu, api_version: "2024-10-21" } }
router_settings: { enable_pre_call_checks: true }`,
  'a provider that is not in the model': `
model_list:
  - model_name: house
    litellm_params: { model: any/slashes/it/has, custom_llm_provider: openai, api_base: http://127.0.0.1:9/v1 }`,
  'prices of its own': `
model_list:
  - model_name: spoken
    litellm_params: { model: openai/whisper-1, input_cost_per_second: 0.0001, output_cost_per_second: 0 }
    model_info: { mode: audio_transcription, input_cost_per_token: 0, supports_vision: false, max_tokens: 4096 }`,
  'a fixed prompt and model-level guardrails': `
model_list:
  - model_name: helper
    litellm_params: { model: openai/gpt-4o, prompt_id: helper, guardrails: [names] }
guardrails:
  - { guardrail_name: names, litellm_params: { guardrail: presidio, mode: pre_call } }`,
  'certificates of a company': `
litellm_settings: { ssl_verify: certs/company.pem, ssl_certificate: certs/client.pem, force_ipv4: true }
model_list: [{ model_name: a, litellm_params: { model: openai/b, ssl_verify: "False" } }]`,
  'an authorization header put together': `
model_list:
  - model_name: proxied
    litellm_params:
      model: openai/gpt-4o
      extra_headers: { Authorization: Bearer os.environ/PROXY_TOKEN, x-env: "\${STAGE:-test}" }`,
  'what clients may override': `
model_list:
  - model_name: theirs
    litellm_params:
      model: openai/gpt-4o
      configurable_clientside_auth_params: [api_key, { api_base: "^https://.*example.com$" }]`,
  'callbacks as a single name': 'litellm_settings: { success_callback: langfuse, failure_callback: sentry }',
  'callbacks at the root, with options': 'callbacks: [prometheus, { langfuse: { release: "7" } }]',
  'a callback of another type under a name of its own': `
litellm_settings: { callbacks: [events] }
callback_settings: { events: { callback_type: generic_api, endpoint: "https://events.example.com", headers: { a: b } } }`,
  'what is left out of traces': `
litellm_settings:
  callbacks: [langfuse]
  langfuse_default_tags: [user_api_key_alias, proxy_base_url]
  turn_off_message_logging: "true"`,
  'fallbacks to a model and to a wildcard': `
model_list:
  - { model_name: "*", litellm_params: { model: openai/* } }
  - { model_name: good, litellm_params: { model: anthropic/claude-sonnet-4-5 } }
router_settings: { fallbacks: [{ "*": [good] }], default_fallbacks: [whatever-the-star-serves] }`,
  'fallbacks in the settings, retries in the router': `
model_list:
  - { model_name: a, litellm_params: { model: openai/a } }
  - { model_name: b, litellm_params: { model: openai/b } }
litellm_settings: { fallbacks: [{ a: [b] }], num_retries: 3, allowed_fails: 2, cooldown_time: 20, request_timeout: 10 }
router_settings: { num_retries: 1 }`,
  'aliases, one of which is hidden': `
model_list: [{ model_name: gpt-4o, litellm_params: { model: openai/gpt-4o } }]
router_settings: { model_group_alias: { gpt-4: gpt-4o, old: { model: gpt-4o, hidden: true } } }`,
  'policies of retries for one group': `
model_list: [{ model_name: a, litellm_params: { model: openai/a } }]
router_settings:
  model_group_retry_policy: { a: { RateLimitErrorRetries: 4, TimeoutErrorRetries: 1 } }
  allowed_fails_policy: { AuthenticationErrorAllowedFails: 0 }`,
  'affinity of sessions': `
router_settings:
  optional_pre_call_checks: [prompt_caching, session_affinity, deployment_affinity]
  deployment_affinity_ttl_seconds: 600`,
  'a cache in Redis with nodes': `
litellm_settings:
  cache: True
  cache_params: { type: redis, redis_startup_nodes: [{ host: 127.0.0.1, port: 7001 }], ssl: "true" }`,
  'a guardrail that runs by tag': `
guardrails:
  - guardrail_name: by-tag
    litellm_params: { guardrail: lakera_v2, mode: { tags: { "User-Agent: curl": [pre_call] }, default: logging_only } }`,
  'two guardrails that share the load': `
guardrails:
  - { guardrail_name: pii, litellm_params: { guardrail: presidio, mode: pre_call, weight: 2 } }
  - { guardrail_name: pii, litellm_params: { guardrail: presidio, mode: pre_call, weight: 1 } }`,
  'guardrails with the words of their vendors': `
guardrails:
  - { guardrail_name: a, litellm_params: { guardrail: panw_prisma_airs, mode: pre_call, fallback_on_error: allow } }
  - { guardrail_name: b, litellm_params: { guardrail: grayswan, mode: during_call, fail_open: false } }
  - { guardrail_name: c, litellm_params: { guardrail: noma, mode: post_call, block_failures: false } }
  - { guardrail_name: d, litellm_params: { guardrail: model_armor, mode: [pre_call, post_call], fail_on_error: true } }
  - { guardrail_name: e, litellm_params: { guardrail: generic_guardrail_api, mode: pre_mcp_call, unreachable_fallback: fail_open } }`,
  'search tools of several engines': `
search_tools:
  - { search_tool_name: a, litellm_params: { search_provider: searxng, api_base: http://127.0.0.1:8080 } }
  - { search_tool_name: b, litellm_params: { search_provider: google_pse, search_engine_id: os.environ/PSE } }
  - { search_tool_name: c, litellm_params: { search_provider: dataforseo, api_key: "os.environ/LOGIN:os.environ/PASSWORD" } }`,
  'searches in place of tools': `
litellm_settings:
  callbacks: [{ websearch_interception: { enabled_providers: [bedrock], search_tool_name: web } }]
  websearch_interception_params: { max_agentic_loops: 2 }`,
  'MCP servers of every kind': `
mcp_servers:
  web: { url: "https://mcp.example.com/mcp" }
  events: { url: "https://mcp.example.com/sse", transport: sse, auth_type: api_key, auth_value: os.environ/MCP_KEY }
  local: { transport: stdio, command: uvx, args: [mcp-server-fetch], env: { A: b } }
  rest: { spec_path: ./openapi.json, url: "https://rest.example.com", static_headers: { x-a: b }, extra_headers: [x-c] }
  oauth: { url: "https://o.example.com", auth_type: oauth2, client_id: a, client_secret: os.environ/B, scopes: [c] }`,
  'prompts from a repository': `
prompts:
  - prompt_id: p
    litellm_params: { prompt_id: p, prompt_integration: gitlab, gitlab_project: a/b, gitlab_access_token: os.environ/T }
litellm_settings: { global_gitlab_config: { project: a/b, access_token: os.environ/T } }`,
  'an auto-router with its routes in a file': `
model_list:
  - { model_name: small, litellm_params: { model: openai/gpt-4o-mini } }
  - { model_name: vectors, litellm_params: { model: openai/text-embedding-3-small } }
  - model_name: auto
    litellm_params:
      model: auto_router/any
      auto_router_config_path: routes.json
      auto_router_default_model: small
      auto_router_embedding_model: vectors`,
  'keys that are shared out by priority': `
litellm_settings:
  callbacks: [dynamic_rate_limiter_v3]
  priority_reservation: { prod: 0.9, dev: 0.1 }`,
  'a Slack channel that hears of everything': `
general_settings:
  alerting: [slack]
  alerting_threshold: 0.0001
  alert_type_config: { llm_requests_hanging: { digest: true } }
  spend_report_frequency: 1d`,
  'secrets from a manager': `
general_settings: { key_management_system: azure_key_vault, key_management_settings: { hosted_keys: [OPENAI_API_KEY] } }`,
  'tokens of an identity provider': `
general_settings:
  enable_jwt_auth: True
  litellm_jwtauth:
    user_id_jwt_field: sub
    team_ids_jwt_field: groups
    user_email_jwt_field: email
    user_allowed_email_domain: example.com
    user_id_upsert: true
    public_key_ttl: "600"
    object_id_jwt_field: oid
    roles_jwt_field: resource_access.gateway.roles
    role_mappings: [{ role: consumer, internal_role: team }]
    scope_mappings: [{ scope: small, models: [mini] }]
    enforce_scope_based_access: true
    enforce_rbac: true
  role_permissions: [{ role: team, models: [mini], routes: [/v1/chat/completions] }]
environment_variables: { JWT_AUDIENCE: "api://gateway" }`,
  'requests that pass through': `
general_settings:
  pass_through_endpoints:
    - { path: /bria, target: "https://engine.example.com", headers: { api_token: os.environ/T }, include_subpath: true }`,
  'a control plane and its workers': 'worker_registry: [{ worker_id: eu, name: eu, url: "https://eu.example.com" }]',
}

describe("what LiteLLM's pages show", () => {
  test.each(Object.entries(snippets))('is read without a fault: %s', (_title, text) => {
    const { config, problems } = readConfig(text, { env: (name) => `value of ${name}` })
    expect(problems.filter(({ severity }) => severity !== 'note').map(formatProblem)).toEqual([])
    expect(config).toBeDefined()
  })

  test.each([
    `
litellm_settings:
  cache: true
  cache_params: { type: qdrant-semantic, similarity_threshold: 0.9, qdrant_collection_name: answers }`,
    `
litellm_settings: { cache: true, cache_params: { type: s3, s3_bucket_name: answers, s3_region_name: eu-west-1 } }`,
  ])('is warned of when its cache is not there: %s', (text) => {
    const { config, problems } = readConfig(text, { env: () => undefined })
    expect(problems).toMatchObject([{ severity: 'warning', path: 'litellm_settings.cache_params.type' }])
    expect(config).toBeDefined()
  })

  test('means what it says', () => {
    const config = (title: string) => readConfig(snippets[title]!, { env: (name) => `value of ${name}` }).config!
    expect(config('a deployment with numbers as text').models[0]).toMatchObject({ rpm: 30, timeout: 12.5, weight: 10 })
    expect(config('fallbacks in the settings, retries in the router').router).toMatchObject({
      numRetries: 1,
      allowedFails: 2,
      cooldownTime: 20,
      timeout: 10,
    })
    expect(config('guardrails with the words of their vendors').guardrails.map(({ failMode }) => failMode)).toEqual([
      'open',
      'closed',
      'open',
      'closed',
      'open',
    ])
    expect(config('search tools of several engines').searchTools[2]?.options.apiKey).toBe(
      'value of LOGIN:value of PASSWORD',
    )
    expect(config('an authorization header put together').models[0]?.extraHeaders).toEqual({
      Authorization: 'Bearer value of PROXY_TOKEN',
      'x-env': 'value of STAGE',
    })
  })
})
