import { setTimeout as pause } from 'node:timers/promises'
import type { Client, McpSubscription, SubscriptionFilter } from '@modelcontextprotocol/client'
import { isUnreachable } from './faults.ts'

/** Milliseconds after which a server is listened to again that ended it. */
const PAUSE = 1000

/** A stream on which a newer server tells of changes. */
export interface Listening {
  /** Rejects when the server does not want to be listened to. */
  readonly begun: Promise<void>
  stop(): Promise<void>
}

/** What happens to those who listen. */
export interface ListeningEvents {
  /** Nobody listened for a while. */
  missed(): void
  unreachable(): void
}

/** Listens until it is stopped, also when the server ends it. */
export function createListening(client: Client, filter: SubscriptionFilter, events: ListeningEvents): Listening {
  const { promise: begun, resolve, reject } = Promise.withResolvers<void>()
  // Not everybody wants to know.
  begun.catch(() => {})
  let isWanted = true
  let subscription: McpSubscription | undefined

  async function listen(): Promise<void> {
    for (let refusals = 0; refusals < 2 && isWanted; ) {
      try {
        subscription = await client.listen(filter)
        resolve()
        refusals = 0
        if (!isWanted) await end()
        await subscription.closed
      } catch (error) {
        reject(error)
        if (isUnreachable(error)) return events.unreachable()
        refusals += 1
      }
      if (isWanted) await pause(PAUSE, undefined, { ref: false })
      if (isWanted && refusals === 0) events.missed()
    }
  }

  async function end(): Promise<void> {
    await subscription?.close().catch(() => {})
  }

  void listen()
  return {
    begun,
    stop() {
      isWanted = false
      return end()
    },
  }
}
