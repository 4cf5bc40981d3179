import { type IncomingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'

/** An answer as it came over the wire. */
export interface Reply {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/** A request to any gateway. */
export type Ask = (url: string) => Promise<Reply>

/** Sends a request on a connection of its own and reads the whole answer. */
export function send(
  url: string,
  {
    method = 'POST',
    headers = {},
    body,
  }: {
    readonly method?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string | Uint8Array
  } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: false }, async (incoming) => {
      const pieces: Buffer[] = []
      for await (const piece of incoming) pieces.push(piece as Buffer)
      const text = Buffer.concat(pieces).toString()
      resolve({ status: incoming.statusCode ?? 0, headers: singles(incoming.headers), text })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** Writes bytes to a socket and gives the first whole answer; status 0 when the socket closes without one. */
export function exchange(url: string, bytes: string | Uint8Array): Promise<Reply> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    let received = Buffer.alloc(0)
    const settle = (isOver: boolean) => {
      const reply = replyIn(received.toString('latin1'), isOver)
      if (reply === undefined) return
      socket.destroy()
      resolve(reply)
    }
    socket.on('data', (piece: Buffer) => {
      received = Buffer.concat([received, piece])
      settle(false)
    })
    socket.on('close', () => settle(true))
    socket.on('error', reject)
    socket.setTimeout(5000, () => socket.destroy())
    socket.write(bytes)
  })
}

/** The first final answer in what came, when it is whole or nothing more will come. */
export function replyIn(received: string, isOver: boolean): Reply | undefined {
  const final = received.replace(/^(HTTP\/1\.1 1\d\d [^\r]*\r\n\r\n)+/, '')
  const [head = '', ...rest] = final.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  const text = rest.join('\r\n\r\n')
  const isWhole =
    rest.length > 0 &&
    (headers['transfer-encoding'] === 'chunked'
      ? text.endsWith('0\r\n\r\n')
      : text.length >= Number(headers['content-length']))
  if (!isWhole && !isOver) return undefined
  return { status: Number(first.split(' ')[1] ?? 0), headers, text: Buffer.from(text, 'latin1').toString() }
}

function singles(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}
