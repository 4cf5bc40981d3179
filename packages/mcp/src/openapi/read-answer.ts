import { type ErrorKind, GatewayError, isJsonObject, type JsonObject, parseJson } from '@tianjillm/core'
import { cappedResult } from '../result-cap.ts'
import { readBytes, textOf } from './read-bytes.ts'

/** Bytes of JSON that a result has twice, for programs and for whoever reads. */
const MOST_TWICE = 2 * 1024 * 1024
/** Bytes of an error that are told. */
const MOST_OF_ERROR = 8 * 1024

const json = /^[\w.+-]+\/(?:[\w.-]+\+)?json$/
const texts =
  /^(?:text\/|application\/(?:[\w.-]+\+)?(?:xml|yaml|javascript|ecmascript|x-ndjson|jsonl|x-www-form-urlencoded)$|image\/svg\+xml$)/

/** What an API answered, as the result of a tool with at most so many bytes. */
export async function readAnswer(response: Response, limit: number): Promise<JsonObject> {
  const contentType = response.headers.get('content-type') ?? ''
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase()
  const location = response.headers.get('location')
  if (response.status >= 300 && response.status < 400) {
    await response.body?.cancel()
    const where = location === null ? '' : `, at ${location.slice(0, 2_000)}`
    return said(`Status ${response.status}: the answer is elsewhere${where}. The gateway does not follow there.`)
  }
  const length = Number(response.headers.get('content-length') ?? Number.NaN)
  const isKnown = type === '' || json.test(type) || texts.test(type) || /^(image|audio)\//.test(type)
  if (!isKnown) {
    await response.body?.cancel()
    return said(
      `Status ${response.status}. The answer is a file: ${type.slice(0, 100)}${Number.isNaN(length) ? '' : `, ${length} bytes`}.`,
    )
  }
  const { bytes, isWhole } = await readBytes(response, limit)
  if (bytes.length === 0) return said(`Status ${response.status}, and no more.`)
  const [, kind] = texts.test(type) ? [] : (/^(image|audio)\//.exec(type) ?? [])
  if (kind === undefined) return cappedResult(textResult(textOf(bytes, contentType), isWhole), limit)
  const data = isWhole ? Buffer.from(bytes).toString('base64') : ''
  if (!isWhole || data.length > limit)
    return said(
      `Status ${response.status}. The answer is too large to be passed on: ${type}, more than ${Math.floor((limit * 3) / 4)} bytes.`,
      true,
    )
  return cappedResult({ content: [{ type: kind, data, mimeType: type }] }, limit)
}

function textResult(text: string, isWhole: boolean): JsonObject {
  if (!isWhole)
    return {
      content: [{ type: 'text', text: `${text}\n[Cut by the gateway: this is only the beginning. Ask for less.]` }],
    }
  const value = text.length <= MOST_TWICE ? parseJson(text) : undefined
  return { content: [{ type: 'text', text }], ...(isJsonObject(value) && { structuredContent: value }) }
}

function said(text: string, isError = false): JsonObject {
  return { content: [{ type: 'text', text }], ...(isError && { isError }) }
}

const kinds: Readonly<Record<number, ErrorKind>> = {
  ...{ 401: 'upstream_auth_failed', 403: 'permission_denied', 404: 'not_found', 408: 'upstream_timeout' },
  ...{ 413: 'payload_too_large', 429: 'rate_limited', 503: 'overloaded', 504: 'upstream_timeout' },
}

/** An answer that says what went wrong, with the beginning of its words. `hint` is what to do about 401. */
export async function readFailure(server: string, response: Response, hint: string): Promise<GatewayError> {
  const { status, headers } = response
  const contentType = headers.get('content-type') ?? ''
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase()
  const isText = type === '' || json.test(type) || (texts.test(type) && type !== 'text/html')
  const { bytes, isWhole } = await readBytes(response, isText ? MOST_OF_ERROR : 0)
  const words = isText ? textOf(bytes, contentType).trim() : ''
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  const kind = kinds[status] ?? (status >= 500 ? 'upstream_error' : 'invalid_request')
  const told = `The API ${server} answered with status ${status}.${status === 401 ? ` ${hint}` : ''}`
  return new GatewayError(kind, words === '' ? told : `${told}\n${words}${isWhole ? '' : '…'}`, {
    upstreamStatus: status,
    ...(status >= 500 && { status }),
    ...(seconds >= 0 && { retryAfter: seconds }),
  })
}
