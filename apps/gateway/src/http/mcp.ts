import type { IncomingMessage } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { GatewayError, isGatewayError, isJsonObject, type JsonObject, parseJson } from '@tianjillm/core'
import { asGatewayError, Cancellation } from '@tianjillm/engine'
import type { Client } from '@tianjillm/mcp'
import type { Identity } from '../admission/identity.ts'
import type { Gateway } from '../gateway.ts'
import type { Visitor } from '../inner-call.ts'
import { arrivingClient, namesIn, narrowed } from '../mcp/client-of.ts'
import { demandOwnSite } from '../mcp/foreign.ts'
import type { OpenHub } from '../mcp/hub.ts'
import { originOf } from '../mcp/oauth/origin.ts'
import { demandToken, isOpenTo } from '../mcp/oauth/passthrough.ts'
import { callToolOf, listTools } from '../mcp/rest.ts'
import { errorResponse, type GatewayApp, type GatewayContext, refuseMethod } from './app.ts'
import { readBody } from './body.ts'
import { callerOf, refuse } from './call-route.ts'
import { challengeOf } from './mcp-oauth.ts'
import { sendWhole } from './respond.ts'

/** JSON-RPC's code. https://www.jsonrpc.org/specification#error_object */
const PARSE_ERROR = -32700

/** Where clients find the MCP servers: all of them, some by their names in the path, and by older ways. */
export function mcpRoutes(app: GatewayApp, gateway: () => Gateway): void {
  const answer = (path: string, methods: string, serve: (entered: Entered) => Promise<Response>) =>
    app.all(path, (context) => {
      const method = String(context.env.incoming.method)
      // The protocol says itself which methods it has.
      return methods === '' || methods.split(', ').includes(method)
        ? enter(gateway(), context, serve)
        : refuseMethod(method, methods)
    })

  for (const [stream, messages] of [
    ['/mcp/sse', '/mcp/sse/messages'],
    ['/sse', '/messages'],
  ] as const) {
    answer(stream, 'GET', (entered) => openStream(entered, messages))
    answer(messages, 'POST', postMessage)
  }
  answer('/mcp-rest/tools/list', 'GET', async (entered) => {
    const { hub, client, context } = entered
    return sendJson(entered, await listTools(hub, client, context.req.query('server_id')))
  })
  answer('/mcp-rest/tools/call', 'POST', async (entered) => {
    const { hub, client, context, body, signal } = entered
    const options = { headers: headersOf(context.env.incoming), signal }
    return sendJson(entered, await callToolOf(body, { hub, client }, options))
  })
  for (const path of ['/mcp', '/mcp/', '/mcp/:servers', '/mcp/:servers/', '/:servers/mcp', '/:servers/mcp/'])
    answer(path, '', serveHttp)
}

/** A request of somebody who may make it. */
interface Entered {
  readonly hub: OpenHub
  readonly client: Client
  readonly context: GatewayContext
  /** Undefined for GET and DELETE, and for what is no JSON. */
  readonly body: unknown
  readonly signal: AbortSignal
  /** What limits say of themselves. */
  readonly headers: readonly string[]
}

/** Judges who asks before anything is read. */
async function enter(
  gateway: Gateway,
  context: GatewayContext,
  serve: (entered: Entered) => Promise<Response>,
): Promise<Response> {
  const { incoming, outgoing } = context.env
  const id = gateway.engine.host.uuid()
  const headers = ['x-request-id', id]
  const cancellation = new Cancellation()
  // A stream that waits for news is no call under way: it does not hold up a gateway that stops.
  const isStream = incoming.method === 'GET'
  const entry = isStream
    ? { hold: () => {} }
    : gateway.books.enter(id, context.req.path, incoming, outgoing, cancellation)
  if (isStream) outgoing.once('close', () => cancellation.abort('The client closed the connection.'))
  try {
    if (!gateway.books.isOpen)
      throw new GatewayError('shutting_down', 'The gateway is shutting down. Send the request again.')
    demandOwnSite(incoming, gateway.access.isOpen)
    const { mcp } = gateway
    const identity = await whoAsks(gateway, context)
    if (mcp === undefined) throw new GatewayError('not_found', 'No MCP servers are configured: see mcp_servers.')
    await gateway.admission.ofCaller(identity, headers, entry)
    if ('admit' in entry) entry.admit(gateway.mostCalls)
    const hub = await mcp.open()
    const caller = callerOf(gateway, identity.caller, incoming, {})
    const visitor: Visitor = {
      ...{ gateway, identity, caller, route: routeOf(context), traceId: traceOf(incoming) ?? id },
      origin: originOf(incoming, gateway.engine.host.env),
      isOutside: mcp.offer.isOutside(incoming),
    }
    const arrived = arrivingClient(hub, visitor, (name) => incoming.headers[name]?.toString())
    const client = clientFor(hub, arrived, context)
    await demandToken(hub, client, namesIn(context.req.param('servers')))
    const body = incoming.method === 'POST' ? await jsonOf(incoming, gateway) : undefined
    // Older clients may send several calls as one request, which is more than one to limits.
    for (let further = callsIn(body) - 1; further > 0; further--) {
      const asking = gateway.admission.ofCaller(identity, headers, entry)
      if (asking !== undefined) await asking
    }
    const response = await serve({ hub, client, context, body, signal: cancellation.signal, headers })
    for (let index = 0; index < headers.length; index += 2)
      if (response !== RESPONSE_ALREADY_SENT) response.headers.set(headers[index]!, headers[index + 1]!)
    return response
  } catch (cause) {
    const error = gateway.redact(asGatewayError(cause))
    if ('fail' in entry) entry.fail(error)
    refuse(incoming, outgoing, () => {})
    const challenge = error.status === 401 && { 'www-authenticate': challengeOf(gateway, incoming) }
    return errorResponse(error, { ...Object.fromEntries(pairsOf(headers)), ...challenge })
  }
}

