import { hash, randomBytes } from 'node:crypto'
import type { Config, Problem } from '@tianjillm/config'
import type { Host, JsonObject } from '@tianjillm/core'
import type {
  Catalog,
  Client,
  KeptPinBook,
  McpEndpoint,
  ServingSettings,
  SseEndpoint,
  StdioConversation,
  StdioSettings,
  ToolCallOptions,
  ToolRequest,
} from '@tianjillm/mcp'
import { secretsInEntry } from '../secrets.ts'
import type { Tenancy } from '../tenancy.ts'
import { version } from '../version.ts'
import { problemsOfKeys } from './known-names.ts'
import { createStage, type LineUp } from './line-up.ts'
import { createPersonalServers, type PersonalServers } from './oauth/personal-servers.ts'
import { pinningOf } from './pinning.ts'
import { type IsOutside, outsideOf } from './reach.ts'
import { readOwnTools } from './read-own-tools.ts'
import { fileEntries, type McpServer, readServers } from './read-servers.ts'
import { createToolRelevance, type ToolRelevance } from './relevant-tools.ts'
import { readStored, type StoredPolicy, storedPolicyOf } from './stored-servers.ts'
import { aroundTool } from './tool-call.ts'

/**
 * What MCP clients find at the gateway: servers behind it, and its own tools. It goes on from one configuration to the
 * next, and so do sessions and servers that are in both.
 */
export interface McpHub {
  /** Tells hubs apart that cannot follow each other. */
  readonly mark: string
  /** What the configuration in force wants to be found. */
  readonly offer: HubOffer
  /** Has another configuration in force, whole. */
  serve(offer: HubOffer): void
  /** Made when it is first asked for, as is all that the protocol takes. */
  open(): Promise<OpenHub>
  /** Has the stored servers in force as they are now. Rejects when they cannot be read. */
  refresh(): Promise<void>
  /** Ends all sessions and all servers. */
  close(): Promise<void>
}

/** What a configuration wants to be found. */
export interface HubOffer extends LineUp {
  /** Its `mcp_servers` as written, also those that cannot be used. */
  readonly entries: JsonObject
  /** Servers of it that everybody may know of. */
  readonly publicNames: readonly string[]
  /** Chooses tools for models that are offered them; undefined: they are offered all. */
  readonly relevance: ToolRelevance | undefined
  /** Whether everybody may know of all servers. */
  readonly hasRegistry: boolean
  readonly stored: StoredServers | undefined
  readonly policy: StoredPolicy
  readonly isOutside: IsOutside
}

/** Servers that are kept in a database. */
export type StoredServers = Pick<Tenancy, 'mcpServers' | 'mcpTokens' | 'mcpPins' | 'onChange'>

/** A hub that clients have come to. */
export interface OpenHub {
  readonly catalog: Catalog
  readonly endpoint: McpEndpoint
  readonly sse: SseEndpoint
  /** Servers to which each user is somebody else; undefined as long as there are none. */
  readonly personal: PersonalServers | undefined
  /** Serves a client over two streams. */
  converse(streams: Omit<StdioSettings, keyof ServingSettings>, client: Client): StdioConversation
  /** Calls a tool for somebody within the gateway, as the endpoints do for their clients; rejects like `callTool` of packages/mcp. */
  callTool(client: Client, request: ToolRequest, options?: ToolCallOptions): Promise<JsonObject>
}

/** What a hub is made with. */
export interface HubRooms {
  readonly host: Host
  readonly redact: (text: string) => string
  /** Hears of secrets. */
  readonly learn: (secrets: Iterable<string>) => void
  readonly masterKey: string | undefined
  /** Default: there are none. */
  readonly stored?: StoredServers | undefined
}

/** A configuration's hub. */
export interface FoundHub {
  /** The one before where that can go on; undefined when there is nothing to be found. */
  readonly hub: McpHub | undefined
  readonly problems: readonly Problem[]
  /** To be called when the configuration comes into force. */
  enter(): void
}

/** The hub that a configuration asks for. */
export async function mcpHubOf(config: Config, rooms: HubRooms, previous?: McpHub): Promise<FoundHub> {
  const { servers, problems: ofServers } = readServers(config, rooms.host)
  const { tools, problems: ofTools } = await readOwnTools(config)
  const { host, masterKey, stored } = rooms
  const problems = [...ofServers, ...ofTools, ...problemsOfKeys(config, stored !== undefined)]
  if (servers.length + tools.length === 0 && stored === undefined) return { hub: undefined, problems, enter: () => {} }
  const offer: HubOffer = {
    ...{ servers, tools, stored, policy: storedPolicyOf(config, host), entries: fileEntries(config.sections) },
    toolFilter: config.mcpSettings.toolFilter,
    toolPinning: config.mcpSettings.toolPinning,
    relevance: relevanceOf(config, host, previous?.offer.relevance),
    publicNames: config.settings.publicMcpServers,
    hasRegistry: config.general.enableMcpRegistry,
    isOutside: outsideOf(config),
  }
  const mark = hash('sha256', JSON.stringify([masterKey, host.env(SEPARATOR)]))
  if (previous?.mark === mark) return { hub: previous, problems, enter: () => previous.serve(offer) }
  return { hub: createHub(mark, offer, rooms), problems, enter: () => {} }
}

/** The one before where it is to do the same: it has learned something. */
function relevanceOf(
  { mcpSettings }: Config,
  host: Host,
  previous: ToolRelevance | undefined,
): ToolRelevance | undefined {
  if (mcpSettings.semanticFilter === undefined) return undefined
  const next = createToolRelevance(mcpSettings.semanticFilter, host)
  return previous?.mark === next.mark ? previous : next
}

