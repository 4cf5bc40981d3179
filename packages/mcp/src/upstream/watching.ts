import { createListening, type Listening, type ListeningEvents } from './listening.ts'

/** The resources of a newer server that its client wants to hear of, all on one stream. */
export interface Watching {
  /** Both reject when the server does not want to be listened to; then it is as it was. */
  add(uri: string): Promise<void>
  remove(uri: string): Promise<void>
  stop(): Promise<void>
}

/** Nothing is watched yet. `missed` is told of each resource of which nobody heard for a while. */
export function createWatching(
  client: Parameters<typeof createListening>[0],
  { missed, unreachable }: Pick<ListeningEvents, 'unreachable'> & { missed(uri: string): void },
): Watching {
  let uris: readonly string[] = []
  let listening: Listening | undefined
  // The server cannot be told of one more, only of all anew, and that one after the other.
  let turn: Promise<unknown> = Promise.resolve()

  async function replace(next: readonly string[]): Promise<void> {
    const previous = listening
    const events = { unreachable, missed: () => next.forEach(missed) }
    const following =
      next.length === 0 ? undefined : createListening(client, { resourceSubscriptions: [...next] }, events)
    try {
      await following?.begun
    } catch (error) {
      await following?.stop()
      throw error
    }
    listening = following
    uris = next
    await previous?.stop()
  }

  function change(work: () => Promise<void>): Promise<void> {
    const done = turn.then(work)
    turn = done.catch(() => {})
    return done
  }

  return {
    add: (uri) => change(async () => (uris.includes(uri) ? undefined : replace([...uris, uri]))),
    remove: (uri) =>
      change(async () => (uris.includes(uri) ? replace(uris.filter((other) => other !== uri)) : undefined)),
    async stop() {
      await listening?.stop()
    },
  }
}
