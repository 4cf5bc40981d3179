import { GatewayError, type JsonObject } from '@tianjillm/core'
import type { McpServers, StoredServer } from '@tianjillm/tenancy'
import * as v from 'valibot'
import type { Gateway } from '../gateway.ts'
import type { McpHub } from '../mcp/hub.ts'
import {
  accessGroupsOf,
  type KnownServer,
  knownServers,
  serverFacts,
  serverHealth,
  storedServer,
} from '../mcp/known-servers.ts'
import { acceptPath } from '../mcp/pinning.ts'
import { readServerBody, type ServerBody } from '../mcp/read-server-body.ts'
import { listTools } from '../mcp/rest.ts'
import { meantEntry } from '../mcp/shown-entry.ts'
import { readEntry } from '../mcp/stored-servers.ts'
import { type Trial, tryServer } from '../mcp/trial.ts'
import { demandTenancy, type ManagementRequest, type ManagementRoute } from './management.ts'

/** MCP servers, and what is done to them while the gateway runs. https://docs.litellm.ai/docs/mcp */
export const mcpServerRoutes: readonly ManagementRoute[] = [
  { method: 'GET', path: '/v1/mcp/server', audience: 'viewer', handle: list },
  { method: 'POST', path: '/v1/mcp/server', audience: 'admin', handle: create },
  { method: 'PUT', path: '/v1/mcp/server', audience: 'admin', handle: change },
  { method: 'GET', path: '/v1/mcp/server/health', audience: 'viewer', handle: health },
  { method: 'GET', path: '/v1/mcp/server/:id', audience: 'viewer', handle: find },
  { method: 'PUT', path: '/v1/mcp/server/:id', audience: 'admin', handle: change },
  { method: 'DELETE', path: '/v1/mcp/server/:id', audience: 'admin', handle: remove },
  { method: 'POST', path: acceptPath, audience: 'admin', handle: acceptTools },
  { method: 'GET', path: '/v1/mcp/tools', audience: 'viewer', handle: tools },
  { method: 'GET', path: '/v1/mcp/access_groups', audience: 'viewer', handle: groups },
  { method: 'POST', path: '/v1/mcp/make_public', audience: 'admin', handle: publish },
  { method: 'POST', path: '/mcp-rest/test/connection', audience: 'admin', handle: tryConnection },
  { method: 'POST', path: '/mcp-rest/test/tools/list', audience: 'admin', handle: tryTools },
  { method: 'GET', path: '/mcp/enabled', audience: 'everybody', handle: isEnabled },
]

async function list({ gateway }: ManagementRequest): Promise<readonly JsonObject[]> {
  return serverFacts(gateway, await knownServers(gateway))
}

async function find({ gateway, params: { id } }: ManagementRequest): Promise<JsonObject> {
  const server = (await knownServers(gateway)).find((one) => one.id === id)
  if (server === undefined) throw unknownServer()
  return told(gateway, server)
}

async function create({ gateway, identity, body }: ManagementRequest): Promise<JsonObject> {
  const { id, name: given, entry: said } = await read(body)
  const entry = present(meantEntry(said, {}))
  // The schema saw to it that an alias is a text.
  const name = given ?? (entry.alias as string | undefined)
  if (name === undefined) throw missing('server_name')
  demandNotOfFile(gateway, { server_id: id, server_name: name })
  const { servers, hub } = changing(gateway)
  readEntry(name, entry, hub.offer.policy)
  const { userId = 'master_key' } = identity.caller
  return inForce(gateway, await servers.create({ id, name, entry }, userId))
}

/** What a body does not speak of stays, and so does a secret for which it has the mark. LiteLLM has the id in the body. */
async function change({ gateway, params: { id: idInPath }, body }: ManagementRequest): Promise<JsonObject> {
  const { id = idInPath, name, entry } = await read(body)
  if (id === undefined) throw missing('server_id')
  if (idInPath !== undefined && id !== idInPath)
    throw new GatewayError('invalid_request', '`server_id` is not that of the path.', { param: 'server_id' })
  demandNotOfFile(gateway, { server_id: id, server_name: name })
  const { servers, hub } = changing(gateway)
  const changed = await servers.change(id, (known) => {
    const next = present({ ...known.entry, ...meantEntry(entry, known.entry ?? {}) })
    readEntry(name ?? known.name, next, hub.offer.policy)
    return { name: name ?? known.name, entry: next }
  })
  return inForce(gateway, changed)
}

async function remove({ gateway, params: { id = '' } }: ManagementRequest): Promise<JsonObject> {
  demandNotOfFile(gateway, { server_id: id })
  const gone = await changing(gateway).servers.delete(id)
  await refresh(gateway)
  return { server_id: gone.id, server_name: gone.name, deleted: true }
}

