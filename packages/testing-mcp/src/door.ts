import { type IncomingHttpHeaders, request } from 'node:http'
import { listen, shut } from './http-servers.ts'

/** A request as it comes to a door. */
export interface Knock {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** What a door answers in place of the server. */
export interface TurnedAway {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** In front of a server, at a place of its own. */
export interface Door {
  /** Of the server, through the door. */
  readonly url: string
  /** All that came, in order. */
  readonly knocks: readonly Knock[]
  close(): Promise<void>
}

/** A door on loopback that looks at each request, whole, and lets in those that `judge` has no answer to. */
export async function doorTo(target: string, judge: (knock: Knock) => TurnedAway | undefined): Promise<Door> {
  const { origin, pathname, search } = new URL(target)
  const knocks: Knock[] = []
  const { server, port } = await listen(async (incoming, outgoing) => {
    const { method = 'GET', url: path = '/', headers } = incoming
    const knock = { method, path, headers, body: Buffer.concat(await Array.fromAsync(incoming)) }
    knocks.push(knock)
    const answer = judge(knock)
    if (answer !== undefined) {
      outgoing.writeHead(answer.status, answer.headers).end(answer.body)
      return
    }
    const inside = request(`${origin}${path}`, { method, headers }, (reply) => {
      outgoing.writeHead(reply.statusCode!, reply.headers)
      reply.on('error', () => outgoing.destroy()).pipe(outgoing)
      outgoing.flushHeaders()
    })
    outgoing.on('close', () => inside.destroy())
    inside.on('error', () => outgoing.destroy()).end(knock.body)
  })
  return { url: `http://127.0.0.1:${port}${pathname}${search}`, knocks, close: () => shut(server) }
}
