import type { RawBody } from '@tianjillm/engine'

const KEY = Buffer.from('"model"')
const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c]

/** The bytes of a JSON request, in which another model can be put without writing the rest anew. */
export class JsonBody implements RawBody {
  readonly contentType = 'application/json'
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  withModel(model: string): Uint8Array | undefined {
    const span = modelSpan(this.#bytes)
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
 * Where the value of the top-level `model` stands, quotes included. Undefined when the key is not there, is there
 * twice, is written with escapes, or holds no text. The bytes are valid JSON.
 */
function modelSpan(bytes: Buffer): Span | undefined {
  const at = nextKey(bytes, 0)
  if (at === -1) return undefined
  // The key stands once in nearly every request; only otherwise its depth has to be found out.
  if (nextKey(bytes, at + KEY.length) === -1)
    return isEarly(bytes, at) ? textAfter(bytes, at + KEY.length) : topLevel(bytes)
  return topLevel(bytes)
}

function nextKey(bytes: Buffer, from: number): number {
  return bytes.indexOf(KEY, from)
}

/** Whether nothing but the opening brace comes before. */
function isEarly(bytes: Buffer, at: number): boolean {
  let before = at - 1
  while (before >= 0 && isBlank(bytes[before]!)) before--
  return before >= 0 && bytes[before] === 0x7b && bytes.subarray(0, before).every(isBlank)
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
