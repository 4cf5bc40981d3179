import { GatewayError, isJsonObject, type JsonObject, parseJson, type UpstreamRequest } from '@tianjillm/core'
import type { Deployment } from './deployment.ts'

/**
 * A request with `extra_headers` and `extra_body` laid over it. The configuration's replace what is there; a client's
 * only add, so that it can change neither the model nor the credentials nor what guardrails have judged.
 * Throws GatewayError `invalid_request` for a header that cannot be sent.
 */
export function withExtras(request: UpstreamRequest, deployment: Deployment, input: JsonObject): UpstreamRequest {
  const added = clientHeaders(input.extra_headers)
  const headed =
    isEmpty(added) && isEmpty(deployment.extraHeaders)
      ? request
      : { ...request, headers: { ...added, ...request.headers, ...deployment.extraHeaders } }
  return withBody(headed, clientBody(input.extra_body), deployment.extraBody)
}

const nothing: Readonly<Record<string, never>> = {}

function isEmpty(object: object): boolean {
  for (const _ in object) return false
  return true
}

/** Headers that belong to a connection, or say who the gateway is. */
const reservedHeaders: ReadonlySet<string> = new Set([
  'accept-encoding',
  'api-key',
  'authorization',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-api-key',
  'x-goog-api-key',
])

function clientHeaders(extra: unknown): Readonly<Record<string, string>> {
  if (!isJsonObject(extra)) return nothing
  const headers = Object.entries(extra).map(([name, value]) => [name.toLowerCase(), String(value)] as const)
  for (const [name, value] of headers)
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      throw new GatewayError('invalid_request', '`extra_headers` holds a name or value that HTTP does not allow.', {
        param: 'extra_headers',
      })
  return Object.fromEntries(headers.filter(([name]) => !reservedHeaders.has(name)))
}

function clientBody(extra: unknown): JsonObject {
  return isJsonObject(extra) ? extra : nothing
}

/** Bodies that are not a JSON object stay as they are. */
function withBody(request: UpstreamRequest, added: JsonObject, replacing: JsonObject): UpstreamRequest {
  const isSame = isEmpty(added) && isEmpty(replacing)
  if (isSame || request.body === undefined || request.body instanceof FormData) return request
  const text = typeof request.body === 'string' ? request.body : new TextDecoder().decode(request.body)
  const written = parseJson(text)
  if (!isJsonObject(written)) return request
  const { model: _, ...harmless } = added
  return { ...request, body: JSON.stringify({ ...harmless, ...written, ...replacing }) }
}
