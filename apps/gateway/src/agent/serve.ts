import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { agentError, createAgent } from '@tianjillm/agent'
import { GatewayError, isJsonObject, type JsonObject, parseJson } from '@tianjillm/core'
import { asGatewayError, Cancellation } from '@tianjillm/engine'
import * as v from 'valibot'
import type { Gateway } from '../gateway.ts'
import type { GatewayContext } from '../http/app.ts'
import { readBody } from '../http/body.ts'
import { callerOf, refuse } from '../http/call-route.ts'
import { headersOf, pairsOf } from '../http/mcp.ts'
import { demandShape } from '../http/requests.ts'
import { errorHeaders } from '../http/respond.ts'
import type { Visitor } from '../inner-call.ts'
import { demandOwnSite } from '../mcp/foreign.ts'
import { originOf } from '../mcp/oauth/origin.ts'
import { ownerOf } from '../mcp/oauth/owner.ts'
import { askAgent } from './ask.ts'
import { householdOf } from './client-address.ts'
import { agentHealth } from './health.ts'
import type { AgentOffer } from './offer.ts'
import { streamQuery } from './stream-query.ts'
import { providersFor } from './visitor-providers.ts'
import { toolsFor } from './visitor-tools.ts'
import { agentErrorBody, answerBody, sessionBody, toolsBody } from './wire.ts'

/** A request of somebody who has been let in. */
export interface AgentRequest {
  readonly offer: AgentOffer
  readonly visitor: Visitor
  readonly context: GatewayContext
  readonly id: string
  readonly signal: AbortSignal
  /** For the answer, whatever it is. */
  readonly headers: Readonly<Record<string, string>>
  /** The JSON body. Rejects with GatewayError. */
  body(): Promise<JsonObject>
  /** Notes what went wrong, for who is to be told so in an answer that has begun. */
  fail(cause: unknown): GatewayError
}

/** A route of the agent; `health` is everybody's. */
export type AgentRoute = 'query' | 'tools' | 'sessions' | 'session' | 'health'

type Methods = Readonly<Record<string, (request: AgentRequest) => Promise<Response>>>

/** What is served, by route and method. */
const served: Readonly<Record<Exclude<AgentRoute, 'health'>, Methods>> = {
  query: { POST: answerQuery },
  tools: { GET: listTools },
  sessions: { POST: beginSession },
  session: { GET: showSession, DELETE: endSession },
}

/** Serves a route of the agent. Never rejects. */
export async function serveAgent(
  gateway: Gateway,
  offer: AgentOffer,
  route: AgentRoute,
  context: GatewayContext,
): Promise<Response> {
  return route === 'health' ? showHealth(gateway, offer, context) : enter(gateway, offer, served[route], context)
}

/** Judges who asks before anything is read. */
async function enter(
  gateway: Gateway,
  offer: AgentOffer,
  methods: Methods,
  context: GatewayContext,
): Promise<Response> {
  const { incoming, outgoing } = context.env
  const { engine, books, access, admission } = gateway
  const id = engine.host.uuid()
  const cancellation = new Cancellation()
  const entry = books.enter(id, context.req.path, incoming, outgoing, cancellation)
  const limits: string[] = []
  let headers: Record<string, string> = { 'x-request-id': id }
  const fail = (cause: unknown) => {
    const error = gateway.redact(asGatewayError(cause))
    entry.fail(error)
    return error
  }
  try {
    const { headers: counts, refusal } = await offer.rates.count(householdOf(offer.addressOf(incoming)))
    headers = { ...headers, ...counts }
    if (refusal !== undefined) throw refusal
    if (!books.isOpen) throw new GatewayError('shutting_down', 'The gateway is shutting down. Send the request again.')
    demandOwnSite(incoming, access.isOpen)
    const identity = await access.authenticate(incoming)
    const serve = methods[String(incoming.method)]
    if (serve === undefined) throw wrongMethod(incoming, methods)
    await admission.ofCaller(identity, limits, entry)
    entry.admit(gateway.mostCalls)
    headers = { ...Object.fromEntries(pairsOf(limits)), ...headers }
    const visitor: Visitor = {
      ...{ gateway, identity, caller: callerOf(gateway, identity.caller, incoming, {}), traceId: id },
      route: context.req.path.startsWith('/api/session/') ? '/api/session' : context.req.path,
      origin: originOf(incoming, engine.host.env),
      isOutside: gateway.mcp?.offer.isOutside(incoming),
    }
    return await serve({
      ...{ offer, visitor, context, id, headers, signal: cancellation.signal },
      body: () => jsonOf(context, gateway),
      fail,
    })
  } catch (cause) {
    const error = fail(cause)
    refuse(incoming, outgoing, () => {})
    const allow = error.kind === 'method_not_allowed' && { allow: Object.keys(methods).join(', ') }
    const all = { ...headers, ...errorHeaders(error), ...allow }
    return Response.json(agentErrorBody(error, id), { status: error.status, headers: all })
  }
}

const text = v.pipe(v.string(), v.nonEmpty('must not be empty'))
const uuid = v.pipe(v.string(), v.uuid('must be a UUID'))

