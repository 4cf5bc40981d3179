import { GatewayError, type JsonObject, type OperationName, type UpstreamRequest } from '@tianjillm/core'
import { draft, LiveCall } from '@tianjillm/engine'
import * as v from 'valibot'
import { isSecret, MASK, maskedUrl } from '../mask.ts'
import type { ManagementRequest, ManagementRoute } from './management.ts'
import { check, demandShape } from './requests.ts'

/** What a request would be to a vendor: its tokens, and how it would be sent. https://docs.litellm.ai/docs/count_tokens */
export const inspectionRoutes: readonly ManagementRoute[] = [
  { method: 'POST', path: '/utils/token_counter', audience: 'everybody', handle: countedTokens },
  { method: 'POST', path: '/utils/transform_request', audience: 'everybody', handle: transformedRequest },
]

const modelName = v.pipe(v.string(), v.nonEmpty('must not be empty'))
const texts = v.union([v.string(), v.array(v.string())], 'must be text or a list of texts')
const objects = v.nullish(v.array(v.looseObject({})))

/** As a request would be, or as much of it as there is to count. */
const countable = v.looseObject({
  model: modelName,
  messages: objects,
  contents: objects,
  prompt: v.nullish(texts),
  input: v.nullish(texts),
  tools: objects,
})

async function countedTokens({ gateway, identity, body }: ManagementRequest): Promise<JsonObject> {
  const { model, ...request } = demandShape(countable, body)
  identity.demandUse(model)
  if ((request.messages ?? request.contents ?? request.prompt ?? request.input) == null)
    throw new GatewayError('invalid_request', 'There is nothing to count: give `messages`, `prompt` or `contents`.', {
      param: 'messages',
    })
  const { countTokens } = await import('@tianjillm/tokens')
  return {
    total_tokens: await countTokens(request),
    request_model: model,
    model_used: gateway.engine.router.find(model)?.[0]?.model ?? model,
    tokenizer_type: 'openai_tokenizer',
  }
}

/** LiteLLM's names of what a request is for, each also with an `a` before it. */
const callTypes: Readonly<Record<string, OperationName>> = {
  completion: 'chat',
  text_completion: 'completion',
  embedding: 'embedding',
  image_generation: 'image',
  speech: 'speech',
}

const transformable = v.looseObject({
  call_type: v.picklist(
    Object.keys(callTypes).flatMap((type) => [type, `a${type}`]),
    `must be one of ${Object.keys(callTypes).join(', ')}`,
  ),
  request_body: v.looseObject({ model: modelName }),
})

async function transformedRequest({ gateway, identity, body }: ManagementRequest): Promise<JsonObject> {
  const { call_type, request_body } = demandShape(transformable, body)
  const { model } = request_body
  identity.demandUse(model)
  const operation = callTypes[call_type] ?? callTypes[call_type.slice(1)]!
  check(operation, request_body)
  const { engine } = gateway
  const { contenders } = engine.router.plan({ model, tags: [] })
  const call = new LiveCall(engine.host, { id: engine.host.uuid(), operation, model, caller: identity.caller })
  return masked(await draft(contenders[0]!, { input: request_body }, call), (text) => engine.redact(text))
}

type Redact = (text: string) => string

function masked({ url, headers, body }: UpstreamRequest, redact: Redact): JsonObject {
  return {
    raw_request_api_base: redact(maskedUrl(url)),
    raw_request_body: body === undefined ? null : maskedBody(body, redact),
    raw_request_headers: parseMasked(JSON.stringify(headers), redact),
  }
}

function maskedBody(body: NonNullable<UpstreamRequest['body']>, redact: Redact): unknown {
  if (body instanceof FormData) return parseMasked(JSON.stringify(Object.fromEntries(body)), redact)
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body)
  try {
    return parseMasked(text, redact)
  } catch (error) {
    if (error instanceof SyntaxError) return redact(text)
    throw error
  }
}

/** JSON with every text masked that is a secret by its name, or that the gateway knows to be one. */
function parseMasked(json: string, redact: Redact): unknown {
  try {
    return JSON.parse(json, (field, value: unknown) =>
      typeof value === 'string' ? (isSecret(field) ? MASK : redact(value)) : value,
    )
  } catch (error) {
    if (error instanceof RangeError) throw new GatewayError('invalid_request', 'The request is nested too deeply.')
    throw error
  }
}
