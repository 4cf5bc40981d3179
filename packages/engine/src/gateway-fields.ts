import type { JsonObject } from '@tianjillm/core'

/** Request fields that speak to the gateway; no vendor sees them. */
const gatewayFields = new Set([
  'allowed_model_region',
  'api_base',
  'api_key',
  'cache',
  'caching',
  'context_window_fallback_dict',
  'disable_fallbacks',
  'drop_params',
  'extra_body',
  'extra_headers',
  'fallbacks',
  'guardrails',
  'litellm_metadata',
  'litellm_session_id',
  'litellm_trace_id',
  'mock_response',
  'mock_testing_content_policy_fallbacks',
  'mock_testing_context_fallbacks',
  'mock_testing_context_window_fallbacks',
  'mock_testing_fallbacks',
  'mock_testing_rate_limit_error',
  'mock_timeout',
  'num_retries',
  'prompt_id',
  'prompt_label',
  'prompt_name',
  'prompt_variables',
  'prompt_version',
  'stream_timeout',
  'tags',
  'tianji_metadata',
  'timeout',
])

/** The request without what only concerns the gateway; the same object when there is none of it. */
export function withoutGatewayFields<Input extends JsonObject>(input: Input, keep: readonly string[] = []): Input {
  for (const name in input)
    if (gatewayFields.has(name) && !keep.includes(name))
      return Object.fromEntries(
        Object.entries(input).filter(([key]) => !gatewayFields.has(key) || keep.includes(key)),
      ) as Input
  return input
}
