import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { Client, InMemoryTransport } from '@modelcontextprotocol/client'
import { Server } from '@modelcontextprotocol/server'
import { GatewayError, type JsonObject, type Log } from '@tianjillm/core'
import {
  type Catalog,
  type CatalogSettings,
  createCatalog,
  createMcpEndpoint,
  createSseEndpoint,
  type EndpointSettings,
  type Health,
  type Offer,
  type Peer,
  type Source,
  type Tool,
  type Upstream,
  type Client as Who,
} from '@tianjillm/mcp'

/** A log that nobody reads, and what it was told. */
export function logOf(): Log & { readonly lines: string[] } {
  const lines: string[] = []
  const keep = (message: string) => void lines.push(message)
  return { lines, debug: () => {}, info: keep, warn: keep, error: keep }
}

export function toolOf(name: string, more: JsonObject = {}): Tool {
  return { name, description: `Does ${name}.`, inputSchema: { type: 'object' }, ...more }
}

export function offerOf(offer: Partial<Offer>): Offer {
  const nothing = { tools: [], prompts: [], resources: [], resourceTemplates: [], capabilities: {} }
  return { ...nothing, instructions: undefined, ...offer }
}

/** A server whose offer and health a test sets, and which answers by a function. */
export interface FakeServer extends Upstream {
  set(change: { readonly offer?: Offer; readonly status?: Health['status'] }): void
  readonly peers: Peer[]
}

type Answer = (method: string, params: JsonObject, peer: Peer, signal?: AbortSignal) => Promise<JsonObject>

const echo: Answer = async (method, params) => ({
  content: [{ type: 'text', text: `${method} ${JSON.stringify(params)}` }],
})

export function fakeServer(name: string, first: Partial<Offer> | undefined, answer: Answer = echo): FakeServer {
  const listeners = new Set<() => void>()
  const peers: Peer[] = []
  let known = first && offerOf(first)
  let status: Health['status'] = known === undefined ? 'unhealthy' : 'healthy'
  return {
    name,
    peers,
    get health() {
      const failure = status === 'healthy' ? undefined : 'it is down'
      return { status, failure, healthyAt: undefined, failedAt: undefined, restarts: 0 }
    },
    get known() {
      return known
    },
    async offer() {
      if (known !== undefined) return known
      throw new GatewayError('upstream_unreachable', `${name} is down`)
    },
    async open(peer) {
      peers.push(peer)
      return {
        async request(method, params, { signal } = {}) {
          if (status !== 'healthy') throw new GatewayError('upstream_unreachable', `${name} is down`)
          return answer(method, params, peer, signal)
        },
        close: async () => {},
      }
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: async () => {},
    set(change) {
      known = change.offer ?? known
      status = change.status ?? status
      for (const listener of listeners) listener()
    },
  }
}

/** A real server of the SDK behind the port: each conversation has a connection of its own, in memory. */
export function sdkServer(name: string, offer: Partial<Offer>, build: (server: Server) => void): Upstream {
  const known = offerOf(offer)
  return {
    name,
    known,
    health: { status: 'healthy', failure: undefined, healthyAt: undefined, failedAt: undefined, restarts: 0 },
    offer: async () => known,
    async open(peer) {
      const capabilities = { tools: {}, logging: {}, resources: { subscribe: true }, prompts: {}, completions: {} }
      const server = new Server({ name, version: '1' }, { capabilities })
      build(server)
      const client = new Client({ name: 'test', version: '1' }, { capabilities: peer.capabilities })
      const ask =
        (method: string) =>
        async (request: { params?: object | undefined }, { mcpReq }: { mcpReq: { signal: AbortSignal } }) =>
          (await peer.request!(method, { ...request.params }, mcpReq.signal)) as never
      if (peer.capabilities.sampling) client.setRequestHandler('sampling/createMessage', ask('sampling/createMessage'))
      if (peer.capabilities.elicitation) client.setRequestHandler('elicitation/create', ask('elicitation/create'))
      if (peer.capabilities.roots) client.setRequestHandler('roots/list', ask('roots/list'))
      client.fallbackNotificationHandler = async ({ method, params }) => peer.notify?.(method, { ...params })
      const [here, there] = InMemoryTransport.createLinkedPair()
      await server.connect(there)
      await client.connect(here)
      return {
        async request(method, params, { signal, onProgress } = {}) {
          const options = { ...(signal && { signal }), ...(onProgress && { onprogress: onProgress as never }) }
          return (await client.request({ method: method as 'tools/call', params: params as never }, options)) as never
        },
        close: () => client.close(),
      }
    },
    onChange: () => () => {},
    close: async () => {},
  }
}

/** Who asks in tests, by the header `x-key`. */
export type Keys = Readonly<Record<string, Who>>

export interface HouseSettings extends Partial<Omit<EndpointSettings, 'catalog'>> {
  readonly keys?: Keys
  readonly catalogued?: Partial<CatalogSettings>
}

export interface House {
  readonly url: string
  readonly catalog: Catalog
  close(): Promise<void>
}

/** A catalog of these servers behind a real HTTP server: `/mcp`, and `/sse` with `/messages`. */
export async function houseOf(
  sources: readonly (Upstream | Source)[],
  { keys = {}, catalogued = {}, ...settings }: HouseSettings = {},
): Promise<House> {
  const log = logOf()
  const all = sources.map((source) => ('upstream' in source ? source : { upstream: source }))
  const catalog = createCatalog(all, { log, now: Date.now, ...catalogued })
  const serving = { catalog, log, info: { name: 'house', version: '1' }, stateKey: new Uint8Array(32), ...settings }
  const endpoint = createMcpEndpoint(serving)
  const sse = createSseEndpoint(serving)
  const everything: Who = { id: 'anybody', filter: {} }
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const url = new URL(incoming.url!, 'http://localhost')
    const who = keys[String(incoming.headers['x-key'])] ?? everything
    if (url.pathname === '/sse') return sse.open(outgoing, who, '/messages')
    const text = await textOf(incoming)
    if (url.pathname === '/messages') {
      const delivery = await sse.post(url.searchParams.get('sessionId') ?? '', who, JSON.parse(text))
      outgoing.writeHead({ accepted: 202, unknown: 404, malformed: 400 }[delivery]).end()
      return
    }
    const left = new AbortController()
    outgoing.once('close', () => left.abort())
    const headers = incoming.headers as Record<string, string>
    const request = new Request(url, { method: incoming.method!, headers, signal: left.signal })
    const response = await endpoint.fetch(request, { who, ...(text !== '' && { parsedBody: JSON.parse(text) }) })
    outgoing.writeHead(response.status, Object.fromEntries(response.headers))
    outgoing.flushHeaders()
    if (response.body === null) return void outgoing.end()
    const body = Readable.fromWeb(response.body as never)
    outgoing.once('close', () => body.destroy())
    body.on('error', () => {}).pipe(outgoing)
  }
  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch((error) => outgoing.writeHead(500).end(String(error)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    catalog,
    async close() {
      await endpoint.close()
      await sse.close()
      await catalog.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of incoming) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}
