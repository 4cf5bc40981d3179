import { randomUUID } from 'node:crypto'
import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server'

/** Events that are kept of a session, and bytes of them; older ones are forgotten first. */
const MOST_EVENTS = 500
const MOST_BYTES = 1024 * 1024

interface StoredEvent {
  readonly id: string
  readonly stream: string
  readonly message: JSONRPCMessage
  readonly size: number
}

/**
 * The last events of one session, so that a client whose connection broke gets what it missed. It is never shared: an
 * id of another session is unknown here.
 */
export function createEventStore(): EventStore {
  const events = new Map<string, StoredEvent>()
  const session = randomUUID()
  let bytes = 0
  let count = 0
  return {
    async storeEvent(stream, message) {
      count += 1
      const id = `${session}_${count}`
      const size = JSON.stringify(message).length
      events.set(id, { id, stream, message, size })
      bytes += size
      for (const [oldest, event] of events) {
        if (events.size <= MOST_EVENTS && bytes <= MOST_BYTES) break
        events.delete(oldest)
        bytes -= event.size
      }
      return id
    },
    async getStreamIdForEventId(id) {
      return events.get(id)?.stream
    },
    async replayEventsAfter(lastId, { send }) {
      const last = events.get(lastId)
      if (last === undefined) throw new Error('This event is not known any more.')
      let isAfter = false
      for (const { id, stream, message } of events.values()) {
        // What begins a stream is an event without a message.
        if (isAfter && stream === last.stream && Object.keys(message).length > 0) await send(id, message)
        isAfter ||= id === lastId
      }
      return last.stream
    },
  }
}
