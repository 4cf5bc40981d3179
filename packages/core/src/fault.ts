import { type ErrorFacts, type ErrorKind, GatewayError } from './errors.ts'
import type { ReplyHeaders } from './http.ts'
import { isJsonObject, type JsonObject } from './json.ts'
import type { FailedReply, Fault } from './provider.ts'

const kindOfStatus: Readonly<Record<number, ErrorKind>> = {
  400: 'invalid_request',
  401: 'upstream_auth_failed',
  402: 'quota_exceeded',
  403: 'upstream_auth_failed',
  404: 'model_not_found',
  405: 'upstream_error',
  408: 'upstream_timeout',
  409: 'upstream_error',
  413: 'payload_too_large',
  415: 'invalid_request',
  422: 'invalid_request',
  424: 'upstream_error',
  429: 'rate_limited',
  502: 'upstream_error',
  503: 'overloaded',
  504: 'upstream_timeout',
  529: 'overloaded',
}

const LONGEST_MESSAGE = 1000

/** The error to raise for a failed answer: what the provider's `fault` knows, the rest from the status and the body. `now` in ms. */
export function upstreamError(
  provider: string,
  reply: FailedReply,
  fault: Fault | undefined,
  now: number,
): GatewayError {
  const kind = fault?.kind ?? kindByBody(reply) ?? kindOfStatus[reply.status] ?? 'upstream_error'
  const said = fault?.message ?? messageOf(reply.body)
  const facts: ErrorFacts = {
    provider,
    upstreamStatus: reply.status,
    status: kind === 'upstream_error' && reply.status >= 500 && reply.status < 600 ? reply.status : undefined,
    code: fault?.code,
    param: fault?.param ?? paramOf(reply.body),
    retryAfter: fault?.retryAfter ?? retryAfter(reply, now),
  }
  const what = kind === 'upstream_auth_failed' ? 'the vendor refused the configured credentials' : said
  return new GatewayError(
    kind,
    `${provider}: ${(what ?? `the vendor answered ${reply.status}`).slice(0, LONGEST_MESSAGE)}`,
    facts,
  )
}

/** The error that a vendor tells as an event of a stream, in OpenAI's shape: `{ error: { message, code } }`. */
export function eventError(provider: string, body: JsonObject, headers: ReplyHeaders, now: number): GatewayError {
  const { error } = body
  const code = isJsonObject(error) ? Number(error.code ?? error.status) : Number.NaN
  const status = code >= 400 && code < 600 ? code : 500
  return upstreamError(provider, { status, headers, body }, undefined, now)
}

/** Codes and phrases that vendors share. */
function kindByBody({ status, body }: FailedReply): ErrorKind | undefined {
  const error = isJsonObject(body) && isJsonObject(body.error) ? body.error : undefined
  const code = error?.code
  if (code === 'context_length_exceeded') return 'context_length_exceeded'
  if (code === 'content_policy_violation' || code === 'content_filter') return 'content_policy_violation'
  if (code === 'insufficient_quota' && status === 429) return 'quota_exceeded'
  const message = messageOf(body)
  if (
    status === 400 &&
    message !== undefined &&
    /context (length|window)|prompt is too long|too many tokens/i.test(message)
  )
    return 'context_length_exceeded'
  return undefined
}

/** The vendor's words in any of the usual shapes; never raw HTML. */
function messageOf(body: unknown, depth = 0): string | undefined {
  if (depth > 4) return undefined
  if (typeof body === 'string') return body.trim() !== '' && !body.trimStart().startsWith('<') ? body.trim() : undefined
  if (Array.isArray(body)) return messageOf(body[0], depth + 1)
  if (!isJsonObject(body)) return undefined
  for (const field of ['error', 'message', 'Message', 'error_msg', 'msg', 'detail', 'errors']) {
    const value = body[field]
    if (typeof value === 'string' && value !== '') return value
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value.join('; ')
    const inner = messageOf(value, depth + 1)
    if (inner !== undefined && typeof value !== 'string') return inner
  }
  return undefined
}

function paramOf(body: unknown): string | undefined {
  const error = isJsonObject(body) && isJsonObject(body.error) ? body.error : undefined
  return typeof error?.param === 'string' ? error.param : undefined
}

/** Seconds from `retry-after-ms` or `retry-after` (a number or a date). */
function retryAfter({ headers }: FailedReply, now: number): number | undefined {
  const milliseconds = Number(headers.get('retry-after-ms'))
  if (milliseconds > 0) return milliseconds / 1000
  const value = headers.get('retry-after')
  if (value === undefined) return undefined
  const seconds = Number(value)
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds : undefined
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000)
}
