import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { errorBody, GatewayError } from '@tianjillm/core'
import type { Gateway } from './gateway.ts'
import { createApp, errorResponse } from './http/app.ts'
import { refuse } from './http/call-route.ts'
import { respondError } from './http/respond.ts'

/** A gateway that listens. */
export interface RunningServer {
  /** `http://127.0.0.1:4000` */
  readonly url: string
  /** Takes no more calls in, lets those under way end within `deadline` ms, then closes all connections. */
  stop(deadline: number): Promise<void>
}

/** Milliseconds that callbacks have to send what they queued. */
const LAST_FLUSH = 5_000
/** Milliseconds that what the gateway asks on its own account still has, such as an embedding. */
const LAST_ANSWERS = 500

/** Serves whichever gateway is in force. Rejects when the address is taken. */
export async function serve(
  gateway: () => Gateway,
  at: { readonly host: string; readonly port: number },
): Promise<RunningServer> {
  const app = createApp(gateway)
  const listener = getRequestListener(app.fetch, {
    autoCleanupIncoming: false,
    overrideGlobalObjects: false,
    // Probes of HTTP/1.0 name no host.
    hostname: 'localhost',
    errorHandler: () => errorResponse(unreadable(undefined)),
  })
  // A stream may take as long as it takes; what a client sends must come within node's five minutes.
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    if (hasGoodHost(incoming)) void listener(incoming, outgoing)
    else refuse(incoming, outgoing, () => respondError(outgoing, unreadable(undefined)))
  }
  const server = createServer({ keepAliveTimeout: 65_000, noDelay: true, requireHostHeader: false }, handle)
  // Whoever asks before sending a body gets to hear of a wrong key first.
  server.on('checkContinue', handle)
  server.on('checkExpectation', (incoming, outgoing) => {
    const error = new GatewayError('invalid_request', 'This expectation cannot be met.', { status: 417 })
    refuse(incoming, outgoing, () => respondError(outgoing, error))
  })
  server.on('clientError', answerUnreadable)
  await listening(server, at)
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${reachable(at.host)}:${port}`,
    async stop(deadline) {
      // It still listens while calls end, so that readiness probes get their 503.
      const { books, engine, mcp } = gateway()
      await books.close(deadline)
      await engine.reporter.flush(Math.min(deadline, LAST_FLUSH))
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      setTimeout(() => server.closeAllConnections(), 500).unref()
      await closed
      // Its servers are told while there is still a way to them.
      await mcp?.close()
      await engine.transport.close(LAST_ANSWERS)
    },
  }
}

/** One host, which HTTP/1.0 may leave out. https://www.rfc-editor.org/rfc/rfc9112#section-3.2 */
function hasGoodHost({ rawHeaders, httpVersion }: IncomingMessage): boolean {
  let count = 0
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (rawHeaders[index]!.length === 4 && rawHeaders[index]!.toLowerCase() === 'host') count++
  return count === 1 || (count === 0 && httpVersion === '1.0')
}

/** The address as this machine reaches it. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}

function listening(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** What node's parser gives up on gets OpenAI's error shape too. */
function answerUnreadable(error: Error & { readonly code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const problem = unreadable(error.code)
  const body = JSON.stringify(errorBody(problem))
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

function unreadable(code: string | undefined): GatewayError {
  if (code === 'HPE_HEADER_OVERFLOW')
    return new GatewayError('headers_too_large', 'The request headers are larger than 16 KiB.')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new GatewayError('request_timeout', 'The request did not arrive in time.')
  return new GatewayError('invalid_request', 'This is not a valid HTTP request.')
}
