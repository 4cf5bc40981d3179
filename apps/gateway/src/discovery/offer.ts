import type { ModelConfig } from '@tianjillm/config'
import { isJsonObject, type JsonObject, type OperationName, parametersOf, unsupportedParameters } from '@tianjillm/core'
import type { Deployment } from '@tianjillm/engine'
import { type ModelFacts, type ModelMap, overlaid } from '@tianjillm/models'
import type { Redact } from '../redact.ts'
import { withoutSecrets } from './without-secrets.ts'

/** What one deployment has to offer. */
export interface Offer {
  readonly provider: string
  /** The vendor's model id. */
  readonly model: string
  /** What is known of the model, below what the configuration says of it. */
  readonly facts: ModelFacts
  /** OpenAI's optional parameters that it takes. */
  readonly parameters: readonly string[]
  /** Requests a minute. */
  readonly rpm: number | undefined
  /** Tokens a minute. */
  readonly tpm: number | undefined
}

/** The offer of a deployment that is asked for this model. */
export function offerOf(
  { provider: operations }: Deployment,
  config: ModelConfig,
  model: string,
  map: ModelMap,
  redact: Redact,
): Offer {
  const { provider, rpm, tpm } = config
  const known = factsOf(config, model, map, redact)
  const name = operationOf(known)
  const operation = operations[name]
  const parameters = parametersOf(name)
  // Something that no parameter has as its neutral value.
  const everything = Object.fromEntries(parameters.map((parameter) => [parameter, {}]))
  const refused = operation === undefined ? parameters : unsupportedParameters(name, operation, everything)
  const streams = operation?.stream !== undefined
  const facts = {
    supports_streaming: streams,
    supports_native_streaming: streams,
    // Others have to say of the model that it can, for whoever takes all parameters does not mean them all.
    supports_web_search: operation?.supports?.includes('web_search_options') ?? false,
    ...known,
  }
  return {
    provider,
    model,
    facts,
    parameters: parameters.filter((parameter) => !refused.includes(parameter)),
    rpm,
    tpm,
  }
}

/** What is known of all auto-routers: what a request may have depends on where it goes. */
export const autoRouterOffer: Offer = {
  provider: 'auto_router',
  model: '',
  facts: { mode: 'chat', supports_streaming: true, supports_native_streaming: true },
  parameters: parametersOf('chat'),
  rpm: undefined,
  tpm: undefined,
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
  return Object.fromEntries(
    Object.entries(params).filter(
      ([name, value]) => name.includes('cost') && (typeof value === 'number' || isJsonObject(value)),
    ),
  )
}

/** What models of a mode are asked for; all others are for chats. */
const operationsByMode: Readonly<Record<string, Exclude<OperationName, 'search'>>> = {
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

function operationOf({ mode = '' }: ModelFacts): Exclude<OperationName, 'search'> {
  return operationsByMode[mode] ?? 'chat'
}
