import { GatewayError } from '@tianjillm/core'
import type { Connection, ConnectionEvents } from './connection.ts'

/** One connection that is made when it is wanted, and again after it was lost. */
export interface Line {
  /** The connection; those who want it at the same time wait for one. */
  connection(): Promise<Connection>
  readonly isUp: boolean
  /**
   * It is of no use any more: whoever asks next gets another. What is under way on it may end. False when it was
   * known already.
   */
  drop(connection: Connection): boolean
  close(): Promise<void>
}

/** What a line tells of. */
export interface LineEvents {
  up(connection: Connection): void
  /** It was lost. */
  down(): void
  listChanged(): void
}

/** A line; nothing is dialled yet. */
export function createLine(
  dial: (events: ConnectionEvents, closing: AbortSignal) => Promise<Connection>,
  events: LineEvents,
): Line {
  let current: Connection | undefined
  let pending: Promise<Connection> | undefined
  const closing = new AbortController()

  async function make(): Promise<Connection> {
    try {
      const made: { connection?: Connection } = {}
      const lost = () => {
        if (current === undefined || current !== made.connection) return
        current = undefined
        events.down()
      }
      const connection = await dial({ listChanged: events.listChanged, lost }, closing.signal)
      made.connection = connection
      if (closing.signal.aborted) {
        await connection.close()
        throw closed()
      }
      current = connection
      events.up(connection)
      return connection
    } finally {
      pending = undefined
    }
  }

  return {
    get isUp() {
      return current !== undefined
    },
    async connection() {
      if (closing.signal.aborted) throw closed()
      if (current !== undefined) return current
      pending ??= make()
      return pending
    },
    drop(connection) {
      if (current !== connection) return false
      current = undefined
      connection.retire()
      return true
    },
    async close() {
      closing.abort(closed())
      const connection = current
      current = undefined
      await connection?.close()
      await pending?.catch(() => {})
    },
  }
}

function closed(): GatewayError {
  return new GatewayError('shutting_down', 'The connection is closed.')
}
