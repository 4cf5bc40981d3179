import { EventStreamCodec } from '@smithy/eventstream-codec'
import { GatewayError, joinBytes } from '@tianjillm/core'

/** One message of an event stream. */
export interface EventStreamMessage {
  /** Only an `event` is good news. */
  readonly type: 'event' | 'exception' | 'error'
  /** Name of the event or the exception; for an `error` its code. */
  readonly event: string
  /** What an `error` says. */
  readonly errorMessage: string | undefined
  readonly contentType: string | undefined
  readonly payload: Uint8Array
}

/** Shortest message: two lengths and two checksums. */
const SHORTEST_MESSAGE = 16
/** Longest message that is put together, in bytes. */
const LONGEST_MESSAGE = 16 * 1024 * 1024
const LENGTH_BYTES = 4

const decoder = new TextDecoder()
const encoder = new TextEncoder()
const codec = new EventStreamCodec(
  (bytes) => (typeof bytes === 'string' ? bytes : decoder.decode(bytes)),
  (text) => encoder.encode(text),
)

/**
 * The messages of AWS' binary event stream, wherever its pieces were cut. Throws GatewayError
 * `upstream_invalid_response` for a wrong checksum, a message over 16 MiB, or a stream that ends within a message.
 * https://docs.aws.amazon.com/lexv2/latest/dg/event-stream-encoding.html
 */
export async function* eventStream(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<EventStreamMessage> {
  let pieces: Uint8Array[] = []
  let held = 0
  let needed = LENGTH_BYTES
  for await (const piece of bytes) {
    pieces.push(piece)
    held += piece.length
    if (held < needed) continue
    let rest = joinBytes(pieces)
    needed = lengthOf(rest)
    while (rest.length >= needed) {
      yield messageOf(rest.subarray(0, needed))
      rest = rest.subarray(needed)
      needed = lengthOf(rest)
    }
    pieces = [rest]
    held = rest.length
  }
  if (held > 0) throw invalid('ends within a message')
}

/** Bytes the first message takes, or those needed to know. */
function lengthOf(bytes: Uint8Array): number {
  if (bytes.length < LENGTH_BYTES) return LENGTH_BYTES
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  if (length < SHORTEST_MESSAGE || length > LONGEST_MESSAGE) throw invalid(`has a message of ${length} bytes`)
  return length
}

function messageOf(bytes: Uint8Array): EventStreamMessage {
  const { headers, body } = decoded(bytes)
  const text = (name: string) => {
    const header = headers[name]
    return header?.type === 'string' ? header.value : undefined
  }
  const type = text(':message-type') ?? 'event'
  if (type === 'exception' || type === 'error' || type === 'event')
    return {
      type,
      event: text(`:${type}-type`) ?? text(':error-code') ?? '',
      errorMessage: text(':error-message'),
      contentType: text(':content-type'),
      payload: body,
    }
  throw invalid(`has a message of unknown type ${type}`)
}

function decoded(bytes: Uint8Array): ReturnType<EventStreamCodec['decode']> {
  try {
    return codec.decode(bytes)
  } catch (cause) {
    throw invalid('is damaged', cause)
  }
}

function invalid(what: string, cause?: unknown): GatewayError {
  return new GatewayError('upstream_invalid_response', `The upstream's event stream ${what}.`, { cause })
}
