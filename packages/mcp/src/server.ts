import {
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  isInputRequiredResult,
  ResourceNotFoundError,
  Server,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { GatewayError, isGatewayError, isJsonObject, type JsonObject, type Log } from '@tianjillm/core'
import type { Catalog } from './catalog.ts'
import { failedResult } from './failure.ts'
import { askable, createLines } from './lines.ts'
import { cappedResult } from './result-cap.ts'
import { McpServerError } from './server-error.ts'
import type { Offered, Source } from './stock.ts'
import type { Filter, ListName, View } from './view.ts'

/** Who is served. */
export interface Client {
  /** Tells clients apart whose sessions must be kept apart. */
  readonly id: string
  readonly filter: Filter
  /** Told to servers within the gateway. */
  readonly caller?: unknown
}

/** What serving goes by. */
export interface ServingSettings {
  readonly catalog: Catalog
  readonly log: Log
  /** How the gateway calls itself. */
  readonly info: { readonly name: string; readonly version: string }
  /** At least 32 bytes; with it, what servers keep with a client is bound to that client. */
  readonly stateKey: Uint8Array
  /** Bytes of JSON that a tool's result may have; default 16 MiB. */
  readonly resultLimit?: number | undefined
  /** Takes secrets out of what is said of errors. */
  readonly redact?: ((text: string) => string) | undefined
}

/** A server of the protocol over what one client sees; for one session, or for one request of the newer protocol. */
export interface ViewServer {
  readonly server: Server
  /** The same client, as it is by now: what it may see can change under it. */
  become(client: Client): void
  /** Tells the client which of its lists have changed, if any. */
  tellChanges(): void
  close(): Promise<void>
}

const INVALID_PARAMS = -32602
const INTERNAL_ERROR = -32603
/** Codes by which one hop speaks of itself. https://modelcontextprotocol.io/specification/2026-07-28/basic */
const firstOfHop = -32099
const lastOfHop = -32020
const MISSING_CAPABILITY = -32021

const DEFAULT_LIMIT = 16 * 1024 * 1024

/** Lists differ by key and may change at any time, so nobody else may keep them, and nobody for long. */
const hint = { ttlMs: 5_000, cacheScope: 'private' } as const

/** Where a client reads which servers were left out of a list. */
export const UNAVAILABLE_META_KEY = 'io.tianjillm/unavailable'

/** A server for this client. */
export function createViewServer(settings: ServingSettings, first: Client, isModern: boolean): ViewServer {
  let client = first
  const { catalog, log, info, stateKey, resultLimit = DEFAULT_LIMIT, redact = (text: string) => text } = settings
  const peek = () => catalog.peek(client.filter)
  const view = () => catalog.view(client.filter)
  const codec = createRequestStateCodec<string>({ key: stateKey, bind: () => client.id })
  const server = new Server(info, {
    capabilities: {
      tools: { listChanged: true },
      prompts: { listChanged: true },
      resources: { listChanged: true, ...(!isModern && { subscribe: true }) },
      completions: {},
      ...(!isModern && { logging: {} }),
    },
    ...instructionsOf(peek()),
    cacheHints: {
      ...{ 'tools/list': hint, 'prompts/list': hint, 'resources/list': hint, 'resources/templates/list': hint },
      'server/discover': hint,
    },
    requestState: { verify: codec.verify },
  })
  const lines = createLines({
    server,
    isModern,
    // Written by the client; the SDK has seen to its shape.
    capabilities: ({ mcpReq: { envelope } }) =>
      (isModern ? (envelope as JsonObject)[CLIENT_CAPABILITIES_META_KEY] : server.getClientCapabilities()) as
        | JsonObject
        | undefined,
    caller: () => client.caller,
    publicUri: (source, uri) => peek().publicUri(source, uri),
  })

  /** A request to a server, in the words of this client; errors of it in words for this client. */
  const relay = async (source: Source, method: string, params: JsonObject, context: ServerContext) => {
    try {
      const given = { ...params, ...roundOf(context) }
      const result = await lines.request(source, method, given, context)
      // How long others may keep it is for the gateway to say.
      const { ttlMs: _ttlMs, cacheScope: _scope, ...rest } = result
      if (!isInputRequiredResult(rest) || typeof rest.requestState !== 'string') return rest
      return { ...rest, requestState: await codec.mint(rest.requestState, context) }
    } catch (error) {
      throw toldAs(error, source, context)
    }
  }

  const toldAs = (error: unknown, { upstream }: Source, { mcpReq }: ServerContext): unknown => {
    if (mcpReq.signal.aborted) return error
    if (error instanceof McpServerError) {
      const isOfHop = error.code >= firstOfHop && error.code <= lastOfHop && !(isModern && lacksOfClient(error))
      return isOfHop
        ? new McpServerError(INTERNAL_ERROR, redact(`MCP server ${upstream.name}: ${error.message}`))
        : new McpServerError(error.code, redact(error.message), error.data)
    }
    if (isGatewayError(error))
      return error.kind === 'upstream_unreachable'
        ? new McpServerError(INTERNAL_ERROR, `MCP server unavailable: ${upstream.name}`)
        : new GatewayError(error.kind, redact(error.message), error.facts)
    log.error('A request to an MCP server failed by a mistake of ours.', { error, server: upstream.name })
    return new McpServerError(INTERNAL_ERROR, 'The gateway made a mistake.')
  }

  const find = async <Found>(look: (view: View) => Found | undefined): Promise<Found | undefined> =>
    // Who asks for what is known waits for nobody.
    look(peek()) ?? look(await view())

  server.setRequestHandler('tools/list', async ({ params }) => listed(params, await view(), 'tools'))
  server.setRequestHandler('prompts/list', async ({ params }) => listed(params, await view(), 'prompts'))
  server.setRequestHandler('resources/list', async ({ params }) => listed(params, await view(), 'resources'))
  server.setRequestHandler('resources/templates/list', async ({ params }) =>
    listed(params, await view(), 'resourceTemplates'),
  )

  server.setRequestHandler('tools/call', async ({ params }, context) => {
    const { name } = params
    const tool = await find((seen) => seen.tool(name))
    if (tool === undefined) throw unknownTool(name)
    const given = params.arguments ?? {}
    const refused = refusedArguments(tool, given)
    if (refused !== undefined) return failedResult(refused) as never
    try {
      const result = await relay(tool.source, 'tools/call', { name: tool.name, arguments: given }, context)
      if (isInputRequiredResult(result)) return result as never
      const projected = server.projectCallToolResult(result as never, schemaOf(tool))
      return cappedResult(projected as JsonObject, resultLimit) as never
    } catch (error) {
      if (
        error instanceof McpServerError &&
        error.code === INVALID_PARAMS &&
        /unknown tool|tool\b.*\bnot found/i.test(error.message)
      ) {
        catalog.forget(tool.source, tool.name)
        throw unknownTool(name)
      }
      if (!isGatewayError(error) || context.mcpReq.signal.aborted) throw error
      return failedResult(error) as never
    }
  })

  server.setRequestHandler('prompts/get', async ({ params }, context) => {
    const prompt = await find((seen) => seen.prompt(params.name))
    if (prompt === undefined) throw new McpServerError(INVALID_PARAMS, `Unknown prompt: ${params.name}`)
    const asked = { name: prompt.name, ...(params.arguments && { arguments: params.arguments }) }
    return (await relay(prompt.source, 'prompts/get', asked, context)) as never
  })

  server.setRequestHandler('resources/read', async ({ params }, context) => {
    const { source, uri } = await resourceAt(params.uri)
    const result = await relay(source, 'resources/read', { uri }, context)
    if (uri === params.uri || !Array.isArray(result.contents)) return result as never
    const contents = result.contents.map((item) =>
      isJsonObject(item) && item.uri === uri ? { ...item, uri: params.uri } : item,
    )
    return { ...result, contents } as never
  })

  server.setRequestHandler('completion/complete', async ({ params }, context) => {
    const { ref } = params
    const found = await find((seen) => (ref.type === 'ref/prompt' ? seen.prompt(ref.name) : seen.template(ref.uri)))
    if (found?.source.upstream.known?.capabilities.completions === undefined) return { completion: { values: [] } }
    const own = ref.type === 'ref/prompt' ? { ...ref, name: found.name } : { ...ref, uri: found.name }
    return (await relay(found.source, 'completion/complete', { ...withoutMeta(params), ref: own }, context)) as never
  })

  for (const method of ['resources/subscribe', 'resources/unsubscribe'] as const)
    server.setRequestHandler(method, async ({ params }, context) => {
      const { source, uri } = await resourceAt(params.uri)
      return relay(source, method, { uri }, context)
    })

  if (!isModern)
    server.setRequestHandler('logging/setLevel', async ({ params }) => {
      await lines.setLevel(params.level)
      return {}
    })

  async function resourceAt(uri: string) {
    const found = await find((seen) => seen.resource(uri))
    if (found === undefined) throw new ResourceNotFoundError(uri)
    return found
  }

  let told: ReadonlyMap<ListName, string> | undefined
  const marks = () => new Map(changes.map(([list]) => [list, peek().mark(list)] as const))
  server.oninitialized = () => {
    told = marks()
  }
  server.onclose = () => void lines.close()

  return {
    server,
    become(next) {
      client = next
    },
    tellChanges() {
      if (told === undefined) return
      const now = marks()
      for (const [list, method] of changes)
        if (told.get(list) !== now.get(list)) server.notification({ method }).catch(() => {})
      told = now
    },
    async close() {
      await server.close()
      await lines.close()
    },
  }
}

/** How clients hear that a list has changed. */
export const changes: readonly (readonly [ListName, string])[] = [
  ['tools', 'notifications/tools/list_changed'],
  ['prompts', 'notifications/prompts/list_changed'],
  ['resources', 'notifications/resources/list_changed'],
]

type Listing = 'tools' | 'prompts' | 'resources' | 'resourceTemplates'

/** A whole list: there are no further pages. */
function listed(params: { readonly cursor?: string | undefined } | undefined, view: View, name: Listing): never {
  if (params?.cursor !== undefined) throw new McpServerError(INVALID_PARAMS, 'Unknown cursor: lists have one page')
  const { unavailable } = view
  // They were checked when they were taken in; the SDK's types ask for each field.
  return {
    [name]: view[name],
    ...(unavailable.length > 0 && { _meta: { [UNAVAILABLE_META_KEY]: unavailable } }),
  } as never
}

function instructionsOf({ instructions }: View): { readonly instructions?: string } {
  return instructions === undefined ? {} : { instructions }
}

function unknownTool(name: string): Error {
  return new McpServerError(INVALID_PARAMS, `Unknown tool: ${name.slice(0, 200)}`)
}

function schemaOf({ wire }: Offered): JsonObject | undefined {
  return isJsonObject(wire.outputSchema) ? wire.outputSchema : undefined
}

function refusedArguments({ source, name }: Offered, given: JsonObject): GatewayError | undefined {
  const all = source.allowedArguments ?? {}
  if (!Object.hasOwn(all, name)) return undefined
  const refused = Object.keys(given).filter((argument) => !all[name]!.includes(argument))
  if (refused.length === 0) return undefined
  return new GatewayError(
    'permission_denied',
    `These arguments are not allowed here: ${refused.join(', ').slice(0, 500)}.`,
  )
}

/** What else belongs to a request: metadata of the client's own, and what it was asked for in the round before. */
function roundOf({ mcpReq }: ServerContext): JsonObject {
  const { progressToken: _token, ...meta } = mcpReq._meta ?? {}
  const state = mcpReq.requestState<string>()
  return {
    ...(Object.keys(meta).length > 0 && { _meta: meta }),
    ...(mcpReq.inputResponses && { inputResponses: mcpReq.inputResponses }),
    ...(state !== undefined && { requestState: state }),
  }
}

/** Whether the server misses what only the client could give; the gateway tells it all that the client can. */
function lacksOfClient({ code, data }: McpServerError): boolean {
  if (code !== MISSING_CAPABILITY || !isJsonObject(data) || !isJsonObject(data.requiredCapabilities)) return false
  return Object.keys(data.requiredCapabilities).every((name) => askable.includes(name))
}

function withoutMeta<Params extends { readonly _meta?: unknown }>({ _meta, ...rest }: Params): Omit<Params, '_meta'> {
  return rest
}
