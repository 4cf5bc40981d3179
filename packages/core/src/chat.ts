import { GatewayError } from './errors.ts'
import { isJsonObject, type JsonObject, parseJson } from './json.ts'
import type {
  ChatChunkChoice,
  ChatCompletion,
  ChatCompletionChunk,
  ChatDelta,
  ChatMessage,
  FinishReason,
  Usage,
} from './wire/chat.ts'

/** What all chunks of one stream share. */
export interface ChunkHead {
  readonly id: string
  /** Seconds since the epoch. */
  readonly created: number
  readonly model: string
}

/** A chunk with one choice. */
export function chatChunk(
  head: ChunkHead,
  delta: ChatDelta,
  finishReason: FinishReason | null = null,
  index = 0,
): ChatCompletionChunk {
  const choice: ChatChunkChoice = { index, delta, finish_reason: finishReason }
  return { id: head.id, object: 'chat.completion.chunk', created: head.created, model: head.model, choices: [choice] }
}

/** The last chunk of a stream: no choices, only usage. Providers always end with it; the engine hides it from clients that did not ask. */
export function usageChunk(head: ChunkHead, usage: Usage): ChatCompletionChunk {
  return { id: head.id, object: 'chat.completion.chunk', created: head.created, model: head.model, choices: [], usage }
}

/** A completion with one choice. */
export function chatCompletion(
  head: ChunkHead,
  message: ChatMessage,
  finishReason: FinishReason,
  usage?: Usage,
): ChatCompletion {
  return {
    id: head.id,
    object: 'chat.completion',
    created: head.created,
    model: head.model,
    choices: [{ index: 0, message, finish_reason: finishReason, logprobs: null }],
    ...(usage && { usage }),
  }
}

/** Token counts in OpenAI's shape. `prompt` includes the cached tokens. */
export function tokenUsage(counts: {
  readonly prompt: number
  readonly completion: number
  readonly cached?: number | undefined
  readonly reasoning?: number | undefined
}): Usage {
  return {
    prompt_tokens: counts.prompt,
    completion_tokens: counts.completion,
    total_tokens: counts.prompt + counts.completion,
    ...(counts.cached !== undefined && { prompt_tokens_details: { cached_tokens: counts.cached } }),
    ...(counts.reasoning !== undefined && { completion_tokens_details: { reasoning_tokens: counts.reasoning } }),
  }
}

/** All text of a message's content; parts are joined by newlines, other parts are left out. */
export function contentText(content: ChatMessage['content']): string {
  if (content === undefined || content === null) return ''
  if (typeof content === 'string') return content
  return content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n')
}

/** The request's messages with those of role system and developer set apart. */
export function splitSystem(messages: readonly ChatMessage[]): {
  readonly system: readonly ChatMessage[]
  readonly turns: readonly ChatMessage[]
} {
  const isSystem = (message: ChatMessage) => message.role === 'system' || message.role === 'developer'
  return { system: messages.filter(isSystem), turns: messages.filter((message) => !isSystem(message)) }
}

/** Neighbours of equal role as one, for vendors that want roles to alternate. */
export function mergeNeighbours<Turn extends { readonly role: string }>(
  turns: readonly Turn[],
  merge: (first: Turn, second: Turn) => Turn,
): readonly Turn[] {
  const merged: Turn[] = []
  for (const turn of turns) {
    const last = merged.at(-1)
    if (last?.role === turn.role) merged[merged.length - 1] = merge(last, turn)
    else merged.push(turn)
  }
  return merged
}

/** The arguments of a tool call as an object. Throws GatewayError `invalid_request` when the text is not a JSON object. */
export function toolArguments(text: string, param = 'messages'): JsonObject {
  if (text.trim() === '') return {}
  const value = parseJson(text)
  if (isJsonObject(value)) return value
  throw new GatewayError('invalid_request', 'The arguments of a tool call must be a JSON object as text.', { param })
}

/** `stop` as a list. */
export function stopList(stop: string | readonly string[] | null | undefined): readonly string[] | undefined {
  if (stop === undefined || stop === null) return undefined
  return typeof stop === 'string' ? [stop] : stop
}

/** The value without its undefined members, so that a body holds only what was asked for. */
export function compact<Value extends object>(value: Value): Value {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Value
}
