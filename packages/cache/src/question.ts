import { isJsonObject, type JsonObject } from '@tianjillm/core'

/** What a conversation asks last, and all the rest of the request. */
export interface Question {
  readonly text: string
  /** The request without that text. */
  readonly rest: JsonObject
}

/** The text of the last user message, taken out of the request; undefined when there is none. */
export function questionOf(input: JsonObject): Question | undefined {
  const { messages } = input
  if (!Array.isArray(messages)) return undefined
  const at = messages.findLastIndex((message) => isJsonObject(message) && message.role === 'user')
  if (at === -1) return undefined
  const { content, ...message } = messages[at] as JsonObject
  const parts: readonly unknown[] = typeof content === 'string' ? [content] : Array.isArray(content) ? content : []
  const texts = parts.map(textOf)
  const text = texts.filter((part) => part !== undefined).join('\n')
  if (text.trim() === '') return undefined
  const others = parts.filter((_, index) => texts[index] === undefined)
  return { text, rest: { ...input, messages: messages.with(at, { ...message, content: others }) } }
}

function textOf(part: unknown): string | undefined {
  if (typeof part === 'string') return part
  return isJsonObject(part) && part.type === 'text' && typeof part.text === 'string' ? part.text : undefined
}
