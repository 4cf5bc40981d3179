import type { JsonObject } from '@tianjillm/core'
import type { Offer } from './offer.ts'

/** A deployment as it is told to clients, in LiteLLM's shape. */
export interface ModelInfo {
  /** What it is asked for by. */
  readonly model_name: string
  /** No more of them than is harmless. */
  readonly litellm_params: JsonObject
  /** What is known of the model. */
  readonly model_info: JsonObject
}

/** What a deployment that serves this name offers. */
export function modelInfo(name: string, { id, provider, model, params, facts, supported }: Offer): ModelInfo {
  return {
    model_name: name,
    litellm_params: { model: `${provider}/${model}`, ...params },
    model_info: { ...facts, supported_openai_params: supported, id, db_model: false },
  }
}
