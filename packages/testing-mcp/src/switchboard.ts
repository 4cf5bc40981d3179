import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

/** Where processes call, so that it is known when they have ended. */
export interface Switchboard {
  readonly port: number
  /** The first caller. */
  readonly socket: Promise<Socket>
  close(): void
}

/** Waits for calls, on loopback. */
export async function switchboard(): Promise<Switchboard> {
  const { promise: socket, resolve } = Promise.withResolvers<Socket>()
  const server = createServer((caller) => {
    caller.on('error', () => {})
    caller.resume()
    resolve(caller)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, socket, close: () => void server.close() }
}
