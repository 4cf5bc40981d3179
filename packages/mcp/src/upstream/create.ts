import { setTimeout as pause } from 'node:timers/promises'
import { GatewayError, type Host, type JsonObject } from '@tianjillm/core'
import { createApiUpstream } from '../openapi/create.ts'
import type { McpServerSettings } from '../settings.ts'
import type { Conversation, Peer, RequestOptions, Upstream } from '../upstream.ts'
import { askOffer } from './ask-offer.ts'
import type { Connection, ConnectionEvents, Route } from './connection.ts'
import { createCredentials } from './credentials.ts'
import { dial, type ProtocolSettings } from './dial.ts'
import { isForgottenSession, isNetworkFault, isUnknownTool, told } from './faults.ts'
import { createGate } from './gate.ts'
import { createKnownOffer } from './known-offer.ts'
import { createLine, type Line } from './line.ts'
import { createPace, patient, type Tuning } from './pace.ts'
import { isAnyone, nobody } from './peer.ts'
import { createState } from './state.ts'

/** Milliseconds to a next try for which a request waits; when it is further away, the request fails at once. */
const WORTH_WAITING = 2000
/** Requests that wait for others of the same server. */
const ROOM = 1000

type Headers = Readonly<Record<string, string>>

interface LineEvents {
  up(): void
  failed(error: Error): void
  down(error: Error): void
}

/** What becomes of one client's connection is told to nobody else. */
const unheard: LineEvents = { up: () => {}, failed: () => {}, down: () => {} }

/**
 * An MCP server behind the gateway. Nothing is dialled or started until somebody asks; from then on it is kept up.
 * Throws GatewayError `misconfigured` for credentials that cannot be used.
 */
export function createUpstream(
  settings: McpServerSettings,
  host: Pick<Host, 'now' | 'log' | 'fetch' | 'fetchWithin'>,
  tuning: Tuning = patient,
): Upstream {
  const { transport } = settings
  return transport.type === 'openapi'
    ? createApiUpstream({ ...settings, transport }, host)
    : createProtocolUpstream({ ...settings, transport }, host, tuning)
}

