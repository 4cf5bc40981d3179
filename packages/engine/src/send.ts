import {
  type BinaryAnswer,
  GatewayError,
  isGatewayError,
  isJsonObject,
  type JsonObject,
  type Operation,
  type Passthrough,
  parseJson,
  settleParameters,
  type UpstreamReply,
  type UpstreamRequest,
  upstreamError,
} from '@tianjillm/core'
import type { Answer } from './answer.ts'
import type { Asked } from './asked.ts'
import type { LiveCall } from './call.ts'
import type { Deployment } from './deployment.ts'
import { withoutGatewayFields } from './gateway-fields.ts'
import { render } from './render.ts'
import { buffered, cancelled, type RelayReply, type Transport } from './transport.ts'

/** Any operation, as far as the engine needs to know. */
type AnyOperation = Operation<JsonObject, JsonObject | BinaryAnswer | string, JsonObject>

/** Most a vendor's error body that is read, in bytes; the rest would not be told anyway. */
const LONGEST_FAULT = 64 * 1024
/** Milliseconds a vendor may work on a job that is polled. */
const LONGEST_JOB = 600_000

/**
 * Asks one deployment: the only place that talks to a vendor. `mustRead` keeps the answer from being relayed unread,
 * for whoever wants to look into it. Throws GatewayError.
 */
export async function send(
  deployment: Deployment,
  asked: Asked,
  groupCall: LiveCall,
  transport: Transport,
  mustRead = false,
): Promise<Answer> {
  const model = String(asked.input.model)
  const call = groupCall.at(model, deployment.host)
  try {
    const operation = operationOf(deployment, call)
    const input = settle(deployment, operation, asked, call)
    const parts = operation.split?.each(input) ?? [input]
    if (parts.length === 1)
      return await exchange(deployment, operation, { ...asked, input }, asked, call, transport, mustRead)
    const answers = await Promise.all(
      parts.map((part) => exchange(deployment, operation, { input: part }, { input: part }, call, transport, true)),
    )
    return render(call.operation, input, operation.split!.join(answers.map(jsonOf)))
  } catch (error) {
    throw isGatewayError(error) ? error : asUpstreamError(deployment.providerName, error)
  }
}

