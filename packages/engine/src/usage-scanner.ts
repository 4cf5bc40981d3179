import { isJsonObject, joinBytes, parseJson, type Usage } from '@tianjillm/core'

const encoder = new TextEncoder()
const USAGE = encoder.encode('"usage"')
/** The end mark as a line of its own; in a text that a model wrote, the line break is escaped. */
const DONE = ['\ndata: [DONE]', '\ndata:[DONE]'].map((text) => encoder.encode(text))
/** An event that tells of an error, at the beginning of its line. */
const ERROR = ['\ndata: {"error":', '\ndata:{"error":'].map((text) => encoder.encode(text))
/** `finish_reason` with a reason; the wire of every vendor that is relayed writes it without blanks or with one. */
const FINISHED = ['"finish_reason":"', '"finish_reason": "'].map((text) => encoder.encode(text))

/** Bytes kept from before the last piece: more than any usage object is long. */
const TAIL = 2048

/**
 * Finds the token counts in a vendor's answer without parsing it, however its bytes were cut, and whether a stream
 * came to its end. Keeps the last few kilobytes.
 */
export class UsageScanner {
  #tail: Uint8Array = new Uint8Array(0)
  #usage: Usage | undefined
  #isFinished = false
  #hasError = false

  /** Looks at the next piece. */
  feed(piece: Uint8Array): void {
    const bytes = this.#tail.length === 0 ? piece : joinBytes([this.#tail, piece])
    const at = lastIndexOf(bytes, USAGE)
    if (at !== -1) this.#usage = usageAt(bytes, at + USAGE.length) ?? this.#usage
    this.#hasError ||= ERROR.some((mark) => lastIndexOf(bytes, mark) !== -1 || startsWith(bytes, mark.subarray(1)))
    this.#isFinished ||= [...DONE, ...FINISHED].some((mark) => lastIndexOf(bytes, mark) !== -1)
    this.#tail = bytes.length > TAIL ? bytes.slice(-TAIL) : bytes
  }

  /** The last token counts that were seen. */
  usage(): Usage | undefined {
    return this.#usage
  }

  /** Whether the vendor reported an error in the stream. */
  get hasError(): boolean {
    return this.#hasError
  }

  /** Whether the stream's end mark or a finish reason was seen. */
  get isComplete(): boolean {
    return this.#isFinished
  }
}

function startsWith(bytes: Uint8Array, wanted: Uint8Array): boolean {
  return wanted.every((byte, index) => bytes[index] === byte)
}

function lastIndexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  const last = wanted.length - 1
  for (let at = bytes.lastIndexOf(wanted[last]!); at >= last; at = bytes.lastIndexOf(wanted[last]!, at - 1)) {
    let offset = 1
    while (offset <= last && bytes[at - offset] === wanted[last - offset]) offset++
    if (offset > last) return at - last
  }
  return -1
}

/** The object that follows `"usage"`, when it is there whole. */
function usageAt(bytes: Uint8Array, from: number): Usage | undefined {
  const open = bytes.indexOf(0x7b, from)
  if (open === -1 || open - from > 4) return undefined
  let depth = 0
  for (let at = open; at < bytes.length; at++) {
    if (bytes[at] === 0x7b) depth++
    else if (bytes[at] === 0x7d && --depth === 0) {
      const value = parseJson(new TextDecoder().decode(bytes.subarray(open, at + 1)))
      return isJsonObject(value) && typeof value.prompt_tokens === 'number' ? (value as Usage) : undefined
    }
  }
  return undefined
}
