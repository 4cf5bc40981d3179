import type { ModelConfig } from '@tianjillm/config'
import { isJsonObject, type JsonObject, type OperationName, parametersOf, unsupportedParameters } from '@tianjillm/core'
import type { Deployment } from '@tianjillm/engine'
import { type ModelFacts, type ModelMap, overlaid } from '@tianjillm/models'
import type { Redact } from '../redact.ts'
import { harmlessParams } from './harmless-params.ts'
import { withoutSecrets } from './without-secrets.ts'

/** What one deployment has to offer; there is no secret in it. */
export interface Offer {
  readonly id: string
  readonly provider: string
  /** The vendor's model id. */
  readonly model: string
  /** What may be told of `litellm_params`. */
  readonly params: JsonObject
  /** What is known of the model, below what the configuration says of it. */
  readonly facts: ModelFacts
  /** OpenAI's optional parameters that it takes. */
  readonly supported: readonly string[]
  /** Requests a minute. */
  readonly rpm: number | undefined
  /** Tokens a minute. */
  readonly tpm: number | undefined
}

/** The offer of a deployment that is asked for this model. */
export function offerOf(
  { id, apiBase, provider: operations }: Deployment,
  config: ModelConfig,
  model: string,
  map: ModelMap,
  redact: Redact,
): Offer {
  const { provider, rpm, tpm } = config
  const known = factsOf(config, model, map, redact)
  const name = operationOf(known)
  const operation = operations[name]
  const streams = operation?.stream !== undefined
  const facts = {
    supports_streaming: streams,
    supports_native_streaming: streams,
    // Who takes all parameters does not mean that of every model.
    supports_web_search: operation?.supports?.includes('web_search_options') ?? false,
    ...known,
  }
  const params = harmlessParams(config, apiBase, redact)
  return { id, provider, model, params, facts, supported: operation ? supportedBy(name, operation) : [], rpm, tpm }
}

/** The offer of an auto-router. What it chooses from is not told, and what it can do depends on that. */
export function autoRouterOffer({ id, name, provider, model }: ModelConfig): Offer {
  return {
    ...{ id: id ?? name, provider, model, params: {} },
    facts: { mode: 'chat', supports_streaming: true, supports_native_streaming: true },
    supported: parametersOf('chat'),
    ...{ rpm: undefined, tpm: undefined },
  }
}

/** What the operator says counts more than what is known; the prices of `litellm_params` most of all. */
function factsOf(
  { provider, info, gatewayParams }: ModelConfig,
  model: string,
  map: ModelMap,
  redact: Redact,
): ModelFacts {
  const base = typeof info.base_model === 'string' ? info.base_model : undefined
  const said = { ...withoutSecrets(info, redact), ...pricesIn(gatewayParams) }
  return overlaid(map.find(provider, model, base) ?? {}, said)
}

function pricesIn(params: JsonObject): JsonObject {
  const isPrice = (name: string, value: unknown) =>
    name.includes('cost') && (typeof value === 'number' || isJsonObject(value))
  return Object.fromEntries(Object.entries(params).filter(([name, value]) => isPrice(name, value)))
}

function supportedBy(
  name: OperationName,
  operation: { readonly supports?: readonly string[]; readonly lacks?: readonly string[] },
): readonly string[] {
  const all = parametersOf(name)
  // No parameter has an object as the value that asks for nothing.
  const everything = Object.fromEntries(all.map((parameter) => [parameter, {}]))
  const refused = unsupportedParameters(name, operation, everything)
  return all.filter((parameter) => !refused.includes(parameter))
}

/** What models of a mode are asked for; all others are for chats. */
const operationsByMode: Readonly<Record<string, Exclude<OperationName, 'search' | 'tool'>>> = {
  audio_speech: 'speech',
  audio_transcription: 'transcription',
  completion: 'completion',
  embedding: 'embedding',
  image_edit: 'imageEdit',
  image_generation: 'image',
  moderation: 'moderation',
  rerank: 'rerank',
  responses: 'responses',
}

function operationOf({ mode = '' }: ModelFacts): Exclude<OperationName, 'search' | 'tool'> {
  return operationsByMode[mode] ?? 'chat'
}
