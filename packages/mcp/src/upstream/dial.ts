import { Client, SdkError, SdkErrorCode, SseError, type Transport } from '@modelcontextprotocol/client'
import { GatewayError, type Host } from '@tianjillm/core'
import type { McpServerSettings, McpTransport, ProtocolTransport } from '../settings.ts'
import type { Peer } from '../upstream.ts'
import { type Connection, type ConnectionEvents, createConnection, type Route } from './connection.ts'
import type { Credentials } from './credentials.ts'
import { told } from './faults.ts'
import { createSseTransport, createWire, HttpTransport } from './http.ts'
import { relayQuestions, toldOf } from './peer.ts'
import { StdioTransport } from './stdio-transport.ts'

/** Milliseconds after which a process that says nothing to the newer greeting gets the older one. */
const SILENCE = 5000

/** A server that speaks the protocol, as configured. */
export interface ProtocolSettings extends McpServerSettings {
  readonly transport: ProtocolTransport
}

/** A server, and what is needed to reach it. */
export interface Address {
  readonly settings: ProtocolSettings
  readonly credentials: Credentials
  readonly host: Pick<Host, 'now' | 'log' | 'fetch'>
  /** Milliseconds for one try. */
  readonly deadline: number
  /** Nobody waits any more. */
  readonly closing: AbortSignal
  readonly peer: Peer
  /** Headers of the peer, over HTTP. */
  readonly personal: () => Readonly<Record<string, string>>
}

/** Connects for a peer. Rejects with GatewayError, after the deadline at the latest. */
export async function dial(address: Address, events: ConnectionEvents, known: Route | undefined): Promise<Connection> {
  const { transport } = address.settings
  if (transport.type === 'stdio') return dialProcess(address, transport, events, known)
  const dialAs = (kind: 'http' | 'sse') => dialHttp(address, transport, kind, events, known)
  if (known !== undefined) return dialAs(known.transport === 'sse' ? 'sse' : 'http')
  if (transport.type !== 'auto') return dialAs(transport.type)
  try {
    return await dialAs('http')
  } catch (error) {
    if (!isOtherTransport(error)) throw error
  }
  return dialAs('sse')
}

/**
 * Whether the answer is that of a server which knows the older transport alone.
 * https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#backwards-compatibility
 */
function isOtherTransport(error: unknown): boolean {
  const status = error instanceof GatewayError ? error.facts.upstreamStatus : undefined
  return status === 400 || status === 404 || status === 405
}

async function dialHttp(
  address: Address,
  transport: Exclude<ProtocolTransport, { readonly type: 'stdio' }>,
  kind: 'http' | 'sse',
  events: ConnectionEvents,
  known: Route | undefined,
): Promise<Connection> {
  let down = () => {}
  const wire = createWire(address.settings.name, transport, address.credentials, address.host, {
    personal: address.personal,
    onDown: () => down(),
  })
  const url = new URL(transport.url)
  const line = kind === 'http' ? new HttpTransport(url, wire) : createSseTransport(url, wire)
  try {
    const prior = kind === 'sse' ? legacy : known?.prior
    const connection = await greet(address, line, kind, events, prior)
    // Closing the transport and not the connection: that makes it lost.
    down = () => void line.close()
    if (kind === 'sse') line.onerror = endOfStream(line)
    return connection
  } catch (error) {
    throw wire.failure ?? told(error, { server: address.settings.name, timeout: address.deadline })
  }
}

const legacy = { kind: 'legacy' } as const

/** The stream of the older transport is the session: the SDK would open another, which the server does not know. */
function endOfStream(line: Transport): (error: Error) => void {
  const { onerror } = line
  return (error) => {
    onerror?.(error)
    if (error instanceof SseError) void line.close()
  }
}

/** Servers made with some SDKs end at the newer greeting, so these get the older one in a life of their own. */
async function dialProcess(
  address: Address,
  transport: McpTransport & { readonly type: 'stdio' },
  events: ConnectionEvents,
  known: Route | undefined,
): Promise<Connection> {
  const { name } = address.settings
  const attempt = (prior: Route['prior'] | undefined) => {
    const line = new StdioTransport(name, transport, address.host)
    return { line, greeted: greet(address, line, 'stdio', events, prior) }
  }
  const first = attempt(known?.prior)
  try {
    return await first.greeted
  } catch (error) {
    const hasLeft = error instanceof SdkError && error.code === SdkErrorCode.EraNegotiationFailed
    if (!hasLeft || !first.line.hasClosed) throw processFault(name, error, address.deadline)
  }
  try {
    return await attempt(legacy).greeted
  } catch (error) {
    throw processFault(name, error, address.deadline)
  }
}

function processFault(server: string, error: unknown, timeout: number): Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT' || code === 'EACCES')
    return new GatewayError('upstream_unreachable', `The MCP server ${server}: its command cannot be run (${code}).`, {
      cause: error,
    })
  return told(error, { server, timeout })
}

/** The first words with a server. */
async function greet(
  { settings, deadline, closing, peer }: Address,
  transport: Transport,
  kind: Route['transport'],
  events: ConnectionEvents,
  prior: Route['prior'] | undefined,
): Promise<Connection> {
  const timeoutMs = kind === 'stdio' ? Math.min(SILENCE, deadline / 2) : deadline
  const client = new Client(
    { name: 'tianjillm', version: '1.0.0' },
    { capabilities: toldOf(peer), versionNegotiation: { mode: 'auto', probe: { timeoutMs } } },
  )
  relayQuestions(client, peer)
  const { promise: givenUp, reject } = Promise.withResolvers<never>()
  const giveUp = () => reject(closing.reason)
  closing.addEventListener('abort', giveUp)
  const timer = setTimeout(() => reject(tooLate(settings.name, deadline)), deadline)
  try {
    closing.throwIfAborted()
    // Not every transport hears of a signal while it starts, so it is closed below.
    await Promise.race([client.connect(transport, { timeout: deadline, ...(prior && { prior }) }), givenUp])
    return createConnection(client, transport, kind, peer, events)
  } catch (error) {
    await transport.close().catch(() => {})
    throw error
  } finally {
    clearTimeout(timer)
    closing.removeEventListener('abort', giveUp)
  }
}

function tooLate(server: string, deadline: number): GatewayError {
  return new GatewayError('upstream_timeout', `The MCP server ${server} did not answer within ${deadline / 1000} s.`)
}
