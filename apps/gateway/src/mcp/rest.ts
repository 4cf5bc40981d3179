import { GatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import type { Client } from '@tianjillm/mcp'
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

/** What the newer protocol wants to know of who asks. */
const REVISION = '2026-07-28'
const envelope = {
  'io.modelcontextprotocol/protocolVersion': REVISION,
  'io.modelcontextprotocol/clientInfo': { name: 'mcp-rest', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** JSON-RPC's code for what is not there. */
const INVALID_PARAMS = -32602

/**
 * Calls a tool of `{name, arguments, server_id?}` as a client of the protocol would, and gives its result. Rejects with
 * GatewayError.
 */
export async function callTool(hub: OpenHub, client: Client, body: unknown, headers: Headers): Promise<JsonObject> {
  if (!isJsonObject(body) || typeof body.name !== 'string' || body.name === '')
    throw new GatewayError('invalid_request', 'Which tool? Give its name.', { param: 'name' })
  const { name, arguments: given = {}, server_id: server } = body
  if (!isJsonObject(given))
    throw new GatewayError('invalid_request', 'arguments: expected an object.', { param: 'arguments' })
  const message = {
    ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
    params: { name, arguments: given, _meta: envelope },
  }
  const all = new Headers(headers)
  for (const gone of ['mcp-session-id', 'content-length']) all.delete(gone)
  for (const [key, value] of [
    ['accept', 'application/json, text/event-stream'],
    ['content-type', 'application/json'],
    ['mcp-protocol-version', REVISION],
    ['mcp-method', 'tools/call'],
    ['mcp-name', encoded(name)],
  ] as const)
    all.set(key, value)
  const who = narrowed(client, typeof server === 'string' ? [server] : undefined)
  const request = new Request('http://localhost/mcp', { method: 'POST', headers: all })
  const answer = (await (await hub.endpoint.fetch(request, { who, parsedBody: message })).json()) as JsonObject
  if (isJsonObject(answer.error)) throw errorOf(answer.error)
  const { resultType: _type, ...result } = answer.result as JsonObject
  return result
}

/** A header holds no more than ASCII. https://modelcontextprotocol.io/specification/2026-07-28/basic/transports */
function encoded(name: string): string {
  return /^[\x21-\x7e]+$/.test(name) ? name : `=?base64?${Buffer.from(name).toString('base64')}?=`
}

function errorOf({ code, message }: JsonObject): GatewayError {
  const text = String(message)
  if (code === INVALID_PARAMS)
    return new GatewayError(text.startsWith('Unknown tool') ? 'not_found' : 'invalid_request', text)
  return new GatewayError(text.startsWith('MCP server unavailable') ? 'upstream_unreachable' : 'upstream_error', text)
}
