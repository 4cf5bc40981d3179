import {
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  isInputRequiredResult,
  ResourceNotFoundError,
  Server,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { isJsonObject, type JsonObject } from '@tianjillm/core'
import { callTool } from './call-tool.ts'
import { createLines } from './lines.ts'
import { McpServerError } from './server-error.ts'
import type { Client, ServingSettings } from './serving-settings.ts'
import type { Offered, Source } from './stock.ts'
import { toldError } from './told-error.ts'
import type { ListName, View } from './view.ts'

/** A server of the protocol over what one client sees; for one session, or for one request of the newer protocol. */
export interface ViewServer {
  readonly server: Server
  /** The same client, as it is by now: what it may see can change under it. */
  become(client: Client): void
  /** From now on its client hears of changes. The older protocol says itself when that is. */
  begin(): void
  /** Tells the client which of its lists have changed, if any. */
  tellChanges(): void
  close(): Promise<void>
}

const INVALID_PARAMS = -32602

/** Lists differ by key and may change at any time, so nobody else may keep them, and nobody for long. */
const hint = { ttlMs: 5_000, cacheScope: 'private' } as const

/** Where a client reads which servers were left out of a list. */
export const UNAVAILABLE_META_KEY = 'io.tianjillm/unavailable'

/** A server for this client; where `only` one method is ever asked of it, for that. */
export function createViewServer(
  settings: ServingSettings,
  first: Client,
  isModern: boolean,
  only?: string,
): ViewServer {
  let client = first
  const { catalog, info, stateKey } = settings
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
  const relay = async (
    source: Source,
    method: string,
    params: JsonObject,
    context: ServerContext,
    signal = context.mcpReq.signal,
  ) => {
    try {
      const given = { ...params, ...roundOf(context) }
      const result = await lines.request(source, method, given, context, signal)
      // How long others may keep it is for the gateway to say.
      const { ttlMs: _ttlMs, cacheScope: _scope, ...rest } = result
      if (!isInputRequiredResult(rest) || typeof rest.requestState !== 'string') return rest
      return { ...rest, requestState: await codec.mint(rest.requestState, context) }
    } catch (error) {
      throw toldError(error, source, settings, { signal, isModern })
    }
  }

  const find = async <Found>(look: (view: View) => Found | undefined): Promise<Found | undefined> =>
    // Who asks for what is known waits for nobody.
    look(peek()) ?? look(await view())

  // The handler belongs to the method: whoever calls this was asked for both.
  const answer: Server['setRequestHandler'] = (method: string, ...handler: unknown[]) => {
    if (only === undefined || method === only) server.setRequestHandler(method as never, ...(handler as [never]))
  }

  answer('tools/list', async ({ params }) => listed(params, await view(), 'tools'))
  answer('prompts/list', async ({ params }) => listed(params, await view(), 'prompts'))
  answer('resources/list', async ({ params }) => listed(params, await view(), 'resources'))
  answer('resources/templates/list', async ({ params }) => listed(params, await view(), 'resourceTemplates'))

  answer('tools/call', async ({ params }, context) => {
    const result = await callTool(settings, client, params, {
      signal: context.mcpReq.signal,
      async relay(tool, input, signal) {
        const given = { name: tool.name, arguments: input }
        const answer = await relay(tool.source, 'tools/call', given, context, signal)
        if (isInputRequiredResult(answer)) return answer
        return server.projectCallToolResult(answer as never, schemaOf(tool)) as JsonObject
      },
    })
    // The types of the SDK ask for each field of it.
    return result as never
  })

  answer('prompts/get', async ({ params }, context) => {
    const prompt = await find((seen) => seen.prompt(params.name))
    if (prompt === undefined) throw new McpServerError(INVALID_PARAMS, `Unknown prompt: ${params.name}`)
    const asked = { name: prompt.name, ...(params.arguments && { arguments: params.arguments }) }
    return (await relay(prompt.source, 'prompts/get', asked, context)) as never
  })

  answer('resources/read', async ({ params }, context) => {
    const { source, uri } = await resourceAt(params.uri)
    const result = await relay(source, 'resources/read', { uri }, context)
    if (uri === params.uri || !Array.isArray(result.contents)) return result as never
    const contents = result.contents.map((item) =>
      isJsonObject(item) && item.uri === uri ? { ...item, uri: params.uri } : item,
    )
    return { ...result, contents } as never
  })

  answer('completion/complete', async ({ params }, context) => {
    const { ref } = params
    const found = await find((seen) => (ref.type === 'ref/prompt' ? seen.prompt(ref.name) : seen.template(ref.uri)))
    if (found?.source.upstream.known?.capabilities.completions === undefined) return { completion: { values: [] } }
    const own = ref.type === 'ref/prompt' ? { ...ref, name: found.name } : { ...ref, uri: found.name }
    return (await relay(found.source, 'completion/complete', { ...withoutMeta(params), ref: own }, context)) as never
  })

  for (const method of ['resources/subscribe', 'resources/unsubscribe'] as const)
    answer(method, async ({ params }, context) => {
      const { source, uri } = await resourceAt(params.uri)
      return relay(source, method, { uri }, context)
    })

  if (!isModern)
    answer('logging/setLevel', async ({ params }) => {
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
  const begin = () => {
    told = marks()
  }
  // A function that is written where it is assigned lives, with all that it knows, until V8's next full collection.
  const hangUp = () => void lines.close()
  server.oninitialized = begin
  server.onclose = hangUp

  return {
    server,
    become(next) {
      client = next
    },
    begin,
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

function schemaOf({ wire }: Offered): JsonObject | undefined {
  return isJsonObject(wire.outputSchema) ? wire.outputSchema : undefined
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

function withoutMeta<Params extends { readonly _meta?: unknown }>({ _meta, ...rest }: Params): Omit<Params, '_meta'> {
  return rest
}
