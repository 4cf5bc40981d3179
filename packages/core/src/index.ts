export { joinBytes } from './bytes.ts'
export type { AskModel, Call, Caller, Host, Log } from './call.ts'
export type { BudgetState, Callback, CallReport, GuardrailRun, PromptSource, Scrape, ToolFacts } from './callback.ts'
export {
  type ChunkHead,
  chatChunk,
  chatCompletion,
  compact,
  contentText,
  mergeNeighbours,
  splitSystem,
  stopList,
  tokenUsage,
  toolArguments,
  usageChunk,
} from './chat.ts'
export { type DataUrl, parseDataUrl } from './data-url.ts'
export { embed, similarity, type Vector } from './embed.ts'
export {
  type ErrorBody,
  type ErrorFacts,
  type ErrorKind,
  errorBody,
  errorKinds,
  GatewayError,
  isGatewayError,
  type KindFacts,
} from './errors.ts'
export { vendorExtras } from './extras.ts'
export { eventError, upstreamError } from './fault.ts'
export type { GuardedText, Guardrail, Hook, Verdict } from './guardrail.ts'
export {
  type BinaryAnswer,
  type ReplyHeaders,
  replyHeaders,
  type Upload,
  type UpstreamReply,
  type UpstreamRequest,
} from './http.ts'
export { inTime } from './in-time.ts'
export { isJsonObject, type Json, type JsonObject, parseJson } from './json.ts'
export { putLatest } from './latest.ts'
export { nearest } from './nearest.ts'
export {
  type InnerNetwork,
  innerNetworkOf,
  isLedAstray,
  isWithin,
  leadsAstray,
  loopback,
  privateNetworks,
  type Reach,
} from './networks.ts'
export { type ApiOptions, apiOptions, requiredKey, requiredSetting, setting, trimSlash } from './options.ts'
export { type ParameterFacts, parametersOf, settleParameters, unsupportedParameters } from './parameters.ts'
export {
  type CallbackPlugin,
  defineCallback,
  defineGuardrail,
  defineProvider,
  defineSearch,
  type GuardrailPlugin,
  type Plugin,
  type PluginKind,
  type PluginsByKind,
  type ProviderPlugin,
  type SearchPlugin,
} from './plugin.ts'
export type {
  Awaitable,
  FailedReply,
  Fault,
  Operation,
  OperationName,
  Operations,
  Passthrough,
  PollRequest,
  Provider,
  SearchProvider,
  Split,
} from './provider.ts'
export { didYouMean, register, registered, registeredNames } from './registry.ts'
export { isSafeUrl } from './safe-url.ts'
export { createSafety, type Outcome, type Safety, type SafetySettings } from './safety.ts'
export {
  isoDay,
  type SaidResult,
  type SearchDomains,
  searchCountry,
  searchDomains,
  searchExtras,
  searchPeriod,
  searchResult,
  searchResults,
  searchWords,
  urlQuery,
} from './search.ts'
export { isSecretName } from './secret-name.ts'
export { type ServerSentEvent, serverSentEvents, serverSentJson } from './sse.ts'
export type { SpeechRequest, Transcription, TranscriptionRequest } from './wire/audio.ts'
export type {
  AudioPart,
  ChatChoice,
  ChatChunkChoice,
  ChatCompletion,
  ChatCompletionChunk,
  ChatDelta,
  ChatMessage,
  ChatRequest,
  ContentPart,
  FilePart,
  FinishReason,
  FunctionTool,
  ImagePart,
  ResponseFormat,
  TextPart,
  ToolCall,
  ToolCallDelta,
  ToolChoice,
  Usage,
} from './wire/chat.ts'
export type { Completion, CompletionRequest } from './wire/completion.ts'
export type { EmbeddingRequest, EmbeddingResponse } from './wire/embedding.ts'
export type { ImageEditRequest, ImageRequest, ImageResponse, ImageVariationRequest } from './wire/image.ts'
export type { SearchQuery, SearchResult, SearchResults } from './wire/search.ts'
