import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  type Client,
  LOG_LEVEL_META_KEY,
  PROTOCOL_VERSION_META_KEY,
  type PriorDiscovery,
  type Transport,
} from '@modelcontextprotocol/client'
import { isJsonObject, type JsonObject } from '@tianjillm/core'
import type { Peer, RequestOptions, Tool } from '../upstream.ts'
import { HttpTransport, passing } from './http.ts'
import { createListening, type Listening } from './listening.ts'
import { askable, nobody } from './peer.ts'
import { createWatching } from './watching.ts'

/** Milliseconds that a request may take at most, however often it tells of progress. */
const LONGEST = 10 * 60_000
/** Milliseconds a server has to hear that its client leaves. */
const FAREWELL = 1000

/** How a server was reached, so that the next connection need not find out. */
export interface Route {
  readonly transport: 'stdio' | 'http' | 'sse'
  readonly prior: PriorDiscovery
}

/** What a connection tells of by itself. */
export interface ConnectionEvents {
  /** It ended without being closed. */
  lost(): void
  /** What the server offers is not what it was. */
  listChanged(): void
}

/** A request as a connection takes it. */
export interface Ask extends RequestOptions {
  readonly timeout: number
  /** What this client can do; newer servers are told with each request. */
  readonly capabilities: JsonObject
  /** What is called, if newer servers want some of its arguments as headers too. */
  readonly tool?: Tool | undefined
}

/** One connection to a server, after their first words. Rejects with what the SDK throws. */
export interface Connection {
  readonly capabilities: JsonObject
  readonly instructions: string | undefined
  readonly route: Route
  /** Whether the server remembers it. */
  readonly hasSession: boolean
  request(method: string, params: JsonObject, ask: Ask): Promise<JsonObject>
  /** Closes it when nothing is under way any more. */
  retire(): void
  close(): Promise<void>
}

/** A Standard Schema that everything passes: what a server answers is for its client to judge. */
interface Anything {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    validate(value: unknown): { readonly value: JsonObject }
    readonly types?: { readonly input: unknown; readonly output: JsonObject }
  }
}

const anything: Anything = {
  // The SDK has seen that it is an object.
  '~standard': { version: 1, vendor: 'tianjillm', validate: (value) => ({ value: value as JsonObject }) },
}

const LIST_CHANGES = new Set([
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
])

/** The connection that a client has made for this peer. */
export function createConnection(
  client: Client,
  transport: Transport,
  kind: Route['transport'],
  peer: Peer,
  events: ConnectionEvents,
): Connection {
  const discover = client.getDiscoverResult()
  const isModern = client.getProtocolEra() === 'modern'
  const capabilities: JsonObject = client.getServerCapabilities() ?? {}
  let underWay = 0
  let isRetired = false
  let hasEnded = false
  let listening: Listening | undefined
  let level: unknown

  client.onclose = () => {
    if (hasEnded) return
    hasEnded = true
    void stopListening()
    events.lost()
  }
  client.fallbackNotificationHandler = async ({ method, params = {} }) => {
    if (LIST_CHANGES.has(method)) events.listChanged()
    else peer.notify?.(method, params)
  }
  holdAnswers(transport)
  const unreachable = () => void client.close()
  const watching = createWatching(client, {
    unreachable,
    missed: (uri) => peer.notify?.('notifications/resources/updated', { uri }),
  })
  const filter = listenFilter(capabilities)
  // For all clients that is done once.
  if (isModern && peer === nobody && filter !== undefined)
    listening = createListening(client, filter, { unreachable, missed: events.listChanged })

  function stopListening(): Promise<unknown> {
    return Promise.all([listening?.stop(), watching.stop()])
  }

  /** What older clients ask for, and newer servers have other ways to do. */
  const older: Readonly<Record<string, (params: JsonObject) => Promise<void>>> = {
    async 'logging/setLevel'(params) {
      level = params.level
    },
    'resources/subscribe': ({ uri }) => watching.add(String(uri)),
    'resources/unsubscribe': ({ uri }) => watching.remove(String(uri)),
  }

  async function close(): Promise<void> {
    hasEnded = true
    await stopListening()
    if (transport instanceof HttpTransport) await farewell(transport)
    await client.close()
  }

  return {
    capabilities,
    instructions: client.getInstructions(),
    route: { transport: kind, prior: discover === undefined ? { kind: 'legacy' } : { kind: 'modern', discover } },
    hasSession: kind === 'sse' || (transport instanceof HttpTransport && transport.sessionId !== undefined),
    async request(method, params, ask) {
      const otherWay = isModern ? older[method] : undefined
      if (otherWay !== undefined) {
        await otherWay(params)
        return {}
      }
      const { tool, ...options } = optionsOf(ask, peer)
      const sent = forServer(params, isModern ? { able: ask.capabilities, level } : undefined)
      underWay += 1
      try {
        if (tool === undefined || !isModern) return await client.request({ method, params: sent }, anything, options)
        return await client.callTool({ name: tool.name, ...sent }, { ...options, toolDefinition: tool })
      } finally {
        underWay -= 1
        if (isRetired && underWay === 0) void close()
      }
    },
    retire() {
      isRetired = true
      if (underWay === 0) void close()
    },
    close,
  }
}

