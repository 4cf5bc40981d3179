import {
  type Awaitable,
  type BinaryAnswer,
  GatewayError,
  isGatewayError,
  type JsonObject,
  type Operation,
  type Passthrough,
  parseJson,
  settleParameters,
  type UpstreamReply,
  type UpstreamRequest,
  upstreamError,
} from '@tianjillm/core'
import type { Route } from '@tianjillm/router'
import type { Answer } from './answer.ts'
import type { Asked, RawBody } from './asked.ts'
import type { LiveCall } from './call.ts'
import type { Deployment } from './deployment.ts'
import { withExtras } from './extras.ts'
import { fewAtATime } from './few-at-a-time.ts'
import { withoutGatewayFields } from './gateway-fields.ts'
import { handOn } from './hand-on.ts'
import { poll } from './poll.ts'
import { render } from './render.ts'
import { cancelled, PulledReply, type RelayReply, type Transport } from './transport.ts'

/** Any operation, as far as the engine needs to know. */
type AnyOperation = Operation<JsonObject, JsonObject | BinaryAnswer | string, JsonObject>

/** Most a vendor's error body that is read, in bytes; the rest would not be told anyway. */
const LONGEST_FAULT = 64 * 1024
/** Requests that a split one makes at the same time, at most. */
const MOST_AT_ONCE = 8

/**
 * Asks one deployment: the only place that talks to a vendor. `mustRead` keeps the answer from being handed on
 * unread, for whoever wants to look into it. Throws GatewayError.
 */
export async function send(
  { deployment, model }: Route<Deployment>,
  asked: Asked,
  groupCall: LiveCall,
  transport: Transport,
  mustRead = false,
): Promise<Answer> {
  const call = groupCall.at(model, deployment.host)
  try {
    const operation = operationOf(deployment, call)
    const settled = settle(deployment, operation, asked, call)
    const input: JsonObject = { ...settled, model }
    const parts = operation.split?.each(input) ?? [input]
    const exchange = {
      deployment,
      operation,
      call,
      transport,
      extras: asked.input,
      mustRead: mustRead || parts.length > 1,
    }
    if (parts.length === 1) {
      const raw = settled === asked.input ? asked.raw : undefined
      return await ask(exchange, parts[0]!, raw)
    }
    const answers = await fewAtATime(MOST_AT_ONCE, parts, (part) => ask(exchange, part))
    return render(call.operation, input, operation.split!.join(answers.map(jsonOf)))
  } catch (error) {
    if (isGatewayError(error)) throw error
    if (call.cancellation.isAborted) throw cancelled(call.cancellation.reason)
    if (error instanceof RangeError) throw tooDeep()
    throw notUnderstood(deployment.providerName, error)
  }
}

/**
 * What a deployment would be sent, without sending it; of a request that is split, the first part. Throws GatewayError as
 * `send` does, and `unsupported_operation` when the vendor has to be asked for something before it can be written.
 */
export async function draft(
  { deployment, model }: Route<Deployment>,
  asked: Asked,
  groupCall: LiveCall,
): Promise<UpstreamRequest> {
  let isOnline = false
  const refuse = () => {
    isOnline = true
    return Promise.reject(new Error('A draft asks nobody.'))
  }
  const call = groupCall.at(model, { ...deployment.host, fetch: refuse })
  const operation = operationOf(deployment, call)
  const input: JsonObject = { ...settle(deployment, operation, asked, call), model }
  const [first = input] = operation.split?.each(input) ?? [input]
  try {
    const { written } = await write({ deployment, operation, call, extras: asked.input }, first)
    const request = withExtras(written, deployment, asked.input)
    return (await deployment.provider.authorize?.(request, call)) ?? request
  } catch (cause) {
    if (cause instanceof RangeError) throw tooDeep()
    if (!isOnline) throw cause
    const provider = deployment.providerName
    const message = `${provider}: this request cannot be shown, for the vendor has to be asked for something first, such as a token.`
    throw new GatewayError('unsupported_operation', message, { provider, cause })
  }
}

/** What a request is written with. */
interface Desk {
  readonly deployment: Deployment
  readonly operation: AnyOperation
  readonly call: LiveCall
  /** The client's own request, for `extra_body` and `extra_headers`. */
  readonly extras: JsonObject
}

/** What one exchange with a vendor needs besides the request. */
interface Exchange extends Desk {
  readonly transport: Transport
  readonly mustRead: boolean
}

async function ask(exchange: Exchange, asked: JsonObject, raw?: RawBody): Promise<Answer> {
  const { operation, call } = exchange
  const passthrough = passthroughOf(exchange.deployment, operation, call)
  const spliced = passthrough && raw && splice(passthrough, raw, call.model)
  const { input, written } = spliced ? { input: asked, written: spliced } : await write(exchange, asked)
  const request = withExtras(written, exchange.deployment, exchange.extras)
  const reply = await accepted(exchange, request)
  if (passthrough?.direction === 'both' && !exchange.mustRead) {
    const answer = await handOn(exchange.deployment.providerName, call, input, reply)
    if (answer) return answer
  }
  if (input.stream === true && operation.stream) return { type: 'stream', chunks: operation.stream(reply, call, input) }
  const final = await finished(exchange, request, reply)
  return render(call.operation, input, await operation.response(final, call, input))
}

/**
 * The request as the provider writes it. A parameter whose value it finds it cannot honour is left out, when that is
 * what is wanted of parameters a vendor lacks.
 */
