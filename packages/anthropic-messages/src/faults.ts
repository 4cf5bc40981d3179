import {
  type ErrorKind,
  errorKinds,
  type FailedReply,
  type Fault,
  type GatewayError,
  isJsonObject,
  type JsonObject,
  replyHeaders,
  upstreamError,
} from '@tianjillm/core'
import type { Reading } from './reading.ts'

interface FaultFacts {
  /** The status Anthropic answers with; an error inside a stream has none of its own. */
  readonly status: number
  /** Absent where status and message say it better. */
  readonly kind?: ErrorKind
}

/** Anthropic's error types. https://platform.claude.com/docs/en/api/errors */
const types: ReadonlyMap<unknown, FaultFacts> = new Map<string, FaultFacts>([
  ['invalid_request_error', { status: 400 }],
  ['authentication_error', { status: 401, kind: 'upstream_auth_failed' }],
  ['billing_error', { status: 402, kind: 'quota_exceeded' }],
  ['permission_error', { status: 403, kind: 'upstream_auth_failed' }],
  ['not_found_error', { status: 404, kind: 'model_not_found' }],
  ['conflict_error', { status: 409, kind: 'upstream_error' }],
  ['request_too_large', { status: 413, kind: 'payload_too_large' }],
  ['rate_limit_error', { status: 429, kind: 'rate_limited' }],
  ['api_error', { status: 500, kind: 'upstream_error' }],
  ['timeout_error', { status: 504, kind: 'upstream_timeout' }],
  ['overloaded_error', { status: 529, kind: 'overloaded' }],
])

/** What only the message of an `invalid_request_error` tells. */
const phrases: readonly (readonly [RegExp, ErrorKind])[] = [
  [/prompt is too long|exceed context limit/i, 'context_length_exceeded'],
  [/content filtering policy/i, 'content_policy_violation'],
  [/credit balance is too low/i, 'quota_exceeded'],
]

/** What Anthropic meant by a failed answer; undefined when the body is not Anthropic's. */
export function readMessagesFault({ body }: Pick<FailedReply, 'body'>): Fault | undefined {
  const error = errorIn(body)
  if (error === undefined) return undefined
  const message = typeof error.message === 'string' ? error.message : undefined
  const said = message && phrases.find(([phrase]) => phrase.test(message))?.[1]
  return { kind: types.get(error.type)?.kind ?? (said || undefined), message }
}

/** The error that an `error` event of a stream stands for. */
export function readErrorEvent(event: JsonObject, { provider, now }: Reading): GatewayError {
  const status = types.get(errorIn(event)?.type)?.status ?? 500
  const reply = { status, headers: replyHeaders({}), body: event }
  return upstreamError(provider, reply, readMessagesFault(reply), now)
}

function errorIn(body: unknown): JsonObject | undefined {
  return isJsonObject(body) && isJsonObject(body.error) ? body.error : undefined
}

/** Anthropic's error body, which is also the event that ends a failed stream. */
export interface MessagesErrorBody extends JsonObject {
  readonly type: 'error'
  readonly error: { readonly type: string; readonly message: string }
  readonly request_id?: string
}

/** Kinds that Anthropic has a type of its own for; otherwise its types are spelled as OpenAI's. */
const ownTypes: Partial<Record<ErrorKind, string>> = {
  overloaded: 'overloaded_error',
  payload_too_large: 'request_too_large',
  quota_exceeded: 'billing_error',
  budget_exceeded: 'billing_error',
  shutting_down: 'overloaded_error',
}

/** An error as Anthropic's clients expect it. */
export function writeMessagesError(error: GatewayError, requestId?: string): MessagesErrorBody {
  return {
    type: 'error',
    error: { type: ownTypes[error.kind] ?? errorKinds[error.kind].type, message: error.message },
    ...(requestId && { request_id: requestId }),
  }
}
