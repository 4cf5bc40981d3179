import type { VendorUrls } from './start-vendors.ts'

/** The gateway's key. */
export const MASTER_KEY = 'sk-soak-master'

/** Seconds a vendor has for an answer's head, and between pieces of its body. */
const TIMEOUT = 2

/** The configuration the gateway is soaked with. Cooldowns would make outcomes depend on what other calls met. */
export function gatewayConfig({ east, west, claude, ingestion }: VendorUrls): string {
  const params = (model: string, base: string) =>
    `{model: ${model}, api_base: '${base}', api_key: vendor-key, timeout: ${TIMEOUT}}`
  return `
model_list:
  - {model_name: gpt, litellm_params: ${params('openai/gpt', `${east}/v1`)}}
  - {model_name: gpt, litellm_params: ${params('openai/gpt', `${west}/v1`)}}
  - {model_name: claude, litellm_params: ${params('anthropic/claude', claude)}}
router_settings: {disable_cooldowns: true, num_retries: 1}
general_settings: {master_key: ${MASTER_KEY}}
litellm_settings: {callbacks: [langfuse, prometheus]}
callback_settings:
  langfuse: {public_key: pk-soak, secret_key: sk-soak, api_base: '${ingestion}', flush_interval: 1}
guardrails:
  - guardrail_name: filter
    litellm_params:
      guardrail: litellm_content_filter
      mode: pre_call
      default_on: true
      patterns: [{pattern_type: prebuilt, pattern_name: email, action: MASK}]
      blocked_words: [{keyword: forbidden, action: BLOCK}]
`
}
