import { isJsonObject, type JsonObject } from '@tianjillm/core'
import type { ServerState } from '@tianjillm/mcp'
import type { StoredServer } from '@tianjillm/tenancy'
import type { Gateway } from '../gateway.ts'
import type { McpHub } from './hub.ts'
import { shownEntry } from './shown-entry.ts'
import { readStored } from './stored-servers.ts'

/** A server of the file, or a stored one. */
export interface KnownServer {
  /** That of one of the file is its name. */
  readonly id: string
  readonly name: string
  /** As a file says it, with its secrets; empty when they cannot be read. */
  readonly entry: JsonObject
  /** Whether everybody may know of it. */
  readonly isPublic: boolean
  /** Undefined for one of the file. */
  readonly stored: StoredServer | undefined
}

/** All servers that were configured or stored, also those that cannot be used. */
export async function knownServers({ mcp, tenancy }: Gateway): Promise<readonly KnownServer[]> {
  const rows = (await tenancy?.mcpServers.all()) ?? []
  const filed = mcp === undefined ? [] : filedServers(mcp.offer.entries, mcp.offer.publicNames)
  return [...filed, ...rows.map(storedServer)]
}

/** The servers of a file, by its entries. */
export function filedServers(entries: JsonObject, publicNames: readonly string[] = []): readonly KnownServer[] {
  return Object.entries(entries).map(([name, entry]) => ({
    ...{ id: name, name, entry: isJsonObject(entry) ? entry : {}, stored: undefined },
    isPublic: publicNames.includes(name),
  }))
}

/** A stored server as one of those that are known. */
export function storedServer(stored: StoredServer): KnownServer {
  const { id, name, entry = {}, isPublic } = stored
  return { id, name, entry, isPublic, stored }
}

/** The names by which several servers can be meant. */
export function accessGroupsOf(servers: readonly KnownServer[]): readonly string[] {
  const groups = servers.flatMap(({ entry: { access_groups: groups } }) => (Array.isArray(groups) ? groups : [groups]))
  return [...new Set(groups.filter((group) => typeof group === 'string'))].toSorted()
}

/** What is told of servers, as LiteLLM's routes tell it; secrets are marks. */
export async function serverFacts({ mcp }: Gateway, servers: readonly KnownServer[]): Promise<readonly JsonObject[]> {
  const states = await statesIn(mcp)
  return servers.map((server) => {
    const { id, name, entry, isPublic, stored } = server
    const { access_groups: groups, ...rest } = shownEntry(entry)
    return {
      ...{ server_id: id, server_name: name, alias: null, description: null, url: null, auth_type: null },
      transport: 'command' in entry ? 'stdio' : 'http',
      ...rest,
      mcp_access_groups: groups ?? [],
      source: stored === undefined ? 'config' : 'database',
      is_public: isPublic,
      created_at: timeText(stored?.createdAt),
      updated_at: timeText(stored?.updatedAt),
      created_by: stored?.createdBy ?? null,
      ...healthFacts(server, mcp, states),
      changed_tools: changedTools(states.get(name)),
    }
  })
}

/** How servers are; `isAsked`: those that nobody has asked yet are asked now, and waited for. */
export async function serverHealth(
  { mcp }: Gateway,
  servers: readonly KnownServer[],
  isAsked: boolean,
): Promise<readonly JsonObject[]> {
  if (isAsked && servers.length > 0) await (await mcp?.open())?.catalog.view({})
  const states = await statesIn(mcp)
  return servers.map((server) => ({
    server_id: server.id,
    server_name: server.name,
    ...healthFacts(server, mcp, states),
    tools: states.get(server.name)?.tools ?? 0,
  }))
}

type States = ReadonlyMap<string, ServerState>

async function statesIn(mcp: McpHub | undefined): Promise<States> {
  const hub = await mcp?.open()
  return new Map(hub?.catalog.states().map((state) => [state.source.upstream.name, state]))
}

function changedTools(state: ServerState | undefined): readonly JsonObject[] {
  return (state?.changedTools ?? []).map(({ name, changed, isOffered }) => ({ name, changed, offered: isOffered }))
}

/** LiteLLM's words: `unknown` until it was asked for the first time. */
const statuses = { connecting: 'unknown', healthy: 'healthy', unhealthy: 'unhealthy', stopped: 'unhealthy' } as const

function healthFacts({ name, stored }: KnownServer, mcp: McpHub | undefined, states: States): JsonObject {
  const health = states.get(name)?.health
  if (health === undefined)
    return { status: 'unhealthy', last_health_check: null, health_check_error: whyLeftOut(stored, mcp) }
  const { status, failure, healthyAt = 0, failedAt = 0 } = health
  const at = Math.max(healthyAt, failedAt)
  return {
    status: statuses[status],
    last_health_check: timeText(at === 0 ? undefined : at),
    health_check_error: failure ?? null,
  }
}

function whyLeftOut(stored: StoredServer | undefined, mcp: McpHub | undefined): string {
  if (stored === undefined) return 'It cannot be used as it is written; the log says why.'
  if (mcp === undefined) return 'There are no MCP servers.'
  if (Object.hasOwn(mcp.offer.entries, stored.name)) return 'The file has a server of that name.'
  try {
    readStored(stored, mcp.offer.policy)
    return 'It is not in force yet.'
  } catch (error) {
    return (error as Error).message
  }
}

function timeText(time: number | undefined): string | null {
  return time === undefined ? null : new Date(time).toISOString()
}