function createProtocolUpstream(
  settings: ProtocolSettings,
  host: Pick<Host, 'now' | 'log' | 'fetch'>,
  tuning: Tuning,
): Upstream {
  const { name, transport, timeout = 60_000, listTimeout = Math.min(10_000, timeout) } = settings
  const isProcess = transport.type === 'stdio'
  // A process may have to be fetched before it can start.
  const deadline = isProcess ? timeout : listTimeout
  const credentials = createCredentials(name, isProcess ? undefined : transport.auth, host)
  const gate = createGate(name, settings.concurrency ?? (isProcess ? 8 : 32), ROOM)
  const pace = createPace(host.now, isProcess ? (settings.restarts ?? 3) : Number.POSITIVE_INFINITY, tuning)
  const state = createState(host)
  const lines = new Set<Line>()
  let route: Route | undefined
  let retry: NodeJS.Timeout | undefined

  const shared = lineFor(nobody, { up: arrived, failed: missed, down: missed })
  const offer = createKnownOffer({
    server: name,
    state,
    deadline: listTimeout,
    now: host.now,
    isUp: () => shared.isUp,
    ask: async (begin) => {
      try {
        return await talk(shared, undefined, (connection) => {
          begin()
          return askOffer(connection, listTimeout)
        })
      } catch (cause) {
        throw told(cause, { server: name, timeout: listTimeout })
      }
    },
  })

  /** A line for this peer; the first time it is asked for a connection it is made. */
  function lineFor(peer: Peer, on: LineEvents, personal: () => Headers = () => ({})): Line {
    let starts = 0
    const connect = async (events: ConnectionEvents, closing: AbortSignal) => {
      await untilDue(closing)
      if (isProcess && starts > 0) state.restarted()
      starts += 1
      // What a server says to the gateway may not be what it says to somebody else.
      const isSomeone = Object.keys(personal()).length > 0
      const known = isSomeone && route?.prior.kind === 'modern' ? undefined : route
      try {
        const connection = await dial({ settings, credentials, host, deadline, closing, peer, personal }, events, known)
        if (!isSomeone) route = connection.route
        pace.succeeded()
        return connection
      } catch (error) {
        forget()
        on.failed(told(error, { server: name, timeout: deadline }))
        throw error
      }
    }
    const line = createLine(connect, {
      up: on.up,
      down: () => {
        forget()
        on.down(unreachable(`The MCP server ${name} ${isProcess ? 'stopped' : 'went away'}.`))
      },
      listChanged: () => offer.drop(),
    })
    lines.add(line)
    return line
  }

  /** The server may be another when it comes back. */
  function forget(): void {
    route = undefined
    pace.failed()
  }

  /** Waits for the next try, when it is near. */
  async function untilDue(closing: AbortSignal): Promise<void> {
    const wait = pace.wait()
    if (wait > WORTH_WAITING) {
      const why = state.health.failure ?? `The MCP server ${name} is away.`
      throw unreachable(`${why} It is tried again in ${Math.ceil(wait / 1000)} s.`)
    }
    if (wait > 0) await pause(wait, undefined, { signal: closing }).catch(() => {})
    closing.throwIfAborted()
  }

  function arrived(): void {
    offer.drop()
    state.healthy()
  }

  /** The shared connection is missing: it is tried in the background for as long as it takes. */
  function missed(error: Error): void {
    state.failed(error.message)
    keepTrying()
  }

  function keepTrying(): void {
    if (retry !== undefined || state.isStopped) return
    retry = setTimeout(() => {
      retry = undefined
      // Why it cannot be had is in the state already.
      shared.connection().catch(keepTrying)
    }, pace.wait())
    retry.unref()
  }

  /** Works on the line's connection; on another when the server has forgotten it, and so has not looked at the work. */
  async function talk<Result>(
    line: Line,
    signal: AbortSignal | undefined,
    work: (connection: Connection) => Promise<Result>,
  ): Promise<Result> {
    const connection = await unlessAborted(line.connection(), signal)
    try {
      return await work(connection)
    } catch (error) {
      if (signal?.aborted === true) throw error
      if (isNetworkFault(error) && line.drop(connection)) {
        forget()
        if (line === shared) missed(told(error, { server: name, timeout }))
      }
      if (!connection.hasSession || !isForgottenSession(error)) throw error
      route = undefined
      if (line.drop(connection)) offer.drop()
      return work(await unlessAborted(line.connection(), signal))
    }
  }

  function converse(peer: Peer): Conversation {
    let headers: Headers = {}
    const line = isAnyone(peer) ? shared : lineFor(peer, unheard, () => headers)
    return {
      async request(method: string, params: JsonObject, options: RequestOptions = {}) {
        if (state.isStopped) throw stopped(name)
        if (options.headers !== undefined) headers = options.headers
        const ask = {
          ...options,
          timeout: options.timeout ?? timeout,
          capabilities: peer.capabilities,
          tool: method === 'tools/call' ? offer.mirrored(params.name) : undefined,
        }
        try {
          return await gate.run(
            () => talk(line, ask.signal, (connection) => connection.request(method, params, ask)),
            ask,
          )
        } catch (cause) {
          const error = told(cause, { server: name, timeout: ask.timeout, signal: ask.signal })
          if (method === 'tools/call' && isUnknownTool(error, params.name)) offer.drop()
          throw error
        }
      },
      async close() {
        if (line === shared || !lines.delete(line)) return
        await line.close()
      },
    }
  }

  return {
    name,
    get health() {
      return state.health
    },
    get known() {
      return offer.value
    },
    async offer() {
      if (state.isStopped) throw stopped(name)
      return offer.get()
    },
    async open(peer) {
      if (state.isStopped) throw stopped(name)
      return converse(peer)
    },
    onChange: state.onChange,
    async close() {
      state.stopped()
      clearTimeout(retry)
      await Promise.all([...lines].map((line) => line.close()))
    },
  }
}

/** The promise, or the abort before it. */
async function unlessAborted<Result>(promise: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return promise
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function unreachable(message: string): GatewayError {
  return new GatewayError('upstream_unreachable', message)
}

function stopped(name: string): GatewayError {
  return unreachable(`The MCP server ${name} is stopped.`)
}