const query = v.looseObject({
  content: v.string(),
  session_id: v.nullish(uuid),
  provider: v.nullish(text),
  model: v.nullish(text),
  transport: v.nullish(v.string()),
  stream: v.nullish(v.boolean()),
})

async function answerQuery(request: AgentRequest): Promise<Response> {
  const { offer, visitor, context, signal, headers } = request
  const { session_id, provider, model, transport, ...asked } = demandShape(query, await request.body())
  const leave = await offer.desk.places.enter(offer.mostQueries, signal)
  const wish = {
    ...{ content: asked.content, signal, headers: headersOf(context.env.incoming) },
    ...{ sessionId: session_id?.toLowerCase(), provider: provider ?? undefined },
    ...{ model: model ?? undefined, transport: transport ?? undefined },
  }
  try {
    if (asked.stream === true) return await streamQuery(request, wish)
    return Response.json(answerBody(await askAgent(visitor, offer, wish)), { headers })
  } finally {
    leave()
  }
}

async function listTools({ offer, visitor, context, signal, headers }: AgentRequest): Promise<Response> {
  const { settings, engine } = offer
  const mcp = toolsFor(visitor, { headers: headersOf(context.env.incoming) })
  const agent = await createAgent({ providers: [], mcp, transports: settings.transports, log: engine.host.log })
  const transport = context.req.query('transport')
  // The agent refuses those that there are not.
  const tools = await agent.tools({ transport: transport as 'stdio' | undefined }, signal)
  return Response.json(toolsBody(tools), { headers })
}

/** Levels that a context may have. */
const DEEPEST = 20

const contextShape = v.custom<JsonObject>(
  (value) => isJsonObject(value) && isShallow(value, DEEPEST),
  `must be an object, nested no deeper than ${DEEPEST} levels`,
)

const session = v.looseObject({
  provider_preference: v.nullish(text),
  max_messages: v.nullish(v.number()),
  context: v.nullish(contextShape),
})

async function beginSession({ offer, visitor, headers, body }: AgentRequest): Promise<Response> {
  const { provider_preference: preference, max_messages: maxMessages, context } = demandShape(session, await body())
  const agent = await offer.open()
  const providers = preference == null ? [] : providersFor(visitor, offer, { provider: preference }).providers
  const begun = await agent.createSession({
    ...{ owner: ownerOf(visitor.identity), providers },
    ...{ providerPreference: preference ?? undefined, maxMessages: maxMessages ?? undefined },
    context: context ?? undefined,
  })
  return Response.json(sessionBody(begun), { status: 201, headers })
}

async function showSession({ offer, visitor, context, headers }: AgentRequest): Promise<Response> {
  const agent = await offer.open()
  const found = await agent.session(ownerOf(visitor.identity), sessionIn(context))
  return Response.json(sessionBody(found), { headers })
}

async function endSession({ offer, visitor, context, headers }: AgentRequest): Promise<Response> {
  const agent = await offer.open()
  const owner = ownerOf(visitor.identity)
  const found = await agent.session(owner, sessionIn(context))
  await agent.deleteSession(owner, found.id)
  return Response.json(sessionBody(found), { headers })
}

/** What is no UUID is no session, and a database need not be asked for it. */
function sessionIn({ req }: GatewayContext): string {
  const id = String(req.param('id'))
  if (!v.is(uuid, id))
    throw agentError('not_found', 'SESSION_NOT_FOUND', `There is no session "${String(id).slice(0, 100)}".`)
  return id.toLowerCase()
}

function showHealth(gateway: Gateway, offer: AgentOffer, { env }: GatewayContext): Response {
  const { incoming, outgoing } = env
  const isRead = incoming.method === 'GET' || incoming.method === 'HEAD'
  if (isRead) {
    const health = agentHealth(gateway, offer)
    return Response.json(health, { status: health.status === 'unhealthy' ? 503 : 200 })
  }
  refuse(incoming, outgoing, () => {})
  const error = wrongMethod(incoming, { GET: undefined })
  const body = agentErrorBody(error, gateway.engine.host.uuid())
  return Response.json(body, { status: error.status, headers: { allow: 'GET' } })
}

function wrongMethod({ method }: IncomingMessage, methods: object): GatewayError {
  return new GatewayError('method_not_allowed', `This route takes ${Object.keys(methods).join(', ')}, not ${method}.`)
}

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1))
}

/** An empty body is an object without fields. */
async function jsonOf({ env: { incoming, outgoing } }: GatewayContext, gateway: Gateway): Promise<JsonObject> {
  const type = incoming.headers['content-type']
  if (!/^application\/json\b/i.test(type ?? ''))
    throw new GatewayError('unsupported_media_type', 'Send JSON, with the content-type application/json.')
  if (incoming.headers.expect !== undefined) outgoing.writeContinue()
  const bytes = await readBody(incoming, gateway.bodyLimit(type))
  if (!isUtf8(bytes)) throw new GatewayError('invalid_request', 'The request body is not valid UTF-8.')
  if (bytes.length === 0) return {}
  const value = parseJson(bytes.toString())
  if (!isJsonObject(value)) throw new GatewayError('invalid_request', 'The request body must be a JSON object.')
  return value
}
