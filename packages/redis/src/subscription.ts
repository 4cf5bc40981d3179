import type { Client } from './client.ts'

/** Whoever hears a channel. */
export interface Listener {
  /** From now on every message is heard; what was said before may have been missed. */
  begin(): void
  hear(message: string): void
}

/** Milliseconds after which a silent connection is tried: one that hears nothing does not notice that it is dead. */
const SILENCE = 10_000

/** Subscribes again with each new connection of the client, until it is disconnected. */
export function subscribe(client: Client, channel: string, listener: Listener): Client {
  const begin = () =>
    client.subscribe(channel).then(
      () => listener.begin(),
      // Without a subscription the connection is of no use.
      () => client.disconnect(true),
    )
  const probe = setInterval(() => {
    if (client.status === 'ready') client.ping().catch(() => {})
  }, SILENCE)
  probe.unref()
  client.on('ready', begin)
  client.on('end', () => clearInterval(probe))
  // The client that asks tells of it.
  client.on('error', () => {})
  client.on('message', (_channel: string, message: string) => listener.hear(message))
  return client
}
