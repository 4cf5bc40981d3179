import { GatewayError, isGatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import type { Client, McpServerError, ToolCallOptions } from '@tianjillm/mcp'
import { narrowed } from './client-of.ts'
import type { OpenHub } from './hub.ts'

/** The tools that somebody may use, by the servers' own names of them, as LiteLLM lists them. */
export async function listTools({ catalog }: OpenHub, client: Client, server?: string): Promise<JsonObject> {
  if (server !== undefined && !catalog.knows(server))
    return { tools: [], error: 'server_not_found', message: `There is no MCP server "${server.slice(0, 100)}".` }
  const view = await catalog.view(narrowed(client, server === undefined ? undefined : [server]).filter)
  const tools = view.tools.flatMap((tool) => {
    const found = view.tool(tool.name)
    if (found === undefined) return []
    const { name, source } = found
    return [{ ...tool, name, mcp_info: { server_name: source.upstream.name, ...source.about } }]
  })
  const { unavailable } = view
  if (unavailable.length === 0) return { tools, error: null, message: `${tools.length} tools` }
  const error = tools.length === 0 ? 'server_error' : 'partial_failure'
  return { tools, error, message: `These MCP servers cannot be used now: ${unavailable.join(', ')}.` }
}

/** JSON-RPC's code for what is not there. */
const INVALID_PARAMS = -32602

/** Calls a tool of `{name, arguments, server_id?}` and gives its result. Rejects with GatewayError. */
export async function callToolOf(
  body: unknown,
  { hub, client }: { readonly hub: OpenHub; readonly client: Client },
  options: ToolCallOptions,
): Promise<JsonObject> {
  if (!isJsonObject(body) || typeof body.name !== 'string' || body.name === '')
    throw new GatewayError('invalid_request', 'Which tool? Give its name.', { param: 'name' })
  const { name, arguments: given = {}, server_id: server } = body
  if (!isJsonObject(given))
    throw new GatewayError('invalid_request', 'arguments: expected an object.', { param: 'arguments' })
  const who = narrowed(client, typeof server === 'string' ? [server] : undefined)
  try {
    return await hub.callTool(who, { name, arguments: given }, options)
  } catch (error) {
    throw error instanceof Error ? inHttp(error) : error
  }
}

/** An error of the protocol as one of HTTP. */
function inHttp(error: Error): Error {
  if (error.name !== 'McpServerError') return error
  if (isGatewayError(error.cause)) return error.cause
  const { code, message } = error as McpServerError
  if (code !== INVALID_PARAMS) return new GatewayError('upstream_error', message)
  return new GatewayError(message.startsWith('Unknown tool') ? 'not_found' : 'invalid_request', message)
}
