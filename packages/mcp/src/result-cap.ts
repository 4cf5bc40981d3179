import { isJsonObject, type JsonObject } from '@tianjillm/core'

/**
 * The result of a tool with at most so many bytes of JSON. Too much text is cut, and says so. What cannot be cut, as an
 * image or what a schema was promised for, becomes a failed result.
 */
export function cappedResult(result: JsonObject, limit: number): JsonObject {
  // A JSON text has at most six bytes for each of its characters; most results are known to be small by that.
  if (charactersOf(result) * 6 <= limit) return result
  const size = bytesOf(result)
  if (size <= limit) return result
  const content = Array.isArray(result.content) ? result.content : []
  const rest = bytesOf({ ...result, content: content.map((block) => (isText(block) ? { ...block, text: '' } : block)) })
  const room = limit - rest - MARK_ROOM * content.length
  if (result.structuredContent !== undefined || room < 0) return tooLarge(size, limit)
  return { ...result, content: cut(content, room) }
}

const MARK_ROOM = 100

function cut(content: readonly unknown[], room: number): readonly unknown[] {
  let left = room
  return content.map((block) => {
    if (!isText(block)) return block
    const size = bytesOf(block.text)
    if (size <= left) {
      left -= size
      return block
    }
    const kept = leading(block.text, left)
    left = 0
    return { ...block, text: `${kept}\n[Cut by the gateway: this is the beginning of ${size} bytes. Ask for less.]` }
  })
}

/** As much from the beginning as fits, without half a character. */
function leading(text: string, bytes: number): string {
  let low = 0
  let high = text.length
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (bytesOf(text.slice(0, middle)) <= bytes) low = middle
    else high = middle - 1
  }
  return text
    .slice(0, low)
    .toWellFormed()
    .replace(/\ufffd$/, '')
}

function tooLarge(size: number, limit: number): JsonObject {
  const text = `The result is too large: ${size} bytes, and the gateway passes on ${limit} at most. Ask for less, or for a page of it.`
  return {
    content: [{ type: 'text', text }],
    isError: true,
    _meta: { code: 'result_too_large', type: 'invalid_request_error', status: 413, retryable: false },
  }
}

function isText(block: unknown): block is { readonly type: 'text'; readonly text: string } {
  return isJsonObject(block) && block.type === 'text' && typeof block.text === 'string'
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value))
}

/** More than there can be characters in the JSON, without escapes. */
function charactersOf(value: unknown): number {
  if (typeof value === 'string') return value.length + 3
  if (typeof value !== 'object' || value === null) return 25
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + charactersOf(item) + 1, 2)
  return Object.entries(value).reduce((sum, [key, item]) => sum + key.length + 4 + charactersOf(item), 2)
}
