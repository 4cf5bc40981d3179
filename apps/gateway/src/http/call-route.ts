import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Caller, GatewayError, type JsonObject, type OperationName } from '@tianjillm/core'
import {
  type Arrival,
  type Asked,
  asGatewayError,
  CallRecord,
  Cancellation,
  type Deployment,
  fallbacksIn,
  LiveCall,
  run,
} from '@tianjillm/engine'
import type { Identity } from '../admission/identity.ts'
import type { Gateway } from '../gateway.ts'
import { runWithTools, wantsTools } from '../tool-loop/wants-tools.ts'
import { discard, readBody } from './body.ts'
import type { HeaderList } from './headers.ts'
import { takenIn } from './intake.ts'
import { patienceOf } from './patience.ts'
import { namesPrompt, prompted } from './prompted.ts'
import { type Arrived, parseRequest, readRequest } from './requests.ts'
import { respond, respondError } from './respond.ts'

/** Letters of one: a client may make up a long name for a model. */
const LONGEST_HEADER = 512

/** Names of groups whose headers are kept for one deployment. */
const MOST_GROUPS = 100

/** What a route asks for. */
export interface CallRoute {
  readonly operation: OperationName
  /** Path as the client called it. */
  readonly path: string
  /** Model in the path. */
  readonly model?: string | undefined
}

/** One call from its first byte to its last: who asks, what, the answer. Never throws. */
export async function serveCall(
  gateway: Gateway,
  route: CallRoute,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  let begun = performance.now()
  const id = idOf(incoming, gateway)
  const headers = ['x-request-id', id, 'x-litellm-call-id', id, 'x-tianji-call-id', id]
  const cancellation = new Cancellation()
  const entry = gateway.books.enter(id, route.path, incoming, outgoing, cancellation)
  let record: CallRecord | undefined
  try {
    if (!gateway.books.isOpen)
      throw new GatewayError('shutting_down', 'The gateway is shutting down. Send the request again.')
    const asking = gateway.access.authenticate(incoming)
    const identity = asking instanceof Promise ? await asking : asking
    const entering = gateway.admission.ofCaller(identity, headers, entry)
    if (entering !== undefined) await entering
    entry.admit(gateway.mostCalls)
    if (incoming.headers.expect !== undefined) outgoing.writeContinue()
    const sending = performance.now()
    const bytes = await readBody(incoming, gateway.bodyLimit(incoming.headers['content-type']))
    // The client's time, not the gateway's.
    begun += performance.now() - sending
    const arrived = parseRequest(route.operation, bytes, incoming.headers['content-type'] ?? '')
    const whole = namesPrompt(gateway, route, arrived.input)
      ? await prompted(gateway, route, arrived, { id, caller: identity.caller, cancellation })
      : arrived
    const asked = askedOf(gateway, route, incoming, whole)
    const model = String(asked.input.model)
    const models = route.operation === 'search' ? [] : [model, ...(fallbacksIn(asked.input) ?? [])]
    for (const name of models) identity.demandUse(name)
    const caller = callerOf(gateway, identity.caller, incoming, asked.input)
    const arrival = arrivalOf(route, identity, incoming, asked.input, id)
    const going = gateway.admission.ofRequest(identity, { caller, model, models, tags: arrival.tags }, headers, entry)
    if (going !== undefined) await going
    const call = new LiveCall(gateway.engine.host, {
      id,
      operation: route.operation,
      model,
      caller,
      metadata: metadataOf(identity, asked.input),
      cancellation,
    })
    record = new CallRecord(arrival, call)
    entry.note(record)
    const answer = await (wantsTools(gateway, route, asked.input)
      ? runWithTools({ gateway, identity, call, asked, record, incoming })
      : run(gateway.engine, call, asked, record))
    await respond(outgoing, answer, [...headers, ...headersOf(record, begun)])
  } catch (cause) {
    const error = gateway.redact(asGatewayError(cause))
    entry.fail(error)
    const known = record === undefined ? [] : headersOf(record, begun)
    refuse(incoming, outgoing, () => respondError(outgoing, error, [...headers, ...known]))
  }
}

/** What the client asks for, as the operator wants it. Throws GatewayError `invalid_request`. */
function askedOf(gateway: Gateway, route: CallRoute, { headers }: IncomingMessage, arrived: Arrived): Asked {
  const { intake } = gateway
  const { operation } = route
  const model = intake?.models[operation]
  const facts = model === undefined ? route : { ...route, model }
  const asked = readRequest(facts, arrived, defaultModel(gateway, route))
  return intake === undefined ? asked : takenIn(intake, operation, asked, headers)
}

/** The only search tool, for a search that names none. Without any tool the engine says that there is none. */
function defaultModel({ engine }: Gateway, { operation }: CallRoute): string | undefined {
  if (operation !== 'search') return undefined
  const [only = 'none', second] = engine.searchRouter.groups.exact.keys()
  return second === undefined ? only : undefined
}

