import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {
  CLIENT_CAPABILITIES_META_KEY,
  createMcpHandler,
  inputRequired,
  type McpServerFactory,
  Server as NewerServer,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'
import { nothingSeen, olderServer, type Seen, someTools } from './older-tools.ts'

/** An MCP server on loopback. */
export interface HttpServer {
  readonly url: string
  readonly seen: Seen
  /** Headers of requests, in the order they came. */
  readonly headers: readonly IncomingMessage['headers'][]
  /** How many streams for its own messages are open. */
  readonly streams: number
  /** Ends every connection at once. */
  cut(): void
  /** Ends every connection at once and listens no more. */
  die(): Promise<void>
  /** Listens again at the same place, with nothing left of what was. */
  revive(): Promise<void>
  /** As a server does that was started anew behind the same address. */
  forgetSessions(): void
  /** Answers 401 to requests with other headers from now on. */
  guard(isWelcome: (headers: IncomingMessage['headers']) => boolean): void
  /** Tools from now on; those who listen are told. */
  offer(names: readonly string[]): void
}

/** Answers one request. */
export type Answer = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void> | void

/** Listens on loopback. */
export async function listen(answer: Answer, port = 0): Promise<{ readonly server: Server; readonly port: number }> {
  const listener: RequestListener = (incoming, outgoing) => void answer(incoming, outgoing)
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return { server, port: (server.address() as AddressInfo).port }
}

export async function shut(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeAllConnections()
  await closed
}

interface Parts {
  readonly seen: Seen
  readonly answer: Answer
  readonly forget?: () => void
  readonly offer?: (names: readonly string[]) => void
  readonly path?: string
}

async function fake({ seen, answer, forget = () => {}, offer = () => {}, path = '/mcp' }: Parts): Promise<HttpServer> {
  const headers: IncomingMessage['headers'][] = []
  let isWelcome = (_headers: IncomingMessage['headers']) => true
  let streams = 0
  const record: Answer = (incoming, outgoing) => {
    headers.push(incoming.headers)
    if (incoming.method === 'GET' || incoming.headers['mcp-method'] === 'subscriptions/listen') {
      streams += 1
      outgoing.on('close', () => {
        streams -= 1
      })
    }
    if (isWelcome(incoming.headers)) return answer(incoming, outgoing)
    outgoing.writeHead(401).end('who are you')
  }
  let { server, port } = await listen(record)
  return {
    url: `http://127.0.0.1:${port}${path}`,
    seen,
    headers,
    get streams() {
      return streams
    },
    cut: () => server.closeAllConnections(),
    die: () => shut(server),
    async revive() {
      forget()
      ;({ server, port } = await listen(record, port))
    },
    forgetSessions: forget,
    guard(accepts) {
      isWelcome = accepts
    },
    offer,
  }
}

/** Streamable HTTP with sessions, by the first SDK. `forgotten` is what it answers to a session it does not know. */
export async function olderHttp(
  forgotten: { readonly status: number; readonly text: string } = { status: 404, text: 'gone' },
  hasStream = true,
): Promise<HttpServer> {
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  const seen = nothingSeen()
  const answer: Answer = async (incoming, outgoing) => {
    if (incoming.method === 'GET' && !hasStream) {
      outgoing.writeHead(404).end()
      return
    }
    const id = incoming.headers['mcp-session-id']
    if (typeof id === 'string') {
      const known = sessions.get(id)
      if (known === undefined) outgoing.writeHead(forgotten.status).end(forgotten.text)
      else await known.handleRequest(incoming, outgoing)
      return
    }
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => void sessions.set(session, transport),
    })
    await olderServer(seen).connect(transport as Parameters<ReturnType<typeof olderServer>['connect']>[0])
    await transport.handleRequest(incoming, outgoing)
  }
  return fake({ seen, answer, forget: () => sessions.clear() })
}

/** HTTP with server-sent events, of 2024. */
export async function olderSse(): Promise<HttpServer> {
  const sessions = new Map<string, SSEServerTransport>()
  const seen = nothingSeen()
  const answer: Answer = async (incoming, outgoing) => {
    const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://x')
    if (pathname === '/messages' && incoming.method === 'POST') {
      const known = sessions.get(searchParams.get('sessionId') ?? '')
      if (known === undefined) outgoing.writeHead(404).end('no such session')
      else await known.handlePostMessage(incoming, outgoing)
      return
    }
    if (incoming.method !== 'GET') {
      outgoing.writeHead(405).end()
      return
    }
    const transport = new SSEServerTransport('/messages', outgoing)
    sessions.set(transport.sessionId, transport)
    await olderServer(seen).connect(transport)
  }
  return fake({ seen, answer, forget: () => sessions.clear(), path: '/sse' })
}

