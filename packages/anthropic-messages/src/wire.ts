import type { JsonObject } from '@tianjillm/core'

/** A piece of content: text, image, document, tool_use, tool_result, thinking, … */
export interface Block extends JsonObject {
  readonly type: string
}

/** One side's contribution to the conversation. */
export interface Turn extends JsonObject {
  readonly role: 'user' | 'assistant'
  readonly content: string | readonly Block[]
}

/** A tool of the client's own (`input_schema`), or one of Anthropic's (a dated `type`). */
export interface MessagesTool extends JsonObject {
  readonly name: string
  readonly type?: string
  readonly description?: string
  readonly input_schema?: JsonObject
}

/** What is posted to `/v1/messages`. https://platform.claude.com/docs/en/api/messages/create */
export interface MessagesRequest extends JsonObject {
  readonly model: string
  readonly max_tokens: number
  readonly messages: readonly Turn[]
  readonly system?: string | readonly Block[] | undefined
  readonly stream?: boolean | undefined
  readonly tools?: readonly MessagesTool[] | undefined
}

/** Token counts. `input_tokens` leaves out what was read from or written to the cache. */
export interface MessagesUsage extends JsonObject {
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cache_creation_input_tokens?: number | null
  readonly cache_read_input_tokens?: number | null
}

/** A whole answer. */
export interface MessagesResponse extends JsonObject {
  readonly id: string
  readonly type: 'message'
  readonly role: 'assistant'
  readonly model: string
  readonly content: readonly Block[]
  readonly stop_reason: string | null
  readonly stop_sequence: string | null
  readonly usage: MessagesUsage
}

/** One event of a streamed answer; in server-sent events its name is its `type`. https://platform.claude.com/docs/en/build-with-claude/streaming */
export interface MessagesEvent extends JsonObject {
  readonly type: string
}
