import { createParser } from 'eventsource-parser'
import { GatewayError } from './errors.ts'

/** One server-sent event. */
export interface ServerSentEvent {
  /** The `event:` line, when there was one. */
  readonly event: string | undefined
  /** The `data:` lines, joined by newlines. */
  readonly data: string
}

/** Longest event that is put together, in UTF-16 units. */
const LONGEST_EVENT = 16 * 1024 * 1024

/**
 * The events of a byte stream, wherever its pieces were cut. An event that the stream's end leaves without its blank
 * line still counts. Throws GatewayError `upstream_invalid_response` for an event over 16 Mi characters.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export async function* serverSentEvents(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const ready: ServerSentEvent[] = []
  let error: GatewayError | undefined
  const parser = createParser({
    maxBufferSize: LONGEST_EVENT,
    onEvent: ({ event, data }) => {
      ready.push({ event, data })
    },
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded')
        error = new GatewayError('upstream_invalid_response', 'The upstream sent an event of over 16 Mi characters.')
    },
  })
  const decoder = new TextDecoder()
  for await (const piece of bytes) {
    parser.feed(decoder.decode(piece, { stream: true }))
    yield* ready.splice(0)
    if (error) throw error
  }
  parser.feed(`${decoder.decode()}\n\n`)
  yield* ready.splice(0)
}

/**
 * The JSON values of an event stream up to `[DONE]`, each with its event's name; empty events are heartbeats. Throws GatewayError
 * `upstream_invalid_response` for data that is not JSON.
 */
export async function* serverSentJson(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly event: string | undefined; readonly data: unknown }> {
  for await (const { event, data } of serverSentEvents(bytes)) {
    if (data === '[DONE]') return
    if (data === '') continue
    let value: unknown
    try {
      value = JSON.parse(data)
    } catch (cause) {
      throw new GatewayError('upstream_invalid_response', 'The upstream sent an event that is not JSON.', { cause })
    }
    yield { event, data: value }
  }
}
