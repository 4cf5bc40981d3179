import type { Call } from './call.ts'
import type { ErrorKind } from './errors.ts'
import type { BinaryAnswer, ReplyHeaders, UpstreamReply, UpstreamRequest } from './http.ts'
import type { JsonObject } from './json.ts'
import type { SpeechRequest, Transcription, TranscriptionRequest } from './wire/audio.ts'
import type { ChatCompletion, ChatCompletionChunk, ChatRequest } from './wire/chat.ts'
import type { Completion, CompletionRequest } from './wire/completion.ts'
import type { EmbeddingRequest, EmbeddingResponse } from './wire/embedding.ts'
import type { ImageEditRequest, ImageRequest, ImageResponse, ImageVariationRequest } from './wire/image.ts'
import type { SearchQuery, SearchResults } from './wire/search.ts'

export type Awaitable<Value> = Value | Promise<Value>

/** Where a caller's own bytes go, when the vendor's wire is OpenAI's. */
export interface Passthrough {
  /** Absolute URL the body is posted to. */
  readonly url: string
  /** Headers besides the content type, authorization included. Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /**
   * Which way the bytes go unread: `both`, or only the `request`, when the vendor's answers need
   * `response` and `stream` (a renamed field, say).
   */
  readonly direction: 'both' | 'request'
}

/** Asks again, because the vendor works on: `poll` of an operation. */
export interface PollRequest {
  readonly request: UpstreamRequest
  /** Milliseconds to wait before it is sent. */
  readonly after: number
}

/** For a vendor that takes one item a call where OpenAI's request holds several. */
export interface Split<In, Out> {
  /** The same request as several; one means that nothing needs splitting. */
  each(input: In): readonly In[]
  /** The answers as one, in the order of `each`. */
  join(answers: readonly Out[]): Out
}

/**
 * One thing a vendor can do, said twice: how to ask, how to read the answer. Neither half does I/O, but for what
 * the vendor demands before a request can be written (an image to be fetched, a file to be uploaded): that goes
 * through `call.fetch`.
 */
export interface Operation<In, Out, Chunk = never> {
  /** The wire is OpenAI's: the engine forwards the caller's bytes with only `model` replaced. Asked once a deployment. */
  passthrough?(model: string): Passthrough
  /**
   * OpenAI parameters the vendor has a counterpart for. Absent: all but those in `lacks`. One that is asked for and not here is
   * dropped with `drop_params`, else the request fails with `unsupported_parameter`. Fields that are not OpenAI's
   * always reach `request`.
   */
  readonly supports?: readonly string[]
  /** OpenAI parameters the vendor refuses; for vendors that take nearly all. */
  readonly lacks?: readonly string[]
  /** Fields that speak to the gateway (`mock_response`) and are still handed to this operation. */
  readonly reads?: readonly string[]
  readonly split?: Split<In, Out>
  /**
   * How to ask. `input.model` is the vendor's model id. Throws GatewayError `unsupported_parameter` with `param` for a
   * value it cannot honour; with `drop_params` it is asked again without that parameter.
   */
  request(input: In, call: Call): Awaitable<UpstreamRequest>
  /** Looks at a whole answer (it may be read here and again later): undefined when it is final. */
  poll?(reply: UpstreamReply, call: Call): Awaitable<PollRequest | undefined>
  /** How to read the answer to a request. Statuses of 400 and above never get here. */
  response(reply: UpstreamReply, call: Call, input: In): Awaitable<Out>
  /** How to read a streamed answer, when the input asked for one (`stream: true`). */
  stream?(reply: UpstreamReply, call: Call, input: In): AsyncIterable<Chunk>
}

/** Everything a provider may be able to do. */
export interface Operations {
  readonly chat: Operation<ChatRequest, ChatCompletion, ChatCompletionChunk>
  readonly completion: Operation<CompletionRequest, Completion, Completion>
  readonly embedding: Operation<EmbeddingRequest, EmbeddingResponse>
  readonly image: Operation<ImageRequest, ImageResponse, JsonObject>
  readonly imageEdit: Operation<ImageEditRequest, ImageResponse, JsonObject>
  readonly imageVariation: Operation<ImageVariationRequest, ImageResponse>
  readonly speech: Operation<SpeechRequest, BinaryAnswer, JsonObject>
  /** Text means that it is already in the format asked for. */
  readonly transcription: Operation<TranscriptionRequest, Transcription | string, JsonObject>
  readonly translation: Operation<TranscriptionRequest, Transcription | string>
  /** Anthropic's Messages, for vendors that speak it themselves. */
  readonly messages: Operation<JsonObject, JsonObject, JsonObject>
  /** OpenAI's Responses. */
  readonly responses: Operation<JsonObject, JsonObject, JsonObject>
  readonly rerank: Operation<JsonObject, JsonObject>
  readonly moderation: Operation<JsonObject, JsonObject>
}

/** Names of all operations: those of models, a search, and the call of an MCP server's tool. */
export type OperationName = keyof Operations | 'search' | 'tool'

/** A failed answer as a provider's `fault` sees it. */
export interface FailedReply {
  readonly status: number
  readonly headers: ReplyHeaders
  /** The body as JSON, or as text when it is not JSON. */
  readonly body: unknown
}

/** What a vendor meant by a failure; what is absent is worked out from the status and the usual error shapes. */
export interface Fault {
  readonly kind?: ErrorKind | undefined
  readonly message?: string | undefined
  readonly code?: string | undefined
  readonly param?: string | undefined
  /** Seconds to wait, where the vendor does not say it in a header. */
  readonly retryAfter?: number | undefined
}

/** What a provider can do is what is there: an absent key is an unsupported operation. */
export interface Provider extends Partial<Operations> {
  /** Reads a failed answer. Needed only where the vendor's errors are not of the usual shapes. */
  fault?(reply: FailedReply): Fault | undefined
  /** Signs or authorises a finished request; the body is sent as it is returned here. */
  authorize?(request: UpstreamRequest, call: Call): Awaitable<UpstreamRequest>
  /** Answers a request in place of the network, for a provider inside the process. */
  reply?(request: UpstreamRequest, call: Call): Awaitable<UpstreamReply>
  /** Forgets a cached token. The engine calls it after a 401 and then repeats the request, once. */
  renew?(): void
}

/** A search engine. */
export interface SearchProvider {
  readonly search: Operation<SearchQuery, SearchResults>
  fault?(reply: FailedReply): Fault | undefined
  authorize?(request: UpstreamRequest, call: Call): Awaitable<UpstreamRequest>
}