function optionsOf({ signal, onProgress, timeout, headers, tool }: Ask, peer: Peer) {
  return {
    timeout,
    maxTotalTimeout: Math.max(LONGEST, timeout),
    allowInputRequired: peer.request === undefined,
    // Its answer is not judged here.
    tool: tool && { name: tool.name, inputSchema: tool.inputSchema as { type: 'object' } },
    ...(signal && { signal }),
    ...(headers && { headers: passing(headers) }),
    ...(onProgress && {
      resetTimeoutOnProgress: true,
      onprogress: (progress: unknown) => onProgress(progress as JsonObject),
    }),
  }
}

/** Parameters for the server's own hop: what the client said of itself to the gateway stays behind. */
function forServer(
  params: JsonObject,
  newer: { readonly able: JsonObject; readonly level: unknown } | undefined,
): Record<string, unknown> {
  const {
    progressToken: _token,
    [PROTOCOL_VERSION_META_KEY]: _version,
    [CLIENT_INFO_META_KEY]: _info,
    [CLIENT_CAPABILITIES_META_KEY]: _capabilities,
    [LOG_LEVEL_META_KEY]: logLevel = newer?.level,
    ...rest
  } = isJsonObject(params._meta) ? params._meta : {}
  const meta = {
    ...rest,
    ...(newer && { [CLIENT_CAPABILITIES_META_KEY]: askable(newer.able) }),
    ...(newer && logLevel !== undefined && { [LOG_LEVEL_META_KEY]: logLevel }),
  }
  const { _meta, ...others } = params
  return Object.keys(meta).length === 0 ? others : { ...others, _meta: meta }
}

function listenFilter(capabilities: JsonObject): Readonly<Record<string, true>> | undefined {
  const tells = (name: string) => isJsonObject(capabilities[name]) && capabilities[name].listChanged === true
  const filter = {
    ...(tells('tools') && { toolsListChanged: true as const }),
    ...(tells('prompts') && { promptsListChanged: true as const }),
    ...(tells('resources') && { resourcesListChanged: true as const }),
  }
  return Object.keys(filter).length === 0 ? undefined : filter
}

/**
 * The SDK hands on progress a turn later than answers, and forgets who asked with the answer: of progress right before
 * an answer nobody would hear.
 */
function holdAnswers(transport: Transport): void {
  const deliver = transport.onmessage
  transport.onmessage = (message, extra) => {
    if ('method' in message) return deliver?.(message, extra)
    if (transport instanceof HttpTransport && message.id !== undefined) transport.settle(message.id)
    queueMicrotask(() => deliver?.(message, extra))
  }
}

/** Ends the session; a server that does not hear it will forget it by itself. */
async function farewell(transport: HttpTransport): Promise<void> {
  if (transport.sessionId === undefined) return
  const { promise: enough, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, FAREWELL)
  await Promise.race([transport.terminateSession().catch(() => {}), enough])
  clearTimeout(timer)
}
