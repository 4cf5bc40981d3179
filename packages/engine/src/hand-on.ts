import { eventError, GatewayError, isJsonObject, type JsonObject, type OperationName, parseJson } from '@tianjillm/core'
import type { Answer } from './answer.ts'
import type { LiveCall } from './call.ts'
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
 * error, all else as it comes. A stream that begins with an error, or breaks before it begins, is an error too.
 * Undefined for an answer that is not of the kind that was asked for.
 */
export async function handOn(
  provider: string,
  call: LiveCall,
  input: JsonObject,
  reply: RelayReply,
): Promise<Answer | undefined> {
  const contentType = reply.headers.get('content-type') ?? 'application/octet-stream'
  const isJson = /^application\/(.+\+)?json\b/.test(contentType)
  if (isJson && input.stream !== true) return whole(provider, contentType, await reply.bytes())
  if (contentType.startsWith('text/event-stream')) {
    const error = errorIn(await reply.peek())
    if (error) throw eventError(provider, error, reply.headers, call.now())
    return { type: 'relay', contentType, reply }
  }
  const isHtml = contentType.startsWith('text/html')
  if (input.stream === true || jsonOperations.has(call.operation) || isHtml) return undefined
  return { type: 'relay', contentType, reply }
}

const decoder = new TextDecoder()

/** The error that a stream's first piece tells, when it does. */
function errorIn(piece: Uint8Array | undefined): JsonObject | undefined {
  const start = piece && decoder.decode(piece.subarray(0, 20))
  if (!start || !/^data: ?\{"error":/.test(start)) return undefined
  const [line] = decoder.decode(piece).split('\n', 1)
  const event = parseJson(line!.slice('data:'.length))
  return isJsonObject(event) ? event : undefined
}

/** Not parsed, but looked at from both ends: a body that was cut is not JSON. */
function whole(provider: string, contentType: string, bytes: Uint8Array): Answer {
  let last = bytes.length - 1
  while (last >= 0 && bytes[last]! <= 0x20) last--
  if (bytes[last] === 0x7d || bytes[last] === 0x5d) return { type: 'bytes', contentType, bytes }
  throw new GatewayError('upstream_invalid_response', `${provider}: the vendor's answer is not whole.`, { provider })
}