/** Whoever the gateway does not know is let through to servers that judge everybody themselves. */
async function whoAsks({ access, mcp }: Gateway, { req, env: { incoming } }: GatewayContext): Promise<Identity> {
  try {
    return await access.authenticate(incoming)
  } catch (error) {
    const names = namesIn(req.param('servers'))
    const hasKey = incoming.headers['x-litellm-api-key'] !== undefined || !isUnknownKey(error)
    if (mcp === undefined || names === undefined || hasKey) throw error
    if (isOpenTo(await mcp.open(), names, mcp.offer.isOutside(incoming))) return access.stranger
    throw error
  }
}

/** Whether it may be somebody else's: one that is known and no longer good is still the gateway's own. */
function isUnknownKey(error: unknown): boolean {
  return isGatewayError(error) && error.kind === 'invalid_api_key' && !ofKnownKeys.has(error.facts.code)
}

const ofKnownKeys: ReadonlySet<unknown> = new Set(['key_blocked', 'expired_key'])

function callsIn(body: unknown): number {
  return Array.isArray(body)
    ? body.filter((message) => isJsonObject(message) && message.method === 'tools/call').length
    : 1
}

/** As reports have it: whatever it is narrowed to, it is one route. */
function routeOf({ req: { path } }: GatewayContext): string {
  return path.startsWith('/mcp-rest/') ? path : '/mcp'
}

function traceOf({ headers }: IncomingMessage): string | undefined {
  return headers['x-litellm-trace-id']?.toString()
}

/** Narrowed by its path, or else by headers. */
function clientFor({ catalog }: OpenHub, client: Client, { req, env: { incoming } }: GatewayContext): Client {
  const named = namesIn(req.param('servers'))
  if (named !== undefined) {
    const unknown = named.find((name) => !catalog.knows(name))
    if (unknown !== undefined || named.length === 0)
      throw new GatewayError('not_found', `There is no MCP server or access group "${unknown?.slice(0, 100) ?? ''}".`)
    return narrowed(client, named)
  }
  const header = (name: string) => namesIn(incoming.headers[name]?.toString())
  return narrowed(client, header('x-mcp-servers'), header('x-mcp-access-groups'))
}

async function serveHttp({ hub, client, context, body, signal, headers }: Entered): Promise<Response> {
  const { incoming, outgoing } = context.env
  if (incoming.method === 'POST' && body === undefined) return notJson()
  const request = { method: incoming.method!, url: context.req.url, headers: headersOf(incoming), signal }
  const response = await hub.endpoint.fetch(request, { who: client, ...(body !== undefined && { parsedBody: body }) })
  const { status } = response
  const { 'content-type': type = '', ...others } = Object.fromEntries(response.headers)
  // A text goes out in one piece, at once; a stream is looked at first. Headers of the SDK's responses cannot be added to.
  if (!type.startsWith('application/json')) return new Response(response.body, { status, headers: response.headers })
  const text = Buffer.from(await response.arrayBuffer())
  if (!outgoing.destroyed) sendWhole(outgoing, status, type, text, [...headers, ...Object.entries(others).flat()])
  return RESPONSE_ALREADY_SENT
}

function sendJson({ context, headers }: Entered, value: JsonObject): Response {
  const { outgoing } = context.env
  const body = Buffer.from(JSON.stringify(value))
  if (!outgoing.destroyed) sendWhole(outgoing, 200, 'application/json', body, headers)
  return RESPONSE_ALREADY_SENT
}

function notJson(): Response {
  const error = { code: PARSE_ERROR, message: 'Parse error: the request body is not valid JSON.' }
  return Response.json({ jsonrpc: '2.0', error, id: null }, { status: 400 })
}

async function openStream({ hub, client, context, headers }: Entered, messages: string): Promise<Response> {
  const { outgoing } = context.env
  for (const [name, value] of pairsOf(headers)) outgoing.setHeader(name, value)
  await hub.sse.open(outgoing, client, messages)
  return RESPONSE_ALREADY_SENT
}

async function postMessage({ hub, client, context, body }: Entered): Promise<Response> {
  const session = context.req.query('sessionId') ?? context.req.query('session_id') ?? ''
  const request = new Request(context.req.url, { headers: headersOf(context.env.incoming) })
  const delivery = await hub.sse.post(session, client, body, request)
  if (delivery === 'accepted') return new Response('Accepted', { status: 202 })
  if (delivery === 'unknown') throw new GatewayError('not_found', 'There is no such session.')
  throw new GatewayError('invalid_request', 'This is no JSON-RPC message.')
}

/** Undefined for what is no JSON: each way has its own words for that. */
async function jsonOf(incoming: IncomingMessage, gateway: Gateway): Promise<unknown> {
  const type = incoming.headers['content-type']
  if (!/^application\/json\b/i.test(type ?? ''))
    throw new GatewayError('unsupported_media_type', 'Send JSON, with the content-type application/json.')
  const bytes = await readBody(incoming, gateway.bodyLimit(type))
  return parseJson(bytes.toString())
}

/** Those that node joined are one; a header that is there several times is told once, with commas. */
export function headersOf({ headers }: IncomingMessage): Headers {
  const all = new Headers()
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) all.set(name, value.toString())
  return all
}

/** Names and values, out of a list of both in turn. */
export function pairsOf(headers: readonly string[]): readonly (readonly [string, string])[] {
  return headers.flatMap((name, index) => (index % 2 === 0 ? [[name, headers[index + 1]!] as const] : []))
}
