import type { JsonObject } from '@tianjillm/core'
import * as v from 'valibot'

// Environment variables hold text, so numbers and flags may come as text too; flags in any of YAML 1.1's ways.
const text = v.string('expected a string')
const numberMessage = 'expected a number'
const number = v.union(
  [
    v.pipe(v.number(), v.finite(numberMessage)),
    v.pipe(v.string(), v.regex(/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i, numberMessage)),
  ],
  numberMessage,
)
const flagMessage = 'expected true or false'
const flag = v.union(
  [v.boolean(), v.pipe(v.string(), v.regex(/^(true|false|yes|no|on|off|1|0)$/i, flagMessage))],
  flagMessage,
)
const map = v.record(v.string(), v.unknown(), 'expected a map')
const texts = v.array(text, 'expected a list')
const textOrTexts = v.union([text, texts], 'expected a string or a list of strings')

/** Every value of the map may be left out or empty. */
function section<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.looseObject(optional(entries), 'expected a map')
}

function optional<const Entries extends v.ObjectEntries>(entries: Entries) {
  const wrapped = Object.entries(entries).map(([key, schema]) => [key, v.nullish(schema)])
  return Object.fromEntries(wrapped) as { [Key in keyof Entries]: v.NullishSchema<Entries[Key], undefined> }
}

const modelParams = v.looseObject(
  {
    model: text,
    ...optional({
      custom_llm_provider: text,
      litellm_credential_name: text,
      organization: textOrTexts,
      drop_params: flag,
      extra_body: map,
      extra_headers: map,
      headers: map,
      guardrails: texts,
      ssl_verify: v.union([v.boolean(), text], 'expected true, false or the path of a CA bundle'),
      cooldown_time: number,
      max_parallel_requests: number,
      max_retries: number,
      num_retries: number,
      order: number,
      rpm: number,
      stream_timeout: number,
      tags: texts,
      timeout: number,
      tpm: number,
      weight: number,
    }),
  },
  'expected a map',
)

const models = v.array(
  v.looseObject(
    {
      model_name: text,
      litellm_params: modelParams,
      model_info: v.nullish(section({ id: v.union([v.string(), v.number()], 'expected a string') })),
    },
    'expected a map',
  ),
  'expected a list',
)

const credentials = v.array(
  v.looseObject({ credential_name: text, credential_values: v.nullish(map) }, 'expected a map'),
  'expected a list',
)

const modes = v.union(
  [text, texts, section({ tags: v.record(v.string(), textOrTexts, 'expected a map'), default: textOrTexts })],
  'expected a mode, a list of modes, or a map with tags and default',
)

const guardrails = v.array(
  v.looseObject(
    {
      guardrail_name: text,
      litellm_params: v.looseObject(
        {
          guardrail: text,
          mode: modes,
          ...optional({ default_on: flag, timeout: number, guardrail_timeout: number, weight: number }),
        },
        'expected a map',
      ),
      guardrail_info: v.nullish(map),
    },
    'expected a map',
  ),
  'expected a list',
)

const searchTools = v.array(
  v.looseObject(
    {
      search_tool_name: text,
      litellm_params: v.looseObject(
        { search_provider: text, ...optional({ timeout: number, max_retries: number }) },
        'expected a map',
      ),
      search_tool_info: v.nullish(map),
    },
    'expected a map',
  ),
  'expected a list',
)

const callbackNames = v.union(
  [text, v.array(v.union([text, map], 'expected a name, or a map from a name to its options'), 'expected a list')],
  'expected a list of callbacks',
)

const fallbacks = v.array(v.record(v.string(), texts, 'expected a map'), 'expected a list')

const routingKeys = {
  num_retries: number,
  allowed_fails: number,
  cooldown_time: number,
  fallbacks,
  context_window_fallbacks: fallbacks,
  content_policy_fallbacks: fallbacks,
  default_fallbacks: texts,
}

/** What a configuration file must look like. Free of transformations, so that a JSON schema can be made of it. */
export const configFile: v.GenericSchema<unknown, JsonObject> = section({
  model_list: models,
  credential_list: credentials,
  guardrails,
  search_tools: searchTools,
  callbacks: callbackNames,
  callback_settings: v.record(v.string(), v.nullish(map), 'expected a map'),
  plugins: texts,
  litellm_settings: section({
    ...routingKeys,
    callbacks: callbackNames,
    success_callback: callbackNames,
    failure_callback: callbackNames,
    guardrails,
    drop_params: flag,
    json_logs: flag,
    modify_params: flag,
    network_mock: flag,
    public_model_groups: texts,
    redact_messages_in_exceptions: flag,
    redact_user_api_key_info: flag,
    request_timeout: number,
    skip_system_message_in_guardrail: flag,
    skip_tool_message_in_guardrail: flag,
    ssl_verify: v.union([v.boolean(), text], 'expected true, false or the path of a CA bundle'),
    turn_off_message_logging: flag,
  }),
  general_settings: section({
    master_key: text,
    database_url: text,
    litellm_key_header_name: text,
    completion_model: text,
    embedding_model: text,
    image_generation_model: text,
    moderation_model: text,
    user_header_name: text,
    max_request_size_mb: number,
    max_response_size_mb: number,
    max_parallel_requests: number,
    global_max_parallel_requests: number,
    always_include_stream_usage: flag,
    disable_spend_logs: flag,
    forward_client_headers_to_llm_api: flag,
    search_tools: searchTools,
  }),
  router_settings: section({
    ...routingKeys,
    default_litellm_params: map,
    disable_cooldowns: flag,
    enable_pre_call_check: flag,
    enable_pre_call_checks: flag,
    enable_tag_filtering: flag,
    tag_filtering_match_any: flag,
    guardrail_list: guardrails,
    max_fallbacks: number,
    model_group_alias: v.record(
      v.string(),
      v.union(
        [text, v.looseObject({ model: text, hidden: v.nullish(flag) })],
        'expected the name of a model, or a map with model and hidden',
      ),
      'expected a map',
    ),
    retry_after: number,
    routing_strategy: text,
    routing_strategy_args: map,
    search_tools: searchTools,
    stream_timeout: number,
    timeout: number,
  }),
})