async function exchange(
  deployment: Deployment,
  operation: AnyOperation,
  { input }: Asked,
  asked: Asked,
  call: LiveCall,
  transport: Transport,
  mustRead: boolean,
): Promise<Answer> {
  const passthrough = passthroughOf(deployment, operation, call)
  const request =
    (input === asked.input && splice(passthrough, asked, call.model)) || (await operation.request(input, call))
  const extended = withExtras(request, deployment, asked.input)
  const reply = await accepted(deployment, extended, call, transport)
  if (passthrough?.direction === 'both' && !mustRead && asked.raw !== undefined) return { type: 'relay', reply }
  if (input.stream === true && operation.stream) return streamed(operation, input, reply, call)
  const final = operation.poll ? await polled(deployment, operation, extended, reply, call, transport) : reply
  return render(call.operation, input, await operation.response(final, call, input))
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
  const cleaned = withoutGatewayFields(input, operation.supports)
  const filled = withDefaults(cleaned, deployment.defaults)
  const drop = input.drop_params === true || deployment.dropParams
  return settleParameters(deployment.providerName, call.operation, operation, filled, drop)
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
function splice(passthrough: Passthrough | undefined, { raw }: Asked, model: string): UpstreamRequest | undefined {
  const body = passthrough && raw?.withModel(model)
  if (passthrough === undefined || raw === undefined || body === undefined) return undefined
  return {
    method: 'POST',
    url: passthrough.url,
    headers: { ...passthrough.headers, 'content-type': raw.contentType },
    body,
  }
}

/** Headers that `extra_headers` of a client cannot change. */
const reservedHeaders =
  /^(host|content-length|transfer-encoding|connection|authorization|x-api-key|api-key|x-goog-api-key|xi-api-key)$/i

function withExtras(request: UpstreamRequest, deployment: Deployment, input: JsonObject): UpstreamRequest {
  const extraBody = { ...deployment.extraBody, ...(isJsonObject(input.extra_body) && input.extra_body) }
  const extraHeaders = { ...deployment.extraHeaders, ...headersOf(input.extra_headers) }
  return withBody(withHeaders(request, extraHeaders), extraBody)
}

function headersOf(extra: unknown): Readonly<Record<string, string>> {
  if (!isJsonObject(extra)) return {}
  return Object.fromEntries(
    Object.entries(extra).flatMap(([name, value]) =>
      reservedHeaders.test(name) ? [] : [[name.toLowerCase(), String(value)]],
    ),
  )
}

function withHeaders(request: UpstreamRequest, extra: Readonly<Record<string, string>>): UpstreamRequest {
  if (Object.keys(extra).length === 0) return request
  return { ...request, headers: { ...request.headers, ...extra } }
}

/** The members of `extra` laid over a JSON body; other bodies stay as they are. */
function withBody(request: UpstreamRequest, extra: JsonObject): UpstreamRequest {
  if (Object.keys(extra).length === 0 || request.body === undefined || request.body instanceof FormData) return request
  const text = typeof request.body === 'string' ? request.body : new TextDecoder().decode(request.body)
  const written = parseJson(text)
  return isJsonObject(written) ? { ...request, body: JSON.stringify({ ...written, ...extra }) } : request
}

/** The vendor's answer when it is a good one. Throws what its error means otherwise. */
async function accepted(
  deployment: Deployment,
  request: UpstreamRequest,
  call: LiveCall,
  transport: Transport,
): Promise<RelayReply> {
  let reply = await dispatch(deployment, request, call, transport)
  if (reply.status === 401 && deployment.provider.renew !== undefined) {
    reply.cancel()
    deployment.provider.renew()
    reply = await dispatch(deployment, request, call, transport)
  }
  if (reply.status < 300) return reply
  throw await refused(deployment, reply, call)
}

async function dispatch(
  deployment: Deployment,
  request: UpstreamRequest,
  call: LiveCall,
  transport: Transport,
): Promise<RelayReply> {
  const { provider, providerName, timeout, tls } = deployment
  const signed = provider.authorize ? await provider.authorize(request, call) : request
  return transport.send(signed, { provider: providerName, cancellation: call.cancellation, timeout, tls })
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

/** Asks until the vendor's job is done; only at the host it was given to. */
async function polled(
  deployment: Deployment,
  operation: AnyOperation,
  first: UpstreamRequest,
  reply: UpstreamReply,
  call: LiveCall,
  transport: Transport,
): Promise<UpstreamReply> {
  const { origin } = new URL(first.url)
  const deadline = call.now() + LONGEST_JOB
  for (let current = await buffered(reply); ; ) {
    const next = await operation.poll!(current, call)
    if (next === undefined) return current
    if (new URL(next.request.url).origin !== origin)
      throw new GatewayError(
        'upstream_invalid_response',
        `${deployment.providerName}: the vendor names a foreign host to poll.`,
      )
    if (call.now() + next.after > deadline)
      throw new GatewayError(
        'upstream_timeout',
        `${deployment.providerName}: the job did not end within ${LONGEST_JOB / 1000} s.`,
      )
    await pause(next.after, call)
    current = await buffered(await accepted(deployment, next.request, call, transport))
  }
}

function pause(milliseconds: number, call: LiveCall): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      forget()
      resolve()
    }, milliseconds)
    const forget = call.cancellation.onAbort((reason) => {
      clearTimeout(timer)
      reject(cancelled(reason))
    })
  })
}

function streamed(operation: AnyOperation, input: JsonObject, reply: RelayReply, call: LiveCall): Answer {
  return { type: 'stream', chunks: operation.stream!(reply, call, input) }
}

function jsonOf(answer: Answer): JsonObject {
  if (answer.type === 'json') return answer.value
  throw new Error('A split request must have JSON answers.')
}

/** A provider's own mistake in reading an answer is told as the vendor's, without its inner words. */
function asUpstreamError(provider: string, cause: unknown): GatewayError {
  return new GatewayError('upstream_invalid_response', `${provider}: the vendor's answer could not be understood.`, {
    provider,
    cause,
  })
}
