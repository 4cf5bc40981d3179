import type { IncomingHttpHeaders } from 'node:http'
import { type FunctionTool, GatewayError, isGatewayError } from '@tianjillm/core'
import { McpServerError, type Tool } from '@tianjillm/mcp'
import type { Visitor } from '../inner-call.ts'
import { arrivingClient, namesIn, narrowed } from '../mcp/client-of.ts'
import type { OpenHub } from '../mcp/hub.ts'
import { asksFor } from '../mcp/relevant-tools.ts'
import { invalid, type McpEntry } from './mcp-entries.ts'
import type { OwnTool } from './own-tool.ts'

/** The tools that entries of a request stand for, as far as its sender sees them. */
export interface McpTools {
  readonly tools: readonly OwnTool[]
  /** Servers that cannot be used now. */
  readonly unavailable: readonly string[]
  /** What headers of the answer tell of them: names without a prefix, and values. */
  readonly notes: readonly (readonly [name: string, value: string])[]
}

/** What comes with a request. */
export interface Circumstances {
  readonly headers: IncomingHttpHeaders
  readonly signal: AbortSignal
  /** What its user wants, in their words. */
  readonly query: string
}

/** Finds them. Throws GatewayError `invalid_request` for servers that are not there, `permission_denied` for keys without MCP. */
export async function mcpTools(
  visitor: Visitor,
  entries: readonly McpEntry[],
  { headers, signal, query }: Circumstances,
): Promise<McpTools> {
  const { gateway, identity } = visitor
  const { mcp } = gateway
  if (mcp === undefined) throw invalid(entries[0]!.param, 'No MCP servers are configured: see mcp_servers.')
  // It is another way to the same tools.
  identity.demandRoute?.('/mcp')
  const hub = await mcp.open()
  const found = await Promise.all(entries.map((entry) => toolsOf(hub, visitor, entry, headers)))
  const tools = new Map<string, OwnTool>()
  for (const tool of found.flatMap((one) => one.tools)) {
    const { name } = tool.definition.function
    if (!tools.has(name)) tools.set(name, tool)
  }
  const describe = ({ definition }: OwnTool) => definition.function
  const relevant = await mcp.offer.relevance?.find([...tools.values()], {
    ...{ query, describe, signal },
    ...asksFor(visitor),
  })
  const unavailable = [...new Set(found.flatMap((one) => one.unavailable))]
  return { unavailable, tools: relevant?.tools ?? [...tools.values()], notes: relevant?.notes ?? [] }
}

async function toolsOf(
  hub: OpenHub,
  visitor: Visitor,
  { servers, param, allowedTools, headers: own, runs }: McpEntry,
  headers: IncomingHttpHeaders,
): Promise<Omit<McpTools, 'notes'>> {
  const unknown = servers?.find((name) => !hub.catalog.knows(name))
  if (unknown !== undefined) throw invalid(param, `There is no MCP server or access group "${unknown.slice(0, 100)}".`)
  const all = headersOf(headers, own)
  const who = arrivingClient(hub, visitor, (name) => all.get(name) ?? undefined)
  const lists = ['x-mcp-servers', 'x-mcp-access-groups'].map((name) => namesIn(all.get(name) ?? undefined))
  const client = narrowed(who, servers, ...lists)
  const view = await hub.catalog.view(client.filter)
  const tools = view.tools.flatMap((tool): readonly OwnTool[] => {
    const names = [tool.name, view.tool(tool.name)?.name ?? tool.name]
    if (allowedTools !== undefined && !names.some((name) => allowedTools.includes(name))) return []
    const run: OwnTool['run'] = (input, signal) =>
      hub.callTool(client, { name: tool.name, arguments: input }, { signal, headers: all }).catch(toldToModel)
    return [{ definition: functionOf(tool), run: runs(names) ? run : undefined }]
  })
  return { tools, unavailable: view.unavailable }
}

/** What a server answers is cleaned of secrets, so it may be told. */
function toldToModel(error: unknown): never {
  if (error instanceof McpServerError && !isGatewayError(error)) throw new GatewayError('upstream_error', error.message)
  throw error
}

function functionOf({ name, description, inputSchema }: Tool): FunctionTool {
  const { $schema: _dialect, ...parameters } = inputSchema
  return { type: 'function', function: { name, ...(description !== undefined && { description }), parameters } }
}

function headersOf(headers: IncomingHttpHeaders, own: Readonly<Record<string, string>>): Headers {
  const all = new Headers()
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) all.set(name, value.toString())
  for (const [name, value] of Object.entries(own)) all.set(name, value)
  return all
}
