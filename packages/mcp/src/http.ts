import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import {
  createMcpHandler,
  isLegacyRequest,
  PROTOCOL_VERSION_META_KEY,
  readRequestBody,
  type ServerEvent,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'
import { isGatewayError, isJsonObject, parseJson } from '@tianjillm/core'
import { createEventStore } from './event-store.ts'
import { headerMismatch } from './param-headers.ts'
import { changes, createViewServer, type ViewServer } from './server.ts'
import type { Client, ServingSettings } from './serving-settings.ts'
import { createSessions, type SessionLimits } from './sessions.ts'
import type { ListName } from './view.ts'

/** What an endpoint goes by. */
export interface EndpointSettings extends ServingSettings {
  readonly sessions?: SessionLimits | undefined
  /** Streams of changes that one client may have open; default 100. */
  readonly mostListeners?: number | undefined
  /** Milliseconds between signs of life on streams; default 15,000. */
  readonly keepAlive?: number | undefined
}

/** What an endpoint needs of a request whose body has been read, or that has none. */
export type RequestHead = Pick<Request, 'method' | 'url' | 'headers' | 'signal'>

/** What is known of a request when it comes to the endpoint. */
export interface Asked {
  readonly who: Client
  /** The body, when it has been read already. */
  readonly parsedBody?: unknown
}

/** Streamable HTTP in all its versions at one address: with sessions up to 2025-11-25, without from 2026-07-28 on. */
export interface McpEndpoint {
  /** Who asks has been judged before; a session answers to nobody but who began it. */
  fetch(request: Request | RequestHead, asked: Asked): Promise<Response>
  close(): Promise<void>
}

interface Session {
  readonly transport: WebStandardStreamableHTTPServerTransport
  readonly serving: ViewServer
  close(): Promise<void>
}

/** A request of the newer protocol. */
interface Asking {
  readonly who: Client
  readonly method: string | undefined
  serving?: ViewServer
}

interface Listener {
  readonly client: Client
  readonly hear: (event: ServerEvent) => void
  marks: ReadonlyMap<ListName, string>
}

/** https://modelcontextprotocol.io/specification/2026-07-28/basic/transports */
const HEADER_MISMATCH = -32020

/** The request whose answer is a stream of changes. */
const LISTEN = 'subscriptions/listen'

/** What the newer protocol calls a change of a list. */
const events: Readonly<Record<ListName, ServerEvent>> = {
  tools: { kind: 'tools_list_changed' },
  prompts: { kind: 'prompts_list_changed' },
  resources: { kind: 'resources_list_changed' },
}

/** An endpoint over a catalog. */
export function createMcpEndpoint(settings: EndpointSettings): McpEndpoint {
  const { catalog, log, mostListeners = 100, keepAlive = 15_000 } = settings
  const sessions = createSessions<Session>(settings.sessions)
  const listeners = new Set<Listener>()
  /** The SDK makes a server for each request, and a listener for each stream, without saying whose. */
  const asking = new AsyncLocalStorage<Asking>()

  const serverFor = (asked: Asking) => {
    asked.serving = createViewServer(settings, asked.who, true, asked.method)
    return asked.serving.server
  }
  const modern = createMcpHandler(() => serverFor(asking.getStore()!), {
    legacy: 'reject',
    keepAliveMs: keepAlive,
    maxSubscriptions: Number.POSITIVE_INFINITY,
    onerror: ({ message }) => log.debug(`An MCP request was refused: ${message}`),
    bus: {
      publish: () => {},
      subscribe(hear) {
        const { who: client } = asking.getStore()!
        const listener = { client, hear, marks: marksFor(client) }
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
  })

  function marksFor({ filter }: Client): ReadonlyMap<ListName, string> {
    const view = catalog.peek(filter)
    return new Map(changes.map(([list]) => [list, view.mark(list)]))
  }

  const tellChanges = () => {
    pending = undefined
    for (const { serving } of sessions.all()) serving.tellChanges()
    for (const listener of listeners) {
      const marks = marksFor(listener.client)
      for (const [list] of changes) if (marks.get(list) !== listener.marks.get(list)) listener.hear(events[list])
      listener.marks = marks
    }
  }
  // Several servers often change in one turn, as when the gateway starts.
  let pending: NodeJS.Immediate | undefined
  const endChanges = catalog.onChange(() => {
    pending ??= setImmediate(tellChanges)
  })

  const begin = async (client: Client): Promise<Session> => {
    sessions.makeRoom(client.id)
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: createEventStore(),
      keepAliveMs: keepAlive,
      onsessioninitialized: (id) => sessions.add(id, client.id, session),
    })
    const serving = createViewServer(settings, client, false)
    const session: Session = { transport, serving, close: () => serving.close() }
    await serving.server.connect(transport)
    const { onclose } = transport
    transport.onclose = () => {
      if (transport.sessionId !== undefined) sessions.remove(transport.sessionId)
      onclose?.()
    }
    return session
  }

  const serveSession = async (request: Request, { who, parsedBody }: Asked): Promise<Response> => {
    const id = request.headers.get('mcp-session-id')
    if (id === null && !isInitialize(parsedBody)) return refused(400, -32000, 'The header Mcp-Session-Id is missing.')
    const known = id === null ? undefined : sessions.find(id, who.id)
    // To others it is as if there were no such session.
    if (id !== null && known === undefined) return refused(404, -32001, 'Session not found')
    const session = known ?? (await begin(who))
    session.serving.become(who)
    const done = id === null ? () => {} : sessions.use(id)
    const options = parsedBody === undefined ? {} : { parsedBody }
    const response = await session.transport.handleRequest(request, options)
    if (session.transport.sessionId === undefined) await session.close()
    return whenRead(response, done)
  }

  const serveModern = (request: Request, { who, parsedBody }: Asked): Promise<Response> => {
    if (isJsonObject(parsedBody) && parsedBody.method === LISTEN) {
      const open = [...listeners].filter(({ client }) => client.id === who.id)
      if (open.length >= mostListeners) return Promise.resolve(refused(429, -32000, 'Too many streams of changes.'))
    }
    const why = mismatch(request, who, parsedBody)
    if (why !== undefined) return Promise.resolve(refused(400, HEADER_MISMATCH, why, {}, idOf(parsedBody)))
    const options = parsedBody === undefined ? {} : { parsedBody }
    const method = isJsonObject(parsedBody) ? String(parsedBody.method) : undefined
    const asked: Asking = { who, method }
    const needsSignal = method === LISTEN || request.signal.aborted
    const head = needsSignal ? request : untilAborted(request, asked)
    return asking.run(asked, () => modern.fetch(head, options))
  }

  /** The SDK sees to all headers but those that only the tool's schema tells of. */
  const mismatch = ({ headers }: Request, { filter }: Client, body: unknown): string | undefined => {
    const params = isJsonObject(body) && body.method === 'tools/call' ? body.params : undefined
    if (!isJsonObject(params) || typeof params.name !== 'string' || !isJsonObject(params.arguments)) return undefined
    const schema = catalog.peek(filter).tool(params.name)?.wire.inputSchema
    return isJsonObject(schema) ? headerMismatch(schema, params.arguments, headers) : undefined
  }

  return {
    async fetch(head, asked) {
      // The SDK looks at nothing else of what it need not read.
      const request = head as Request
      const whole = request.method === 'POST' && asked.parsedBody === undefined ? await withBody(request, asked) : asked
      if (whole instanceof Response) return whole
      try {
        const isLegacy = !saysRevision(whole.parsedBody) && (await isLegacyRequest(request, whole.parsedBody))
        return await (isLegacy ? serveSession(request, whole) : serveModern(request, whole))
      } catch (error) {
        if (!isGatewayError(error)) throw error
        const headers = { 'retry-after': String(error.facts.retryAfter ?? 1) }
        return refused(error.status, -32000, error.message, headers)
      }
    },
    async close() {
      endChanges()
      clearImmediate(pending)
      await Promise.all([modern.close(), sessions.close()])
    },
  }
}

/** An error; without an id, one that belongs to no request. */
export function refused(
  status: number,
  code: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
  id: string | number | null = null,
): Response {
  return Response.json({ jsonrpc: '2.0', error: { code, message }, id }, { status, headers })
}

/**
 * The request without its signal, which ends what serves it here: what the SDK keeps to forget a signal would keep the
 * answer until V8's next full collection.
 */
function untilAborted({ method, url, headers, signal }: Request, asked: Asking): Request {
  signal.addEventListener('abort', () => void asked.serving?.close(), { once: true })
  // The SDK can do without the rest.
  return { method, url, headers } as Request
}

function idOf(body: unknown): string | number | null {
  const id = isJsonObject(body) ? body.id : null
  return typeof id === 'string' || typeof id === 'number' ? id : null
}

async function withBody(request: Request, asked: Asked): Promise<Asked | Response> {
  const read = await readRequestBody(request)
  if (read.tooLarge) return refused(413, -32000, 'The request body is too large.')
  const parsedBody = parseJson(read.text)
  return parsedBody === undefined
    ? refused(400, -32700, 'Parse error: the request body is not valid JSON.')
    : { ...asked, parsedBody }
}

/** Whether it names its revision itself, as requests of the newer protocol do: a greeting alone may do so and be older. */
function saysRevision(body: unknown): boolean {
  if (!isJsonObject(body) || typeof body.method !== 'string' || body.method === 'initialize') return false
  const { params } = body
  return isJsonObject(params) && isJsonObject(params._meta) && PROTOCOL_VERSION_META_KEY in params._meta
}

function isInitialize(body: unknown): boolean {
  const message = Array.isArray(body) ? body[0] : body
  return isJsonObject(message) && message.method === 'initialize'
}

/** The response, telling when its last byte was read or nobody reads any more. */
function whenRead(response: Response, done: () => void): Response {
  if (response.body === null) {
    done()
    return response
  }
  const reader = response.body.getReader()
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done: isOver, value } = await reader.read()
      if (!isOver) return controller.enqueue(value)
      done()
      controller.close()
    },
    async cancel(reason) {
      done()
      await reader.cancel(reason)
    },
  })
  return new Response(body, { status: response.status, headers: response.headers })
}
