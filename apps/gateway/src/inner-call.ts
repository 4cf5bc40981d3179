import { type Caller, GatewayError, type JsonObject, type OperationName } from '@tianjillm/core'
import { asGatewayError, CallRecord, Cancellation, fallbacksIn, LiveCall, objectIn, run } from '@tianjillm/engine'
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
}

/**
 * Makes a call as if they had made it over HTTP: what they may use, what they are held to, guardrails, the router and
 * callbacks are the same. Their request itself has been admitted. Rejects with GatewayError without secrets.
 */
export async function callFor(
  { gateway, identity, caller: known }: Visitor,
  { operation, input, model, route, signal }: InnerCall,
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
    for (const name of models) identity.demandUse(name)
    const { tags, metadata } = identity
    await admission.ofRequest(identity, { caller, model, models, tags }, [], entry)
    const call = new LiveCall(engine.host, { ...facts, operation, model, ...(metadata && { metadata }) })
    const record = new CallRecord({ route, traceId: id, tags }, call)
    return objectIn(await run(engine, call, whole, record))
  } catch (cause) {
    throw gateway.redact(asGatewayError(cause))
  } finally {
    leave()
    entry.leave()
  }
}
