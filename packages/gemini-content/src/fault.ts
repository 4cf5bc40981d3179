import { type ErrorKind, type FailedReply, type Fault, isJsonObject, type JsonObject } from '@tianjillm/core'

/** Google's canonical codes, but for those that the HTTP status says as well. https://cloud.google.com/apis/design/errors */
const kinds: Readonly<Record<string, ErrorKind>> = {
  UNAUTHENTICATED: 'upstream_auth_failed',
  PERMISSION_DENIED: 'upstream_auth_failed',
  NOT_FOUND: 'model_not_found',
  RESOURCE_EXHAUSTED: 'rate_limited',
  INTERNAL: 'upstream_error',
  UNAVAILABLE: 'overloaded',
  DEADLINE_EXCEEDED: 'upstream_timeout',
}

/** What Google means by a failed answer; a bad key is a 400 of its own reason. https://ai.google.dev/gemini-api/docs/troubleshooting */
export function googleFault({ body }: Pick<FailedReply, 'body'>): Fault | undefined {
  const error = googleError(body)
  if (error === undefined) return undefined
  const message = typeof error.message === 'string' ? error.message : undefined
  const details: readonly unknown[] = Array.isArray(error.details) ? error.details : []
  if (details.some((detail) => isJsonObject(detail) && detail.reason === 'API_KEY_INVALID'))
    return { kind: 'upstream_auth_failed', message }
  if (message && /token count .*exceeds/i.test(message)) return { kind: 'context_length_exceeded', message }
  return { kind: kinds[String(error.status)], message }
}

/** The error in a body, or in an array of one, as streams without events have it. */
export function googleError(body: unknown): JsonObject | undefined {
  const value = Array.isArray(body) ? body[0] : body
  return isJsonObject(value) && isJsonObject(value.error) ? value.error : undefined
}
