import { hash, randomBytes } from 'node:crypto'
import type { Config, Problem } from '@tianjillm/config'
import type { Host } from '@tianjillm/core'
import type { Catalog, McpEndpoint, SseEndpoint } from '@tianjillm/mcp'
import { version } from '../version.ts'
import { ownSource } from './own-tools.ts'
import { type OwnTool, readOwnTools } from './read-own-tools.ts'
import { type McpServer, readServers } from './read-servers.ts'

/** What MCP clients find at the gateway: servers behind it, and its own tools. */
export interface McpHub {
  /** Tells what it was made of. */
  readonly mark: string
  /** Made when it is first asked for, as is all that the protocol takes. */
  open(): Promise<OpenHub>
  /** Ends all sessions and all servers. */
  close(): Promise<void>
}

/** A hub that clients have come to. */
export interface OpenHub {
  readonly catalog: Catalog
  readonly endpoint: McpEndpoint
  readonly sse: SseEndpoint
}

/** What a hub is made with. */
export interface HubRooms {
  readonly host: Host
  readonly redact: (text: string) => string
  readonly masterKey: string | undefined
}

/** The hub that a configuration asks for, the one before when it asks for the same; undefined when there would be nothing in it. */
export async function mcpHubOf(
  config: Config,
  rooms: HubRooms,
  previous?: McpHub,
): Promise<{ readonly hub: McpHub | undefined; readonly problems: readonly Problem[] }> {
  const { servers, problems: ofServers } = readServers(config)
  const { tools, problems: ofTools } = await readOwnTools(config)
  const problems = [...ofServers, ...ofTools]
  if (servers.length + tools.length === 0) return { hub: undefined, problems }
  const mark = hash('sha256', JSON.stringify([servers, tools, rooms.masterKey]))
  if (previous?.mark === mark) return { hub: previous, problems }
  let opening: Promise<OpenHub> | undefined
  const hub: McpHub = {
    mark,
    open() {
      opening ??= openHub(servers, tools, rooms)
      return opening
    },
    async close() {
      if (opening === undefined) return
      const { catalog, endpoint, sse } = await opening
      await Promise.all([endpoint.close(), sse.close()])
      await catalog.close()
    },
  }
  return { hub, problems }
}

async function openHub(
  servers: readonly McpServer[],
  tools: readonly OwnTool[],
  { host, redact, masterKey }: HubRooms,
): Promise<OpenHub> {
  const { createCatalog, createLocalUpstream, createMcpEndpoint, createSseEndpoint, createUpstream } = await import(
    '@tianjillm/mcp'
  )
  const others = servers.map(({ settings, about }) => ({ ...about, upstream: createUpstream(settings, host) }))
  const own = tools.length > 0 ? [ownSource(tools, createLocalUpstream)] : []
  const separator = host.env('MCP_TOOL_PREFIX_SEPARATOR')
  // A server that is called like the gateway keeps its name.
  const catalog = createCatalog([...others, ...own], {
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
  }
  return { catalog, endpoint: createMcpEndpoint(serving), sse: createSseEndpoint(serving) }
}
