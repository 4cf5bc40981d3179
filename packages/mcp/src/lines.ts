import type { Server, ServerContext } from '@modelcontextprotocol/server'
import { isGatewayError, type JsonObject } from '@tianjillm/core'
import { forwardedHeaders } from './forwarded-headers.ts'
import type { Source } from './stock.ts'
import type { Conversation, Peer, RequestOptions, Upstream } from './upstream.ts'

/** One client's conversations with servers, each begun when it is first needed. */
export interface Lines {
  /** Passes a request on, with its progress, until the signal. Rejects as the server or the way to it does. */
  request(
    source: Source,
    method: string,
    params: JsonObject,
    context: ServerContext,
    signal: AbortSignal,
  ): Promise<JsonObject>
  /** How much servers shall tell of what they do, from now on. */
  setLevel(level: string): Promise<void>
  close(): Promise<void>
}

/** Whom the lines are for. */
export interface LineOwner {
  readonly server: Server
  /** One of the newer protocol makes each request by itself, and cannot be asked in between. */
  readonly isModern: boolean
  /** Undefined as long as the client has not said. */
  capabilities(context: ServerContext): JsonObject | undefined
  /** Who the client is by now. */
  caller(): unknown
  publicUri(source: Source, uri: string): string
}

interface Line {
  readonly source: Source
  readonly opening: Promise<Conversation>
  /** Requests that wait for an answer; the last one began last. */
  readonly underWay: Set<ServerContext>
  isRetired: boolean
}

/** A person may be asked, so this takes as long as people take. */
const MOST_PATIENCE = 600_000

/** What clients may be asked for by servers. */
export const askable: readonly string[] = ['sampling', 'elicitation', 'roots']

/** Lines for one client. */
export function createLines(owner: LineOwner): Lines {
  const { server, isModern } = owner
  // What an operator says of a server may change, and the server go on.
  const lines = new Map<Upstream, Line>()
  let level: string | undefined

  const peerFor = (line: () => Line, context: ServerContext, hasHeaders: boolean): Peer => {
    const capabilities = owner.capabilities(context) ?? {}
    // What is asked in between travels with the answer that the client waits for.
    const related = () => [...line().underWay].at(-1)?.mcpReq.id
    const canBeAsked = askable.some((name) => capabilities[name] !== undefined)
    // Headers of its own may make somebody else of a client, who then needs a connection of its own.
    if (isModern) return { capabilities, request: undefined, notify: hasHeaders ? () => {} : undefined }
    return {
      capabilities,
      request: canBeAsked
        ? (method, params, signal) => askClient(server, { method, params }, { signal, relatedRequestId: related() })
        : undefined,
      notify(method, params) {
        const relayed = relays[method]?.(params, (uri) => owner.publicUri(line().source, uri))
        if (relayed === undefined) return
        const id = relayed.isRelated ? related() : undefined
        const options = id === undefined ? {} : { relatedRequestId: id }
        // Whoever has gone misses nothing.
        server.notification({ method, params: relayed.params }, options).catch(() => {})
      },
    }
  }

  const begin = (source: Source, context: ServerContext, hasHeaders: boolean): Line => {
    const line: Line = {
      source,
      opening: source.upstream.open(peerFor(() => line, context, hasHeaders)),
      underWay: new Set(),
      isRetired: false,
    }
    lines.set(source.upstream, line)
    line.opening.catch(() => retire(line))
    if (level !== undefined) void tell(line, level, owner.caller())
    return line
  }

  /** A conversation that broke is followed by another; what is still under way in it may end. */
  const retire = (line: Line) => {
    line.isRetired = true
    const { upstream } = line.source
    if (lines.get(upstream) === line) lines.delete(upstream)
    leave(line)
  }

  const leave = (line: Line) => {
    if (line.isRetired && line.underWay.size === 0) hangUp(line)
  }

  return {
    async request(source, method, params, context, signal) {
      const headers = forwardedHeaders(source, context.http?.req?.headers)
      // Each request of the newer protocol says anew what its client can do.
      const known = isModern ? undefined : lines.get(source.upstream)
      const line = known ?? begin(source, context, Object.keys(headers).length > 0)
      line.underWay.add(context)
      try {
        const conversation = await line.opening
        return await conversation.request(method, params, {
          ...optionsFrom(context),
          ...{ signal, headers, caller: owner.caller() },
        })
      } catch (error) {
        if (isGatewayError(error) && error.kind === 'upstream_unreachable') retire(line)
        throw error
      } finally {
        line.underWay.delete(context)
        if (isModern) retire(line)
        else leave(line)
      }
    },
    async setLevel(next) {
      level = next
      await Promise.all([...lines.values()].map((line) => tell(line, next, owner.caller())))
    },
    async close() {
      const all = [...lines.values()]
      lines.clear()
      await Promise.all(all.map(hangUp))
    },
  }
}

async function hangUp({ opening }: Line): Promise<void> {
  await opening.then((conversation) => conversation.close()).catch(() => {})
}

/** A server that cannot be told how much to say says what it wants. */
async function tell({ source, opening }: Line, level: string, caller: unknown): Promise<void> {
  if (source.upstream.known?.capabilities.logging === undefined) return
  const tellIn = (conversation: Conversation) => conversation.request('logging/setLevel', { level }, { caller })
  await opening.then(tellIn).catch(() => {})
}

function optionsFrom({ mcpReq }: ServerContext): RequestOptions {
  const progressToken = mcpReq._meta?.progressToken
  return {
    ...(progressToken !== undefined && {
      onProgress: (progress) => {
        mcpReq.notify({ method: 'notifications/progress', params: { ...progress, progressToken } }).catch(() => {})
      },
    }),
  }
}

interface Ask {
  readonly method: string
  readonly params: JsonObject
}

async function askClient(
  server: Server,
  { method, params }: Ask,
  {
    signal,
    relatedRequestId: id,
  }: { readonly signal: AbortSignal; readonly relatedRequestId: string | number | undefined },
): Promise<JsonObject> {
  const options = { signal, timeout: MOST_PATIENCE, ...(id !== undefined && { relatedRequestId: id }) }
  // The SDK knows the methods by their names; a server may ask for what it does not know, which it refuses.
  return (await server.request({ method: method as 'roots/list', params: { ...params } }, options)) as JsonObject
}

type Relay = (params: JsonObject, publicUri: (uri: string) => string) => Relayed

interface Relayed {
  readonly params: Record<string, unknown>
  /** Whether it belongs to a request under way. */
  readonly isRelated: boolean
}

/** What servers tell that clients are told. What they offer is told by the catalog. */
const relays: Readonly<Record<string, Relay>> = {
  'notifications/message': (params) => ({ params: { ...params }, isRelated: true }),
  'notifications/elicitation/complete': (params) => ({ params: { ...params }, isRelated: true }),
  'notifications/resources/updated': (params, publicUri) => ({
    params: { ...params, uri: publicUri(String(params.uri)) },
    isRelated: false,
  }),
}
