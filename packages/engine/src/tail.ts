import { isJsonObject, type JsonObject, joinBytes, parseJson, type Usage } from '@tianjillm/core'
import { type Said, saidBy } from './said.ts'

/** Bytes at the end of an answer in which its counts and its end mark are looked for. */
const TAIL = 8 * 1024
const LINE_END = 0x0a

const decoder = new TextDecoder()

/**
 * The end of a stream that nobody reads: the counts, the end mark and an error, if there is one, come last. Pieces are
 * kept as they are and looked at once, so that a chunk costs next to nothing.
 */
export class Tail {
  readonly #pieces: Uint8Array[] = []
  #length = 0
  /** Bytes that are no longer kept. */
  #dropped = 0

  /** Takes the next piece. */
  feed(piece: Uint8Array): void {
    this.#pieces.push(piece)
    this.#length += piece.length
    while (this.#length - this.#pieces[0]!.length >= TAIL) {
      const { length } = this.#pieces.shift()!
      this.#length -= length
      this.#dropped += length
    }
  }

  /** What the end of the stream says. */
  read(): StreamEnd {
    const text = decoder.decode(joinBytes(this.#pieces))
    return {
      usage: usageIn(text),
      // In what a model wrote line breaks and quotes are escaped, so these can only be the vendor's own.
      isComplete: /^data: ?\[DONE\]/m.test(text) || /"finish_reason": ?"/.test(text),
      hasError: /^data: ?\{"error":/m.test(text),
    }
  }

  /** What its events say, and how many times as long the stream is: nearly all of an event is the same each time. */
  sample(): Said {
    const bytes = joinBytes(this.#pieces)
    const whole = this.#dropped === 0 ? bytes : bytes.subarray(bytes.indexOf(LINE_END) + 1)
    const text = eventsIn(decoder.decode(whole)).map(saidBy).join('')
    return { text, times: (this.#dropped + bytes.length) / Math.max(1, whole.length) }
  }
}

/** What the end of a stream says. */
export interface StreamEnd {
  readonly usage: Usage | undefined
  /** Whether the end mark, or a finish reason, is there. */
  readonly isComplete: boolean
  /** Whether the vendor reported an error. */
  readonly hasError: boolean
}

/** The token counts of a whole JSON answer, without parsing the rest. They nearly always come last. */
export function usageOf(bytes: Uint8Array): Usage | undefined {
  const atEnd = usageIn(decoder.decode(bytes.subarray(-TAIL)))
  return atEnd === undefined && bytes.length > TAIL ? usageIn(decoder.decode(bytes)) : atEnd
}

/** The objects of all events in a text that are there whole. */
export function eventsIn(text: string): readonly JsonObject[] {
  return text.split('\n').flatMap((line) => {
    const value = line.startsWith('data:') ? parseJson(line.slice('data:'.length)) : undefined
    return isJsonObject(value) ? [value] : []
  })
}

/**
 * What was used, as chats tell it. OpenAI's images and transcriptions count input and output, or seconds.
 * https://platform.openai.com/docs/api-reference/images/object
 */
export function usageFrom(told: unknown): Usage | undefined {
  if (!isJsonObject(told)) return undefined
  if (typeof told.prompt_tokens === 'number') return told as Usage
  const { input_tokens: input, output_tokens: output, seconds } = told
  if (typeof input !== 'number' && typeof seconds !== 'number') return undefined
  const [read, written] = [input, output].map((count) => (typeof count === 'number' ? count : 0)) as [number, number]
  return { ...told, prompt_tokens: read, completion_tokens: written, total_tokens: read + written }
}

/** The last token counts in a text. */
function usageIn(text: string): Usage | undefined {
  for (let at = text.lastIndexOf('"usage"'); at !== -1; at = at > 0 ? text.lastIndexOf('"usage"', at - 1) : -1) {
    const usage = usageFrom(objectAfter(text, at + '"usage"'.length))
    if (usage !== undefined) return usage
  }
  return undefined
}

/** The object that follows a key and its colon, when it is there whole; it holds no braces within texts. */
function objectAfter(text: string, from: number) {
  const start = /^\s*:\s*\{/.exec(text.slice(from, from + 16))
  if (start === null) return undefined
  const open = from + start[0].length - 1
  let depth = 0
  for (let at = open; at < text.length; at++) {
    if (text[at] === '{') depth++
    else if (text[at] === '}' && --depth === 0) {
      const value = parseJson(text.slice(open, at + 1))
      return isJsonObject(value) ? value : undefined
    }
  }
  return undefined
}