/** The variable with what goes between a server's name and a tool's. */
const SEPARATOR = 'MCP_TOOL_PREFIX_SEPARATOR'

/** Milliseconds until stored servers that could not be read are read again. */
const RETRY = 5_000

function createHub(mark: string, first: HubOffer, rooms: HubRooms): McpHub {
  const { log } = rooms.host
  let offer = first
  let found: readonly McpServer[] = []
  let opening: Promise<Opened> | undefined
  let retry: NodeJS.Timeout | undefined
  let isClosed = false
  /** Tells the line-up that is in force. */
  let placed: string | undefined
  /** Reads follow each other, so that what was read last was read last. */
  let reading = Promise.resolve()
  const told = new Set<string>()

  /** Says it once. */
  const leaveOut = (name: string, why: string) => {
    const message = `The stored MCP server ${name} is left out: ${why}`
    if (!told.has(message)) log.warn(message)
    told.add(message)
  }

  const read = async ({ pins }: Opened) => {
    const { stored, policy, servers, toolPinning } = offer
    const rows = (await stored?.mcpServers.all()) ?? []
    rooms.learn(rows.flatMap(({ entry }) => [...secretsInEntry(entry ?? {})]))
    const taken = new Set(servers.map(({ settings }) => settings.name))
    found = rows.flatMap((row) => {
      if (taken.has(row.name)) {
        leaveOut(row.name, 'the file has one of that name.')
        return []
      }
      try {
        return [readStored(row, policy)]
      } catch (error) {
        leaveOut(row.name, (error as Error).message)
        return []
      }
    })
    const common = [...servers, ...found].filter(({ settings }) => settings.personal === undefined)
    await pins.load(common.flatMap((server) => pinningOf(server, toolPinning)?.server ?? []))
  }

  const place = async ({ stage, catalog, prepare }: Opened) => {
    const { tools, toolFilter, toolPinning } = offer
    const servers = [...offer.servers, ...found]
    const lineUp = { servers, tools, toolFilter, toolPinning }
    // Most changes in a database are of something else, and views are dear.
    const next = hash('sha256', JSON.stringify(lineUp))
    if (placed === next) return
    await prepare(servers)
    if (isClosed) return
    placed = next
    await catalog.replace(stage(lineUp))
  }

  const refresh = () => {
    const next = reading.then(async () => {
      if (opening === undefined) return
      const opened = await opening
      try {
        await read(opened)
      } finally {
        await place(opened)
      }
    })
    reading = next.catch(() => {})
    return next
  }

  /** What cannot be read now is read later; the others are there. */
  const settle = () => {
    clearTimeout(retry)
    refresh().catch(() => {
      log.warn('The stored MCP servers could not be read. They are read again in some seconds.')
      if (!isClosed) retry = setTimeout(settle, RETRY).unref()
    })
  }

  let leave = offer.stored?.onChange(settle)
  return {
    mark,
    get offer() {
      return offer
    },
    serve(next) {
      leave?.()
      offer = next
      leave = offer.stored?.onChange(settle)
      settle()
    },
    open() {
      opening ??= openHub(rooms, () => offer.stored).then(async (opened) => {
        await read(opened).catch(() => settle())
        await place(opened)
        return opened
      })
      return opening
    },
    refresh,
    async close() {
      isClosed = true
      leave?.()
      clearTimeout(retry)
      if (opening === undefined) return
      const { catalog, endpoint, sse, pins } = await opening
      await Promise.all([endpoint.close(), sse.close()])
      await catalog.close()
      await pins.close()
    },
  }
}

interface Opened extends OpenHub {
  readonly pins: KeptPinBook
  readonly stage: ReturnType<typeof createStage>
  /** Before servers are put on the stage that take what others do not. */
  prepare(servers: readonly McpServer[]): Promise<void>
}

async function openHub(
  { host, redact, masterKey }: HubRooms,
  stored: () => StoredServers | undefined,
): Promise<Opened> {
  const {
    callTool,
    createCatalog,
    createLocalUpstream,
    createMcpEndpoint,
    createPinBook,
    createSseEndpoint,
    createStdioConversation,
    createUpstream,
  } = await import('@tianjillm/mcp')
  let personal: PersonalServers | undefined
  const separator = host.env(SEPARATOR)
  const pins = createPinBook(host.log, () => stored()?.mcpPins)
  const catalog = createCatalog([], {
    pins,
    log: host.log,
    now: () => host.now(),
    ...(separator !== undefined && { separator }),
  })
  const serving = {
    catalog,
    log: host.log,
    info: { name: 'tianjillm', version },
    // The same in all processes that serve together, as far as they have a secret in common.
    stateKey: masterKey === undefined ? randomBytes(32) : hash('sha256', `mcp state\0${masterKey}`, 'buffer'),
    redact,
    around: aroundTool,
  }
  return {
    stage: createStage({
      ...{ host, createUpstream, createLocalUpstream },
      createPersonal: (settings, its) => personal!.create(settings, its),
    }),
    async prepare(servers) {
      if (servers.some(({ settings }) => settings.personal !== undefined))
        personal ??= await createPersonalServers({ host, masterKey, tokens: () => stored()?.mcpTokens })
    },
    get personal() {
      return personal
    },
    pins,
    catalog,
    endpoint: createMcpEndpoint(serving),
    sse: createSseEndpoint(serving),
    converse: (streams, client) => createStdioConversation({ ...serving, ...streams }, client),
    callTool: (client, request, options) => callTool(serving, client, request, options),
  }
}
