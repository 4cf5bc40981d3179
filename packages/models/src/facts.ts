import type { JsonObject } from '@tianjillm/core'

/**
 * What is known of a model, in LiteLLM's field names; prices in US dollars. A price for long prompts has a name of its
 * own: `input_cost_per_token_above_200k_tokens`. What is not there is unknown.
 * https://docs.litellm.ai/docs/provider_registration/add_model_pricing
 */
export interface ModelFacts extends JsonObject {
  readonly litellm_provider?: string
  /** chat, completion, embedding, image_generation, audio_speech, audio_transcription, rerank, search, moderation, … */
  readonly mode?: string
  readonly max_input_tokens?: number
  readonly max_output_tokens?: number
  readonly input_cost_per_token?: number
  readonly output_cost_per_token?: number
  readonly cache_read_input_token_cost?: number
  readonly cache_creation_input_token_cost?: number
  readonly supports_vision?: boolean
  readonly supports_function_calling?: boolean
  readonly supports_response_schema?: boolean
  readonly supports_reasoning?: boolean
}

/** Models by their keys: `gpt-4o`, `azure/gpt-4o`, `1024-x-1024/dall-e-3`. */
export type Models = Readonly<Record<string, ModelFacts>>

/** Whether a field is a price, or several. */
export function isPriceField(name: string): boolean {
  return /(^|_)cost(_|$)/.test(name)
}

/**
 * Facts with others laid over them. A price replaces with itself those that go with it: who says what a token read
 * costs means also the cached ones and those of long prompts, unless they are given too.
 */
export function overlaid(facts: ModelFacts, above: ModelFacts): ModelFacts {
  const replaced = companions.filter(({ price }) => typeof above[price] === 'number')
  if (replaced.length === 0) return { ...facts, ...above }
  const kept = Object.entries(facts).filter(([name]) => !replaced.some(({ others }) => others.test(name)))
  return { ...Object.fromEntries(kept), ...above }
}

/** The facts but for the prices. */
export function withoutPrices(facts: ModelFacts): ModelFacts {
  return Object.fromEntries(Object.entries(facts).filter(([name]) => !isPriceField(name)))
}

const companions: readonly { readonly price: string; readonly others: RegExp }[] = [
  { price: 'input_cost_per_token', others: /^(input_cost_per_token_|cache_(read|creation)_)/ },
  { price: 'output_cost_per_token', others: /^output_cost_per_(token_|reasoning_token)/ },
]
