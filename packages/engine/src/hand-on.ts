import { GatewayError, type JsonObject, type OperationName } from '@tianjillm/core'
import type { Answer } from './answer.ts'
import type { RelayReply } from './transport.ts'

/** Operations whose answers are JSON unless they are streamed. */
const jsonOperations: ReadonlySet<OperationName> = new Set([
  'chat',
  'completion',
  'embedding',
  'image',
  'imageEdit',
  'imageVariation',
  'messages',
  'moderation',
  'rerank',
  'responses',
])

/**
 * A vendor's answer whose bytes the client may have as they are: JSON whole, so that a connection that breaks is an
 * error, all else as it comes. Undefined for one that is not of the kind that was asked for.
 */
export async function handOn(
  provider: string,
  operation: OperationName,
  input: JsonObject,
  reply: RelayReply,
): Promise<Answer | undefined> {
  const contentType = reply.headers.get('content-type') ?? 'application/octet-stream'
  const isJson = /^application\/(.+\+)?json\b/.test(contentType)
  if (isJson && input.stream !== true) return whole(provider, contentType, await reply.bytes())
  if (contentType.startsWith('text/event-stream')) return { type: 'relay', contentType, reply }
  const isHtml = contentType.startsWith('text/html')
  if (input.stream === true || jsonOperations.has(operation) || isHtml) return undefined
  return { type: 'relay', contentType, reply }
}

/** Not parsed, but looked at from both ends: a body that was cut is not JSON. */
function whole(provider: string, contentType: string, bytes: Uint8Array): Answer {
  let last = bytes.length - 1
  while (last >= 0 && bytes[last]! <= 0x20) last--
  if (bytes[last] === 0x7d || bytes[last] === 0x5d) return { type: 'bytes', contentType, bytes }
  throw new GatewayError('upstream_invalid_response', `${provider}: the vendor's answer is not whole.`, { provider })
}