/** Streamable HTTP of 2026-07-28, by the second SDK, which knows nothing older. */
export async function newerHttp(): Promise<HttpServer> {
  const seen = nothingSeen()
  const names: string[] = [...someTools]
  const handler = createMcpHandler(newerServer(seen, names), { legacy: 'reject' })
  const answer = answerBy((request) => handler.fetch(request))
  const offer = (now: readonly string[]) => {
    names.splice(0, names.length, ...now)
    handler.notify.toolsChanged()
  }
  return fake({ seen, answer, offer })
}

/** Streamable HTTP with sessions, each with a server of its own. */
export function overHttp(create: () => NewerServer): Answer {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()
  return answerBy(async (request) => {
    const id = request.headers.get('mcp-session-id')
    if (id !== null) return sessions.get(id)?.handleRequest(request) ?? new Response('gone', { status: 404 })
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => void sessions.set(session, transport),
    })
    await create().connect(transport)
    return transport.handleRequest(request)
  })
}

/** HTTP with server-sent events, of 2024; each stream has a server of its own. */
export function overSse(create: () => NewerServer): Answer {
  const sessions = new Map<string, SSEServerTransport>()
  return async (incoming, outgoing) => {
    const { searchParams } = new URL(incoming.url ?? '/', 'http://localhost')
    if (incoming.method === 'POST') {
      const known = sessions.get(searchParams.get('sessionId') ?? '')
      if (known === undefined) outgoing.writeHead(404).end('no such session')
      else await known.handlePostMessage(incoming, outgoing)
      return
    }
    if (incoming.method !== 'GET') return void outgoing.writeHead(405).end()
    const transport = new SSEServerTransport('/messages', outgoing)
    sessions.set(transport.sessionId, transport)
    // The transport is of the first SDK, the server of the second; they meet in the same few methods.
    await create().connect(transport as never)
  }
}

/** Answers as a function of the web's types does. */
export function answerBy(fetch: (request: Request) => Promise<Response>): Answer {
  return async (incoming, outgoing) => {
    const gone = new AbortController()
    outgoing.on('close', () => gone.abort())
    const hasBody = incoming.method === 'POST'
    const response = await fetch(
      new Request(`http://127.0.0.1${incoming.url}`, {
        method: incoming.method ?? 'GET',
        headers: incoming.headers as Record<string, string>,
        signal: gone.signal,
        ...(hasBody && { body: Readable.toWeb(incoming), duplex: 'half' }),
      } as RequestInit),
    )
    outgoing.writeHead(response.status, Object.fromEntries(response.headers))
    if (response.body === null) outgoing.end()
    else
      Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0])
        .on('error', () => {})
        .pipe(outgoing)
  }
}

const mirroredText = { text: { type: 'string', 'x-mcp-header': 'Text' } }

/** A server by the second SDK, whose tool `ask` asks for input before it answers. */
export function newerServer(seen: Seen, names: readonly string[]): McpServerFactory {
  return () => {
    const server = new NewerServer(
      { name: 'newer', version: '1.0.0' },
      { capabilities: { tools: { listChanged: true } }, instructions: 'Be quick.' },
    )
    server.setRequestHandler('tools/list', () => ({
      tools: names.map((name) => ({
        name,
        inputSchema: { type: 'object' as const, ...(name === 'echo' && { properties: mirroredText }) },
      })),
    }))
    server.setRequestHandler('tools/call', async ({ params }, { mcpReq }) => {
      seen.called.push(params.name)
      const text = (value: unknown) => ({ content: [{ type: 'text' as const, text: String(value) }] })
      if (params.name === 'ask') {
        if (mcpReq.inputResponses !== undefined) return text(JSON.stringify(mcpReq.inputResponses))
        // The type knows the key, but not that a constant of the SDK is it.
        const envelope = mcpReq.envelope as { [CLIENT_CAPABILITIES_META_KEY]?: { elicitation?: object } } | undefined
        if (envelope?.[CLIENT_CAPABILITIES_META_KEY]?.elicitation === undefined) return text('nobody to ask')
        const question = { message: 'Your name?', requestedSchema: { type: 'object' as const, properties: {} } }
        return inputRequired({ inputRequests: { name: inputRequired.elicit(question) } })
      }
      if (params.name === 'wait') {
        seen.begun.resolve()
        await new Promise<void>((resolve) => mcpReq.signal.addEventListener('abort', () => resolve()))
        seen.cancelled.resolve()
      }
      return text(params.arguments?.text)
    })
    return server
  }
}
