import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A request as it arrived at the fake upstream, byte by byte. */
export interface Arrived {
  readonly method: string
  /** Path and query. */
  readonly path: string
  /** Absolute URL the plugin asked for, when the request was redirected here; else that of the fake. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** The body as UTF-8. */
  readonly text: string
  /** Resolves when the client has gone before the answer was complete. */
  readonly abandoned: Promise<void>
}

/** What the fake upstream answers. */
export interface Scripted {
  /** Default 200. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Text and bytes as they are, anything else as JSON. */
  readonly body?: unknown
  /** In place of `body`: pieces sent one by one. */
  readonly pieces?: readonly (string | Uint8Array)[]
  /** Milliseconds before the head. */
  readonly delay?: number
  /** Milliseconds between pieces; default 0. */
  readonly pause?: number
  /** Cuts the connection after the body or pieces, without ending the answer. */
  readonly dies?: boolean
  /** Never ends the answer after the body or pieces. */
  readonly hangs?: boolean
}

/** A vendor on loopback: it records what arrives and answers from a script. */
export interface FakeUpstream {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string
  readonly arrived: readonly Arrived[]
  /** Answers from now on, in order, the last one again and again; also forgets what has arrived. */
  script(...answers: readonly (Scripted | ((request: Arrived) => Scripted | Promise<Scripted>))[]): void
  close(): Promise<void>
}

/** Header that carries the origin a redirected request was meant for. */
export const ORIGIN_HEADER = 'x-test-origin'

/** Starts a fake upstream. */
export async function fakeUpstream(): Promise<FakeUpstream> {
  let answers: readonly (Scripted | ((request: Arrived) => Scripted | Promise<Scripted>))[] = []
  let asked = 0
  const arrived: Arrived[] = []
  const server = createServer(async (incoming, outgoing) => {
    const request = await arrive(incoming, outgoing)
    arrived.push(request)
    const answer = answers[Math.min(asked++, answers.length - 1)] ?? {
      status: 500,
      body: { error: 'nothing scripted' },
    }
    await reply(outgoing, typeof answer === 'function' ? await answer(request) : answer)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrived,
    script: (...next) => {
      answers = next
      asked = 0
      arrived.length = 0
    },
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

async function arrive(incoming: IncomingMessage, outgoing: ServerResponse): Promise<Arrived> {
  // Listened for before the body is read, for the client may be gone by then.
  const abandoned = new Promise<void>((resolve) =>
    outgoing.once('close', () => {
      if (!outgoing.writableFinished) resolve()
    }),
  )
  const pieces: Uint8Array[] = []
  for await (const piece of incoming) pieces.push(piece as Uint8Array)
  const body = new Uint8Array(Buffer.concat(pieces))
  const { [ORIGIN_HEADER]: origin, ...headers } = incoming.headers as Record<string, string>
  const path = incoming.url ?? '/'
  return {
    method: incoming.method ?? 'GET',
    path,
    url: `${origin ?? `http://${headers.host}`}${path}`,
    headers,
    body,
    text: new TextDecoder().decode(body),
    abandoned,
  }
}

async function reply(outgoing: ServerResponse, answer: Scripted): Promise<void> {
  if (answer.delay) await sleep(answer.delay)
  const isRaw = typeof answer.body === 'string' || answer.body instanceof Uint8Array
  const body = isRaw ? (answer.body as string | Uint8Array) : JSON.stringify(answer.body ?? {})
  const type = isRaw || answer.pieces ? 'text/plain' : 'application/json'
  outgoing.writeHead(answer.status ?? 200, { 'content-type': type, ...answer.headers })
  for (const piece of answer.pieces ?? [body]) {
    outgoing.write(piece)
    if (answer.pause) await sleep(answer.pause)
  }
  if (answer.dies) setTimeout(() => outgoing.destroy(), 5)
  else if (!answer.hangs) outgoing.end()
}
