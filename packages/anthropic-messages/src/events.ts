import { isJsonObject, serverSentJson } from '@tianjillm/core'
import { readErrorEvent } from './faults.ts'
import { misunderstood, type Reading } from './reading.ts'
import type { MessagesEvent } from './wire.ts'

/** The events in a body of server-sent events, not yet checked. */
export async function* messagesEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  for await (const { data } of serverSentJson(body)) yield data
}

/**
 * The same events up to `message_stop`. Throws GatewayError: what an `error` event says, or
 * `upstream_invalid_response` when the stream ends too early.
 */
export async function* checkedEvents(events: AsyncIterable<unknown>, reading: Reading): AsyncGenerator<MessagesEvent> {
  for await (const event of events) {
    if (!isJsonObject(event)) continue
    if (event.type === 'error') throw readErrorEvent(event, reading)
    // Whatever is an object here is an event; readers pass over types they do not know.
    yield event as MessagesEvent
    if (event.type === 'message_stop') return
  }
  throw misunderstood(reading, 'the stream ended before the answer was complete.')
}
