import type { RawBody } from '@tianjillm/engine'

const KEY = Buffer.from('"model"')
/** What any letter of the key begins with when it is written as an escape. */
const ESCAPED_LETTER = Buffer.from('\\u006')
const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c]

/** The bytes of a JSON request, in which another model can be put without writing the rest anew. */
export class JsonBody implements RawBody {
  readonly contentType = 'application/json'
  readonly #bytes: Buffer
  readonly #hasModel: boolean

  /** The bytes must be valid JSON; `hasModel` tells whether it has a `model` at its top level. */
  constructor(bytes: Buffer, hasModel: boolean) {
    this.#bytes = bytes
    this.#hasModel = hasModel
  }

  withModel(model: string): Uint8Array | undefined {
    const span = this.#hasModel ? modelSpan(this.#bytes) : undefined
    if (span === undefined) return undefined
    const value = Buffer.from(JSON.stringify(model))
    if (
      value.length === span.end - span.start &&
      this.#bytes.compare(value, 0, value.length, span.start, span.end) === 0
    )
      return this.#bytes
    return Buffer.concat([this.#bytes.subarray(0, span.start), value, this.#bytes.subarray(span.end)])
  }
}

interface Span {
  readonly start: number
  readonly end: number
}

/**
 * Where the value of the top-level `model` stands, quotes included. Undefined when the key is there twice, is written
 * with escapes, or holds no text. The bytes are valid JSON with a top-level `model`.
 */
function modelSpan(bytes: Buffer): Span | undefined {
  const at = bytes.indexOf(KEY)
  if (at === -1) return undefined
  // In nearly every request the word stands once and no letter is escaped: then it can only be that key.
  const isOnly = bytes.indexOf(KEY, at + KEY.length) === -1 && bytes.indexOf(ESCAPED_LETTER) === -1
  return isOnly ? textAfter(bytes, at + KEY.length) : topLevel(bytes)
}

/** Walks through the text, counting braces, to the only `model` of depth one. */
function topLevel(bytes: Buffer): Span | undefined {
  let depth = 0
  let found: Span | undefined
  let isKey = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!
    if (byte === QUOTE) {
      const end = endOfText(bytes, at)
      if (depth === 1 && isKey && end - at === KEY.length && bytes.compare(KEY, 0, KEY.length, at, end) === 0) {
        if (found) return undefined
        found = textAfter(bytes, end)
        if (found === undefined) return undefined
      } else if (depth === 1 && isKey && bytes.subarray(at, end).includes(BACKSLASH)) return undefined
      isKey = false
      at = end - 1
    } else if (byte === 0x7b || byte === 0x5b) {
      depth++
      isKey = byte === 0x7b && depth === 1
    } else if (byte === 0x7d || byte === 0x5d) depth--
    else if (byte === COMMA && depth === 1) isKey = true
  }
  return found
}

/** The text that follows a key and its colon. */
function textAfter(bytes: Buffer, from: number): Span | undefined {
  let at = from
  while (isBlank(bytes[at]!)) at++
  if (bytes[at] !== COLON) return undefined
  do at++
  while (isBlank(bytes[at]!))
  if (bytes[at] !== QUOTE) return undefined
  return { start: at, end: endOfText(bytes, at) }
}

/** Just behind the closing quote of the text that opens at `start`. */
function endOfText(bytes: Buffer, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) {
    if (bytes[at] === BACKSLASH) at++
    else if (bytes[at] === QUOTE) return at + 1
  }
  return bytes.length
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}
