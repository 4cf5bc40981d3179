import { isJsonObject, type JsonObject, parseJson } from '@tianjillm/core'

/** An answer that is kept: an object, a vendor's bytes, or all chunks of a stream. */
export type KeptAnswer =
  | { readonly type: 'json'; readonly value: JsonObject }
  | { readonly type: 'bytes'; readonly contentType: string; readonly bytes: Uint8Array }
  | { readonly type: 'stream'; readonly chunks: readonly JsonObject[] }

/** An answer, and when it was given. */
export interface DatedAnswer {
  readonly answer: KeptAnswer
  /** Milliseconds since the epoch. */
  readonly time: number
}

const decoder = new TextDecoder('utf-8', { fatal: true })
const encoder = new TextEncoder()

/**
 * A whole answer as text: a line of facts, then the answer as JSON, so that bytes can be given again unread. Undefined
 * for what is no good answer.
 */
export function writeAnswer(answer: Exclude<KeptAnswer, { type: 'stream' }>, time: number): string | undefined {
  if (answer.type === 'json')
    return isGood(answer.value)
      ? `${JSON.stringify({ type: 'json', time })}\n${JSON.stringify(answer.value)}`
      : undefined
  const { type, contentType, bytes } = answer
  const text = textOf(bytes)
  return text !== undefined && isGood(parseJson(text))
    ? `${JSON.stringify({ type, contentType, time })}\n${text}`
    : undefined
}

/** A stream as text; `chunks` are its chunks as JSON. */
export function writeStream(chunks: readonly string[], time: number): string {
  return `${JSON.stringify({ type: 'stream', time })}\n[${chunks.join(',')}]`
}

/** The answer that a text says; undefined when it says none. */
export function readAnswer(text: string): DatedAnswer | undefined {
  const end = text.indexOf('\n')
  const facts = parseJson(text.slice(0, end))
  if (!isJsonObject(facts) || typeof facts.time !== 'number') return undefined
  const answer = answerIn(facts, text.slice(end + 1))
  return answer && { answer, time: facts.time }
}

function answerIn({ type, contentType }: JsonObject, body: string): KeptAnswer | undefined {
  if (type === 'bytes' && typeof contentType === 'string') return { type, contentType, bytes: encoder.encode(body) }
  const value = parseJson(body)
  if (type === 'json' && isJsonObject(value)) return { type, value }
  if (type === 'stream' && Array.isArray(value) && value.every(isJsonObject)) return { type, chunks: value }
  return undefined
}

/** Some vendors tell errors with status 200. */
function isGood(value: unknown): value is JsonObject {
  return isJsonObject(value) && (value.error === undefined || value.error === null)
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}
