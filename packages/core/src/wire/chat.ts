import type { JsonObject } from '../json.ts'

/** OpenAI's chat completion wire types. https://platform.openai.com/docs/api-reference/chat */

export interface TextPart extends JsonObject {
  readonly type: 'text'
  readonly text: string
}

export interface ImagePart extends JsonObject {
  readonly type: 'image_url'
  readonly image_url: { readonly url: string; readonly detail?: string }
}

export interface AudioPart extends JsonObject {
  readonly type: 'input_audio'
  readonly input_audio: { readonly data: string; readonly format: string }
}

export interface FilePart extends JsonObject {
  readonly type: 'file'
  readonly file: { readonly file_data?: string; readonly file_id?: string; readonly filename?: string }
}

export type ContentPart = TextPart | ImagePart | AudioPart | FilePart

export interface ToolCall extends JsonObject {
  readonly id: string
  readonly type: 'function'
  /** `arguments` is JSON as text. */
  readonly function: { readonly name: string; readonly arguments: string }
}

export interface ChatMessage extends JsonObject {
  readonly role: 'system' | 'developer' | 'user' | 'assistant' | 'tool' | 'function'
  readonly content?: string | readonly ContentPart[] | null
  readonly name?: string
  readonly tool_calls?: readonly ToolCall[]
  readonly tool_call_id?: string
  /** De-facto extension: the model's reasoning as text. */
  readonly reasoning_content?: string | null
  /** Anthropic's signed reasoning, to be sent back unchanged. */
  readonly thinking_blocks?: readonly JsonObject[]
}

export interface FunctionTool extends JsonObject {
  readonly type: 'function'
  readonly function: {
    readonly name: string
    readonly description?: string
    readonly parameters?: JsonObject
    readonly strict?: boolean | null
  }
}

export type ToolChoice =
  | 'auto'
  | 'none'
  | 'required'
  | { readonly type: 'function'; readonly function: { readonly name: string } }

export type ResponseFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json_object' }
  | {
      readonly type: 'json_schema'
      readonly json_schema: {
        readonly name: string
        readonly description?: string
        readonly schema?: JsonObject
        readonly strict?: boolean | null
      }
    }

export interface ChatRequest extends JsonObject {
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly stream?: boolean | null
  readonly stream_options?: { readonly include_usage?: boolean } | null
  readonly max_tokens?: number | null
  readonly max_completion_tokens?: number | null
  readonly temperature?: number | null
  readonly top_p?: number | null
  readonly n?: number | null
  readonly stop?: string | readonly string[] | null
  readonly presence_penalty?: number | null
  readonly frequency_penalty?: number | null
  readonly seed?: number | null
  readonly logprobs?: boolean | null
  readonly top_logprobs?: number | null
  readonly user?: string
  readonly tools?: readonly FunctionTool[]
  readonly tool_choice?: ToolChoice
  readonly parallel_tool_calls?: boolean
  readonly response_format?: ResponseFormat
  readonly reasoning_effort?: string | null
  readonly service_tier?: string | null
  readonly modalities?: readonly string[] | null
}

/** Token counts. `prompt_tokens` includes cached ones. */
export interface Usage extends JsonObject {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details?: { readonly cached_tokens?: number; readonly [key: string]: unknown } | null
  readonly completion_tokens_details?: { readonly reasoning_tokens?: number; readonly [key: string]: unknown } | null
}

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'function_call'

export interface ChatChoice extends JsonObject {
  readonly index: number
  readonly message: ChatMessage
  readonly finish_reason: FinishReason
  readonly logprobs?: unknown
}

export interface ChatCompletion extends JsonObject {
  readonly id: string
  readonly object: 'chat.completion'
  /** Seconds since the epoch. */
  readonly created: number
  readonly model: string
  readonly choices: readonly ChatChoice[]
  readonly usage?: Usage
}

/** A fragment of a tool call; fragments of equal `index` belong together, `arguments` are concatenated. */
export interface ToolCallDelta extends JsonObject {
  readonly index: number
  readonly id?: string
  readonly type?: 'function'
  readonly function?: { readonly name?: string; readonly arguments?: string }
}

export interface ChatDelta extends JsonObject {
  readonly role?: 'assistant'
  readonly content?: string | null
  readonly reasoning_content?: string | null
  readonly tool_calls?: readonly ToolCallDelta[]
}

export interface ChatChunkChoice extends JsonObject {
  readonly index: number
  readonly delta: ChatDelta
  readonly finish_reason: FinishReason | null
}

export interface ChatCompletionChunk extends JsonObject {
  readonly id: string
  readonly object: 'chat.completion.chunk'
  readonly created: number
  readonly model: string
  readonly choices: readonly ChatChunkChoice[]
  readonly usage?: Usage | null
}