/** From now on tools of a server are what they are now. */
async function acceptTools({ gateway, params: { id }, body }: ManagementRequest): Promise<JsonObject> {
  const { names, readBody } = await import('@tianjillm/tenancy')
  const { tools } = readBody(v.strictObject({ tools: v.optional(names) }), body)
  const server = (await knownServers(gateway)).find((one) => one.id === id)
  if (server === undefined) throw unknownServer()
  // It may have been stored by another gateway right now.
  await refresh(gateway)
  // A server that is known is one of a hub.
  const { offer, open } = gateway.mcp!
  const { catalog } = await open()
  // It may be that nobody has asked it yet.
  await catalog.view({})
  const isTaken = server.stored !== undefined && Object.hasOwn(offer.entries, server.name)
  const source = catalog.sources.find(({ upstream }) => upstream.name === server.name)
  if (source === undefined || isTaken)
    throw new GatewayError('invalid_request', `The MCP server ${server.name} is left out; the log says why.`)
  return { server_id: server.id, server_name: server.name, accepted: await catalog.accept(source, tools) }
}

async function health({ gateway, context }: ManagementRequest): Promise<readonly JsonObject[]> {
  // As LiteLLM has it, once for each; or with commas between.
  const ids = context.req.queries('server_ids')?.flatMap((text) => text.split(','))
  const servers = await knownServers(gateway)
  return serverHealth(gateway, ids === undefined ? servers : servers.filter(({ id }) => ids.includes(id)), true)
}

async function tools({ gateway, query: { server_id: server } }: ManagementRequest): Promise<JsonObject> {
  const hub = await gateway.mcp?.open()
  if (hub === undefined) return { tools: [], error: null, message: '0 tools' }
  return listTools(hub, { id: 'admin', filter: {} }, server === undefined ? undefined : String(server))
}

async function groups({ gateway }: ManagementRequest): Promise<JsonObject> {
  return { access_groups: accessGroupsOf(await knownServers(gateway)) }
}

/** Those of the file are made public there, so all that can be said of them here is what is so. */
async function publish({ gateway, body }: ManagementRequest): Promise<JsonObject> {
  const { readBody, names } = await import('@tianjillm/tenancy')
  const { mcp_server_ids: ids } = readBody(v.strictObject({ mcp_server_ids: names }), body)
  const { publicNames = [], entries = {} } = gateway.mcp?.offer ?? {}
  const hidden = ids.find((id) => Object.hasOwn(entries, id) && !publicNames.includes(id))
  if (hidden !== undefined)
    throw ofFile('mcp_server_ids', hidden, ' litellm_settings.public_mcp_servers names those that are public.')
  await changing(gateway).servers.publish(ids.filter((id) => !Object.hasOwn(entries, id)))
  const servers = await knownServers(gateway)
  return { public_mcp_servers: servers.filter(({ isPublic }) => isPublic).map(({ id }) => id) }
}

async function tryConnection(request: ManagementRequest): Promise<JsonObject> {
  const trial = await tried(request)
  return 'tools' in trial
    ? { status: 'ok', message: `It offers ${trial.tools.length} tools.` }
    : { status: 'error', message: trial.failure }
}

async function tryTools(request: ManagementRequest): Promise<JsonObject> {
  const trial = await tried(request)
  return 'tools' in trial
    ? { tools: trial.tools, error: null, message: `${trial.tools.length} tools` }
    : { tools: [], error: 'connection_error', message: trial.failure }
}

async function tried({ gateway, body }: ManagementRequest): Promise<Trial> {
  const { entry } = await read(body)
  return tryServer(gateway, present(meantEntry(entry, {})))
}

function isEnabled({ gateway: { mcp } }: ManagementRequest): JsonObject {
  return { enabled: mcp !== undefined }
}

async function read(body: unknown): Promise<ServerBody> {
  const { readBody } = await import('@tianjillm/tenancy')
  return readServerBody(body, readBody)
}

interface Changing {
  readonly servers: McpServers
  readonly hub: McpHub
}

/** Throws GatewayError `invalid_request` with the code `no_db_connection` when there is no database. */
function changing(gateway: Gateway): Changing {
  // With a database there is a hub, for servers may come.
  return { servers: demandTenancy(gateway).mcpServers, hub: gateway.mcp! }
}

async function inForce(gateway: Gateway, server: StoredServer): Promise<JsonObject> {
  await refresh(gateway)
  return told(gateway, storedServer(server))
}

async function refresh({ mcp }: Gateway): Promise<void> {
  // What is stored by now is in force within seconds, even when it cannot be read again at once.
  await mcp?.refresh().catch(() => {})
}

async function told(gateway: Gateway, server: KnownServer): Promise<JsonObject> {
  const [facts] = await serverFacts(gateway, [server])
  return facts!
}

/** Null takes a field away. */
function present(entry: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== null && value !== undefined))
}

function demandNotOfFile({ mcp }: Gateway, names: Readonly<Record<string, string | undefined>>): void {
  for (const [param, name] of Object.entries(names))
    if (name !== undefined && Object.hasOwn(mcp?.offer.entries ?? {}, name)) throw ofFile(param, name)
}

function ofFile(param: string, name: string, remedy = ''): GatewayError {
  const message = `The MCP server "${name.slice(0, 100)}" is in the configuration, and can only be changed there.${remedy}`
  return new GatewayError('invalid_request', message, { code: 'mcp_server_is_configured', param })
}

function missing(param: string): GatewayError {
  return new GatewayError('invalid_request', `\`${param}\` is missing.`, { param })
}

function unknownServer(): GatewayError {
  return new GatewayError('not_found', 'There is no such MCP server.', { param: 'server_id' })
}
