import {
  type BinaryAnswer,
  type ChatCompletion,
  type ChatCompletionChunk,
  type ChatRequest,
  type Completion,
  type CompletionRequest,
  type EmbeddingRequest,
  type EmbeddingResponse,
  GatewayError,
  type Host,
  type ImageEditRequest,
  type ImageRequest,
  type ImageResponse,
  type ImageVariationRequest,
  type JsonObject,
  type OperationName,
  type ProviderPlugin,
  type SearchPlugin,
  type SearchQuery,
  type SearchResults,
  type SpeechRequest,
  type Transcription,
  type TranscriptionRequest,
} from '@tianjillm/core'
import type { Answer } from './answer.ts'
import { LiveCall } from './call.ts'
import { Cancellation } from './cancellation.ts'
import { createDeployment, type Deployment } from './deployment.ts'
import { createHost } from './host.ts'
import { send } from './send.ts'
import type { Transport } from './transport.ts'
import { webTransport } from './web-transport.ts'

/** What may accompany one call. */
export interface CallSettings {
  readonly signal?: AbortSignal
}

/** The same request, asking for a stream. */
export type Streaming<Request> = Request & { readonly stream: true }

/** A provider used alone. Every function throws GatewayError; one the vendor lacks throws `unsupported_operation`. */
export interface ConnectedProvider {
  chat(request: Streaming<ChatRequest>, settings?: CallSettings): AsyncIterable<ChatCompletionChunk>
  chat(request: ChatRequest, settings?: CallSettings): Promise<ChatCompletion>
  completion(request: Streaming<CompletionRequest>, settings?: CallSettings): AsyncIterable<Completion>
  completion(request: CompletionRequest, settings?: CallSettings): Promise<Completion>
  embedding(request: EmbeddingRequest, settings?: CallSettings): Promise<EmbeddingResponse>
  image(request: ImageRequest, settings?: CallSettings): Promise<ImageResponse>
  imageEdit(request: ImageEditRequest, settings?: CallSettings): Promise<ImageResponse>
  imageVariation(request: ImageVariationRequest, settings?: CallSettings): Promise<ImageResponse>
  speech(request: SpeechRequest, settings?: CallSettings): Promise<BinaryAnswer>
  /** Text formats (`srt`, `vtt`, `text`) come back as `{ text }`. */
  transcription(request: TranscriptionRequest, settings?: CallSettings): Promise<Transcription>
  translation(request: TranscriptionRequest, settings?: CallSettings): Promise<Transcription>
}

/** A search engine used alone. Throws GatewayError. */
export interface ConnectedSearch {
  search(
    query: Omit<SearchQuery, 'model' | 'max_results'> & { readonly max_results?: number },
    settings?: CallSettings,
  ): Promise<SearchResults>
}

/** How a plugin used alone reaches the world; all of it has defaults. */
export interface ConnectSettings {
  readonly host?: Partial<Host>
  /** Default: `fetch`. */
  readonly transport?: Transport
  /** Drop parameters the vendor lacks in place of an error. Default false. */
  readonly dropParams?: boolean
  /** Milliseconds to the answer's head, and between its pieces. Default 600,000. */
  readonly timeout?: number
}

/**
 * A provider used alone, without a gateway: `connect(groq, { apiKey }).chat({ model, messages })`.
 * Throws GatewayError `misconfigured` when options are wrong or missing.
 */
export function connect<Options>(
  plugin: ProviderPlugin<Options>,
  options: Partial<NoInfer<Options>> = {},
  settings: ConnectSettings = {},
): ConnectedProvider {
  const { host, transport } = surroundings(settings)
  const deployment = createDeployment(plugin as ProviderPlugin, { model: '*', options, ...settings }, host, transport)
  const ask = asker(deployment, host, transport)
  const either = (operation: OperationName) => (request: JsonObject, callSettings?: CallSettings) =>
    request.stream === true
      ? chunksOf(ask(operation, request, callSettings))
      : wholeOf(ask(operation, request, callSettings))
  const whole = (operation: OperationName) => async (request: JsonObject, callSettings?: CallSettings) =>
    wholeOf(ask(operation, request, callSettings))
  // The overloads say what `stream: true` gives; the implementation decides at run time.
  return {
    chat: either('chat'),
    completion: either('completion'),
    embedding: whole('embedding'),
    image: whole('image'),
    imageEdit: whole('imageEdit'),
    imageVariation: whole('imageVariation'),
    speech: whole('speech'),
    transcription: whole('transcription'),
    translation: whole('translation'),
  } as unknown as ConnectedProvider
}

/** A search engine used alone: `connectSearch(brave, { apiKey }).search({ query })`. */
export function connectSearch<Options>(
  plugin: SearchPlugin<Options>,
  options: Partial<NoInfer<Options>> = {},
  settings: ConnectSettings = {},
): ConnectedSearch {
  const { host, transport } = surroundings(settings)
  const deployment = createDeployment(
    plugin as SearchPlugin,
    { model: plugin.name, options, ...settings },
    host,
    transport,
  )
  const ask = asker(deployment, host, transport)
  return {
    search: async (query, callSettings) =>
      (await wholeOf(ask('search', { max_results: 10, ...query, model: plugin.name }, callSettings))) as SearchResults,
  }
}

function surroundings(settings: ConnectSettings) {
  const host = createHost(settings.host)
  return { host, transport: settings.transport ?? webTransport(host.fetch) }
}

type Ask = (operation: OperationName, input: JsonObject, settings: CallSettings | undefined) => Promise<Answer>

function asker(deployment: Deployment, host: Host, transport: Transport): Ask {
  return async (operation, input, settings) => {
    const cancellation = new Cancellation()
    const { signal } = settings ?? {}
    if (signal?.aborted) cancellation.abort(signal.reason)
    signal?.addEventListener('abort', () => cancellation.abort(signal.reason), { once: true })
    const call = new LiveCall(host, { id: host.uuid(), operation, model: String(input.model), cancellation })
    return send({ deployment, model: call.model }, { input }, call, transport, true)
  }
}

async function* chunksOf(pending: Promise<Answer>): AsyncIterable<JsonObject> {
  const answer = await pending
  if (answer.type === 'stream') yield* answer.chunks
  else throw new GatewayError('upstream_invalid_response', 'The vendor did not stream.')
}

async function wholeOf(pending: Promise<Answer>): Promise<unknown> {
  const answer = await pending
  switch (answer.type) {
    case 'json':
      return answer.value
    case 'text':
      return { text: answer.text }
    case 'binary':
      return { contentType: answer.contentType, body: answer.body }
    case 'bytes':
    case 'relay':
    case 'stream':
      throw new Error('Without raw bytes and without `stream` no such answer can come.')
  }
}
