import { type AwsOptions, awsEndpoint, awsOptions, awsRegion, credentialSource, signRequest } from '@tianjillm/aws'
import {
  bedrockFault,
  converseChunks,
  converseCompletion,
  converseParameters,
  converseRequest,
} from '@tianjillm/bedrock-converse'
import {
  type ApiOptions,
  apiOptions,
  compact,
  defineProvider,
  type EmbeddingRequest,
  type EmbeddingResponse,
  GatewayError,
  type Host,
  isJsonObject,
  type JsonObject,
  type Operation,
  type Provider,
  type ProviderPlugin,
  setting,
  trimSlash,
  type UpstreamReply,
  type UpstreamRequest,
  vendorExtras,
} from '@tianjillm/core'
import * as v from 'valibot'

/** Options of Bedrock. `apiKey` is a Bedrock API key; without one, requests are signed with the AWS credentials. */
export interface BedrockOptions extends ApiOptions, AwsOptions {
  /** As `apiBase`, which goes first. Default: `AWS_BEDROCK_RUNTIME_ENDPOINT`, else the region's endpoint. */
  readonly awsBedrockRuntimeEndpoint?: string | undefined
}

const KEY_ENV = 'AWS_BEARER_TOKEN_BEDROCK'
const DEFAULT_REGION = 'us-west-2'

/**
 * Amazon Bedrock serves models of many vendors behind one API, Converse, and embedding models behind InvokeModel.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html
 */
export const bedrock: ProviderPlugin<BedrockOptions> = defineProvider({
  name: 'bedrock',
  title: 'Amazon Bedrock',
  docs: 'https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html',
  env: [KEY_ENV, 'AWS_ACCESS_KEY_ID'],
  options: v.object({ ...apiOptions, ...awsOptions, awsBedrockRuntimeEndpoint: v.optional(v.string()) }),
  create(options: BedrockOptions, host: Host): Provider {
    const region = awsRegion('bedrock', options, host, DEFAULT_REGION)
    const endpoint = setting(options.apiBase ?? options.awsBedrockRuntimeEndpoint, host, 'AWS_BEDROCK_RUNTIME_ENDPOINT')
    const base = trimSlash(endpoint ?? awsEndpoint('bedrock-runtime', region))
    const ask: Ask = (model, action, body) => ({
      method: 'POST',
      url: `${base}/model/${encodeURIComponent(modelId(model))}/${action}`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return {
      chat: chat(ask),
      embedding: embedding(ask),
      fault: bedrockFault,
      authorize: authorize(options, host, region),
    }
  },
})

type Ask = (model: string, action: string, body: JsonObject) => UpstreamRequest

/** Configurations may name the API in front of the model. */
function modelId(model: string): string {
  return model.replace(/^(converse|invoke)\//, '')
}

/** By key or by signature; what the options say goes before what the environment says. */
function authorize(options: BedrockOptions, host: Host, region: string): NonNullable<Provider['authorize']> {
  const hasOwnIdentity = options.awsAccessKeyId !== undefined || options.awsRoleName !== undefined
  const apiKey = options.apiKey || (hasOwnIdentity ? undefined : host.env(KEY_ENV))
  if (apiKey) return (request) => ({ ...request, headers: { ...request.headers, authorization: `Bearer ${apiKey}` } })
  const credentials = credentialSource('bedrock', options, host, region, { alternative: KEY_ENV })
  return async (request, call) =>
    signRequest(request, { service: 'bedrock', region, credentials: await credentials(call), now: call.now() })
}

function chat(ask: Ask): NonNullable<Provider['chat']> {
  return {
    supports: converseParameters,
    request: (input) => ask(input.model, input.stream ? 'converse-stream' : 'converse', converseRequest(input)),
    response: (reply, call) => converseCompletion('bedrock', reply, call),
    stream: (reply, call) => converseChunks('bedrock', reply, call),
  }
}

/** How a family of embedding models is asked and read. */
interface EmbeddingFamily {
  /** Texts it takes at once. */
  readonly most: number
  body(texts: readonly string[], input: EmbeddingRequest): JsonObject
  vectors(answer: JsonObject): unknown
  tokens(answer: JsonObject, reply: UpstreamReply): unknown
}

/** https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html */
const titan: EmbeddingFamily = {
  most: 1,
  body: ([inputText], { dimensions }) => ({ inputText, dimensions }),
  vectors: ({ embedding }) => [embedding],
  tokens: ({ inputTextTokenCount }) => inputTextTokenCount,
}

/** https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html */
const cohere: EmbeddingFamily = {
  most: 96,
  body: (texts, { dimensions }) => ({ texts, input_type: 'search_document', output_dimension: dimensions }),
  vectors: ({ embeddings }) => (isJsonObject(embeddings) ? Object.values(embeddings)[0] : embeddings),
  tokens: (_answer, reply) => Number(reply.headers.get('x-amzn-bedrock-input-token-count') ?? Number.NaN),
}

function familyOf(model: string): EmbeddingFamily {
  return model.includes('cohere.') ? cohere : titan
}

function embedding(ask: Ask): Operation<EmbeddingRequest, EmbeddingResponse> {
  return {
    supports: ['dimensions'],
    split: { each: batches, join },
    request: (input) => {
      const body = familyOf(input.model).body(textsOf(input), input)
      return ask(input.model, 'invoke', compact({ ...body, ...vendorExtras('embedding', input, ['input']) }))
    },
    response: async (reply, _call, { model }) => {
      const family = familyOf(model)
      const answer = await reply.json()
      const vectors = isJsonObject(answer) && family.vectors(answer)
      if (!isJsonObject(answer) || !isVectors(vectors))
        throw new GatewayError('upstream_invalid_response', 'bedrock: the answer holds no embeddings.', {
          provider: 'bedrock',
        })
      const tokens = family.tokens(answer, reply)
      return embeddingResponse(model, vectors, typeof tokens === 'number' && tokens >= 0 ? tokens : undefined)
    },
  }
}

function textsOf({ input }: EmbeddingRequest): readonly string[] {
  const texts: readonly unknown[] = typeof input === 'string' ? [input] : input
  if (texts.every((text) => typeof text === 'string')) return texts
  throw new GatewayError('invalid_request', 'bedrock: embeddings are made of text, not of tokens.', { param: 'input' })
}

function batches(input: EmbeddingRequest): readonly EmbeddingRequest[] {
  const texts = textsOf(input)
  const { most } = familyOf(input.model)
  return Array.from({ length: Math.max(1, Math.ceil(texts.length / most)) }, (_, index) => ({
    ...input,
    input: texts.slice(index * most, (index + 1) * most),
  }))
}

function join(answers: readonly EmbeddingResponse[]): EmbeddingResponse {
  const counts = answers.flatMap(({ usage }) => usage?.prompt_tokens ?? [])
  return embeddingResponse(
    answers[0]!.model,
    answers.flatMap(({ data }) => data.map((item) => item.embedding)),
    counts.length > 0 ? counts.reduce((sum, count) => sum + count, 0) : undefined,
  )
}

function isVectors(value: unknown): value is readonly (readonly number[])[] {
  return Array.isArray(value) && value.every((vector) => Array.isArray(vector))
}

function embeddingResponse(
  model: string,
  vectors: readonly EmbeddingResponse['data'][number]['embedding'][],
  tokens: number | undefined,
): EmbeddingResponse {
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: vector })),
    model,
    ...(tokens !== undefined && { usage: { prompt_tokens: tokens, total_tokens: tokens } }),
  }
}