async function write(exchange: Desk, input: JsonObject): Promise<{ input: JsonObject; written: UpstreamRequest }> {
  try {
    return { input, written: await exchange.operation.request(input, exchange.call) }
  } catch (error) {
    const param = isGatewayError(error) && error.kind === 'unsupported_parameter' ? error.facts.param : undefined
    if (!drops(exchange.deployment, exchange.extras) || param === undefined || input[param] === undefined) throw error
    return write(exchange, Object.fromEntries(Object.entries(input).filter(([name]) => name !== param)))
  }
}

function drops(deployment: Deployment, input: JsonObject): boolean {
  return input.drop_params === true || deployment.dropParams
}

/** The answer to a job that the vendor works on; any other answer is final. */
async function finished(exchange: Exchange, request: UpstreamRequest, reply: RelayReply): Promise<UpstreamReply> {
  const { deployment, operation, call } = exchange
  if (operation.poll === undefined) return reply
  const again = (next: UpstreamRequest) => accepted(exchange, next)
  return poll(deployment.providerName, operation.poll, request, reply, call, again)
}

function operationOf(deployment: Deployment, call: LiveCall): AnyOperation {
  const operations = deployment.provider as Readonly<Record<string, AnyOperation | undefined>>
  const operation = operations[call.operation]
  if (operation !== undefined) return operation
  throw new GatewayError(
    'unsupported_operation',
    `${deployment.providerName}: the operation ${call.operation} is not supported. Use a model of a provider that has it.`,
    { provider: deployment.providerName, details: { provider: deployment.providerName, operation: call.operation } },
  )
}

/** The request as this deployment gets it; the client's own object when nothing had to change. */
function settle(deployment: Deployment, operation: AnyOperation, { input }: Asked, call: LiveCall): JsonObject {
  const cleaned = withoutGatewayFields(input, operation.reads)
  const filled = withDefaults(cleaned, deployment.defaults)
  return settleParameters(deployment.providerName, call.operation, operation, filled, drops(deployment, input))
}

function withDefaults(input: JsonObject, defaults: JsonObject): JsonObject {
  for (const name in defaults) if (input[name] === undefined) return { ...defaults, ...input }
  return input
}

function passthroughOf(deployment: Deployment, operation: AnyOperation, call: LiveCall): Passthrough | undefined {
  if (operation.passthrough === undefined) return undefined
  const key = `${call.operation} ${call.model}`
  let passthrough = deployment.passthroughs.get(key)
  if (passthrough === undefined) {
    passthrough = operation.passthrough(call.model)
    if (deployment.passthroughs.size < 1000) deployment.passthroughs.set(key, passthrough)
  }
  return passthrough
}

/** The caller's bytes on their way to the vendor, or undefined when they have to be written anew. */
function splice(passthrough: Passthrough, raw: RawBody, model: string): UpstreamRequest | undefined {
  const body = raw.withModel(model)
  if (body === undefined) return undefined
  const headers = { ...passthrough.headers, 'content-type': raw.contentType }
  return { method: 'POST', url: passthrough.url, headers, body }
}

/** The vendor's answer when it is a good one. Throws what its error means otherwise. */
async function accepted(exchange: Exchange, request: UpstreamRequest): Promise<RelayReply> {
  const { provider } = exchange.deployment
  let reply = await dispatch(exchange, request)
  if (reply.status === 401 && provider.renew !== undefined) {
    reply.cancel()
    provider.renew()
    reply = await dispatch(exchange, request)
  }
  if (reply.status < 300) return reply
  throw await refused(exchange.deployment, reply, exchange.call)
}

/** Most providers sign at once, so nobody waits then. */
function dispatch(exchange: Exchange, request: UpstreamRequest): Promise<RelayReply> {
  const { deployment, call } = exchange
  if (call.cancellation.isAborted) throw cancelled(call.cancellation.reason)
  const signed = deployment.provider.authorize?.(request, call) ?? request
  return signed instanceof Promise ? signed.then((ready) => reach(exchange, ready)) : reach(exchange, signed)
}

/** Over the network, or to a provider inside the process. */
function reach({ deployment, call, transport }: Exchange, request: UpstreamRequest): Promise<RelayReply> {
  const { provider, providerName, timeout, tls } = deployment
  if (provider.reply) return replied(provider.reply(request, call))
  return transport.send(request, { provider: providerName, cancellation: call.cancellation, timeout, tls })
}

async function replied(pending: Awaitable<UpstreamReply>): Promise<RelayReply> {
  const { status, headers, body } = await pending
  return new PulledReply(status, headers, body)
}

async function refused(deployment: Deployment, reply: RelayReply, call: LiveCall): Promise<GatewayError> {
  const { provider, providerName } = deployment
  const text = await beginning(reply)
  const failed = { status: reply.status, headers: reply.headers, body: parseJson(text) ?? text }
  return upstreamError(providerName, failed, provider.fault?.(failed), call.now())
}

async function beginning(reply: RelayReply): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const piece of reply.body) {
      text += decoder.decode(piece, { stream: true })
      if (text.length > LONGEST_FAULT) break
    }
  } catch {
    // The status is known; an error body that breaks off says no more.
  }
  return text
}

function jsonOf(answer: Answer): JsonObject {
  if (answer.type === 'json') return answer.value
  throw new Error('A split request must have JSON answers.')
}

function tooDeep(): GatewayError {
  return new GatewayError('invalid_request', 'The request is nested too deeply.')
}

/** A provider's own mistake in reading an answer is told as the vendor's, without its inner words. */
function notUnderstood(provider: string, cause: unknown): GatewayError {
  return new GatewayError('upstream_invalid_response', `${provider}: the vendor's answer could not be understood.`, {
    provider,
    cause,
  })
}
