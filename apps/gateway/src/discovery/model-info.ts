import type { ModelConfig } from '@tianjillm/config'
import type { JsonObject } from '@tianjillm/core'
import type { Deployment } from '@tianjillm/engine'
import type { Redact } from '../redact.ts'
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

/** A deployment that serves this name. */
export function modelInfo(
  name: string,
  { id, apiBase }: Deployment,
  config: ModelConfig,
  { provider, model, facts, parameters }: Offer,
  redact: Redact,
): ModelInfo {
  const { rpm, tpm, order, weight, timeout, streamTimeout, maxParallelRequests, tags, params } = config
  return {
    model_name: name,
    litellm_params: {
      model: `${provider}/${model}`,
      ...defined({
        api_base: redactedAddress(apiBase, redact),
        ...{ rpm, tpm, order, weight, timeout, tags: tags.length > 0 ? tags : undefined },
        stream_timeout: streamTimeout,
        max_parallel_requests: maxParallelRequests,
      }),
      ...harmless(params, redact),
    },
    model_info: { ...facts, supported_openai_params: parameters, id, db_model: false },
  }
}

/** An auto-router as if it were a deployment; what it chooses from is not told. */
export function autoRouterInfo({ name, model, id }: ModelConfig): ModelInfo {
  return {
    model_name: name,
    litellm_params: { model: `auto_router/${model}` },
    model_info: { mode: 'chat', id: id ?? name, db_model: false },
  }
}

/** Parameters that say where and how a model is asked, and nothing of who asks. */
const harmlessParams: ReadonlySet<string> = new Set([
  ...['api_version', 'aws_region_name', 'region_name', 'vertex_ai_location', 'vertex_location'],
  ...['dimensions', 'frequency_penalty', 'max_completion_tokens', 'max_tokens', 'n', 'parallel_tool_calls'],
  ...['presence_penalty', 'quality', 'reasoning_effort', 'seed', 'service_tier', 'size', 'temperature', 'top_k'],
  ...['top_p', 'verbosity', 'voice'],
])

function harmless(params: JsonObject, redact: Redact): JsonObject {
  return Object.fromEntries(
    Object.entries(params).flatMap(([name, value]) => {
      if (!harmlessParams.has(name) || value === null || typeof value === 'object') return []
      return [[name, typeof value === 'string' ? redact(value) : value]]
    }),
  )
}

/** An address without name and password, and without its query. */
function redactedAddress(address: string | undefined, redact: Redact): string | undefined {
  const url = address === undefined ? null : URL.parse(address)
  return url === null ? undefined : redact(`${url.origin}${url.pathname}`)
}

function defined(map: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value !== undefined))
}