/** Answers early. A client that waits to be asked for its body is not asked. */
export function refuse(incoming: IncomingMessage, outgoing: ServerResponse, answer: () => void): void {
  const hasBody =
    incoming.headers['content-length'] !== undefined || incoming.headers['transfer-encoding'] !== undefined
  if (hasBody && !incoming.complete && !outgoing.headersSent) {
    if (incoming.headers.expect !== undefined) outgoing.setHeader('connection', 'close')
    discard(incoming)
  }
  answer()
}

/** The client's own id when it is harmless, so that it can find the call in our logs. */
function idOf(incoming: IncomingMessage, gateway: Gateway): string {
  const given =
    incoming.headers['x-litellm-call-id'] ?? incoming.headers['x-tianji-call-id'] ?? incoming.headers['x-request-id']
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : gateway.engine.host.uuid()
}

/** Who calls, with what this request says of it. */
export function callerOf({ access }: Gateway, caller: Caller, incoming: IncomingMessage, input: JsonObject): Caller {
  const endUser = access.endUserOf(incoming.headers) ?? input.user
  const userAgent = incoming.headers['user-agent']
  const ip = incoming.socket.remoteAddress
  return {
    ...caller,
    ...(typeof endUser === 'string' && { endUserId: endUser }),
    ...(ip !== undefined && { ip }),
    ...(userAgent !== undefined && { userAgent }),
  }
}

function arrivalOf(
  route: CallRoute,
  { tags: own }: Identity,
  incoming: IncomingMessage,
  input: JsonObject,
  id: string,
): Arrival {
  const trace = input.litellm_trace_id ?? incoming.headers['x-litellm-trace-id']
  const named = input.tags ?? objectAt(input, 'metadata').tags ?? incoming.headers['x-litellm-tags']
  const tags = named === undefined ? own : [...own, ...tagsIn(named)]
  return {
    route: route.path,
    traceId: typeof trace === 'string' ? trace : id,
    tags,
    cacheControl: incoming.headers['cache-control'],
    patience: patienceOf(incoming.headers, input),
  }
}

/** Out of a list, or a text with commas. */
function tagsIn(named: unknown): readonly string[] {
  const tags: readonly unknown[] = typeof named === 'string' ? named.split(',') : Array.isArray(named) ? named : []
  return tags.flatMap((tag) => (typeof tag === 'string' && tag.trim() !== '' ? [tag.trim()] : []))
}

/** What the key says of its calls comes before what a client says. */
function metadataOf({ metadata }: Identity, input: JsonObject): JsonObject {
  const own = objectAt(input, 'litellm_metadata', 'tianji_metadata', 'metadata')
  return metadata === undefined ? own : { ...own, ...metadata }
}

function objectAt(input: JsonObject, ...names: readonly string[]): JsonObject {
  for (const name of names) {
    const value = input[name]
    if (typeof value === 'object' && value !== null) return value as JsonObject
  }
  return {}
}

/** What is known of a call when its answer begins, or when it has failed. `begun` is when it came, in ms of node's clock. */
function headersOf(record: CallRecord, begun: number): HeaderList {
  const { deployment, modelGroup, attempts, fallbacks, guardrails, notes, vendorTime, cost } = record
  const route = deployment ? routeHeaders(deployment, modelGroup) : []
  const names = guardrails.length > 0 ? [...new Set(guardrails.map(({ name }) => name))].join(',') : undefined
  const total = performance.now() - begun
  return [
    ...route,
    ...twice('attempted-retries', String(Math.max(0, attempts - 1 - fallbacks))),
    ...twice('attempted-fallbacks', String(fallbacks)),
    ...(names === undefined ? [] : twice('applied-guardrails', names)),
    ...(cost === undefined ? [] : twice('response-cost', String(cost))),
    ...notes.flatMap(([name, value]) => twice(name, value)),
    ...twice('response-duration-ms', rounded(total)),
    ...twice('overhead-duration-ms', rounded(total - vendorTime)),
  ]
}

function rounded(milliseconds: number): string {
  return String(Math.round(milliseconds * 1000) / 1000)
}

const knownRouteHeaders = new WeakMap<Deployment, Map<string, HeaderList>>()

/** What stays the same for all calls of a group to a deployment, made once. Wildcard groups may have any number of names. */
function routeHeaders(deployment: Deployment, group: string): HeaderList {
  let byGroup = knownRouteHeaders.get(deployment)
  if (byGroup === undefined) {
    byGroup = new Map()
    knownRouteHeaders.set(deployment, byGroup)
  }
  let headers = byGroup.get(group)
  if (headers === undefined) {
    headers = [...twice('model-id', deployment.id), ...twice('model-group', group)]
    if (byGroup.size < MOST_GROUPS) byGroup.set(group, headers)
  }
  return headers
}

/** In LiteLLM's spelling and in ours. */
function twice(name: string, value: string): HeaderList {
  const safe = value.slice(0, LONGEST_HEADER).replace(/[^\x20-\x7e]/g, '?')
  return [`x-litellm-${name}`, safe, `x-tianji-${name}`, safe]
}
