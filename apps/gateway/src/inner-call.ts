import { type Caller, GatewayError, type JsonObject, type OperationName } from '@tianjillm/core'
import {
  type Answer,
  asGatewayError,
  CallRecord,
  Cancellation,
  fallbacksIn,
  LiveCall,
  objectIn,
  run,
} from '@tianjillm/engine'
import type { Place } from './admission/admission.ts'
import type { Identity } from './admission/identity.ts'
import type { Gateway } from './gateway.ts'
import { namesPrompt, prompted } from './http/prompted.ts'
import { readRequest } from './http/requests.ts'

/** Somebody who has been let in, and the gateway that did. */
export interface Visitor {
  readonly gateway: Gateway
  readonly identity: Identity
  /** Who they are, with what their request says of it. */
  readonly caller: Caller
  /** The request in whose course they call: its route, and the id of all that belongs to it. */
  readonly route?: string | undefined
  readonly traceId?: string | undefined
  /** `guardrails` of that request, which judge tools that are called in its course as well. */
  readonly guardrails?: unknown
  /** Whether who calls for them has calls of tools in the log already. Default false. */
  readonly hasOwnLog?: boolean | undefined
  /** By which name MCP servers know them, with what they have brought along; default: that of their key or user. */
  readonly owner?: string | undefined
  /** Whether they come from outside, where not all MCP servers are to be seen. Default false. */
  readonly isOutside?: boolean | undefined
  /** The gateway's address as their client knows it; undefined when they have not come over HTTP. */
  readonly origin?: string | undefined
}

/** A call that is made for somebody in the course of a request of another kind. */
export interface InnerCall {
  readonly operation: OperationName
  readonly input: JsonObject
  /** The group that is asked, or the search tool. */
  readonly model: string
  /** Route that reports have. */
  readonly route: string
  readonly signal?: AbortSignal | undefined
  /** The operator has chosen the model, so whoever it is for need not be let use it. Default false. */
  readonly isOperators?: boolean
}

/**
 * Makes a call as if they had made it over HTTP: what they may use, what they are held to, guardrails, the router and
 * callbacks are the same. Their request itself has been admitted. Rejects with GatewayError without secrets.
 */
export async function callFor(
  { gateway, identity, caller: known, traceId }: Visitor,
  { operation, input, model, route, signal, isOperators = false }: InnerCall,
): Promise<JsonObject> {
  const { engine, books, admission } = gateway
  const cancellation = new Cancellation()
  const entry = books.enterInner(cancellation)
  const leave = cancellation.follow(signal)
  try {
    if (!books.isOpen) throw new GatewayError('shutting_down', 'The gateway is shutting down. Send the request again.')
    const id = engine.host.uuid()
    // What it uses is put down to this one object.
    const caller = { ...known }
    const facts = { id, caller, cancellation }
    const path = { operation, path: route, model }
    const asked = readRequest(path, { input })
    const whole = namesPrompt(gateway, path, asked.input) ? await prompted(gateway, path, asked, facts) : asked
    const models = operation === 'search' ? [] : [model, ...(fallbacksIn(whole.input) ?? [])]
    if (!isOperators) for (const name of models) identity.demandUse(name)
    const { tags, metadata } = identity
    await admission.ofRequest(identity, { caller, model, models, tags }, [], entry)
    const call = new LiveCall(engine.host, { ...facts, operation, model, ...(metadata && { metadata }) })
    const record = new CallRecord({ route, traceId: traceId ?? id, tags }, call)
    return objectIn(await run(engine, call, whole, record))
  } catch (cause) {
    throw gateway.redact(asGatewayError(cause))
  } finally {
    leave()
    entry.leave()
  }
}

/** A call that others follow in the course of one request. */
export interface CallBefore {
  readonly call: LiveCall
  readonly record: CallRecord
}

/** The request has its place among those under way already, and keeps it to its end. */
const SAME_PLACE: Place = { hold: () => {} }

/**
 * Goes on with a call: the same model is asked again in the same request, which another client would have sent by itself.
 * Limits and budgets are held to anew, and it is reported by itself. Rejects with GatewayError.
 */
export async function callAgain(
  { gateway, identity }: Visitor,
  { call: before, record: { arrival } }: CallBefore,
  input: JsonObject,
): Promise<{ readonly answer: Answer; readonly record: CallRecord }> {
  const { engine, admission } = gateway
  const { operation, model, metadata, cancellation } = before
  // What it uses is put down to this one object.
  const caller = { ...before.caller }
  const models = [model, ...(fallbacksIn(input) ?? [])]
  await admission.ofCaller(identity, [], SAME_PLACE)
  await admission.ofRequest(identity, { caller, model, models, tags: arrival.tags }, [], SAME_PLACE)
  const id = engine.host.uuid()
  const call = new LiveCall(engine.host, { id, operation, model, caller, metadata, cancellation })
  const record = new CallRecord(arrival, call)
  return { answer: await run(engine, call, { input }, record), record }
}
