import {
  compact,
  type EmbeddingRequest,
  type EmbeddingResponse,
  GatewayError,
  isJsonObject,
  type JsonObject,
  vendorExtras,
} from '@tianjillm/core'
import { notUnderstood, objectsIn } from './answer.ts'
import { bareModel } from './model.ts'

/** OpenAI's embedding parameters that have a counterpart. */
export const embeddingParameters: readonly string[] = ['dimensions']

/** How embeddings are asked for: the method of the model's resource, and its body. */
export interface EmbedCall {
  readonly method: 'embedContent' | 'batchEmbedContents'
  readonly body: JsonObject
}

/**
 * An embedding request on Google's wire. Google's own fields (`taskType`, `title`) go along with each text. Throws
 * GatewayError `invalid_request` for tokens, which Google does not take. https://ai.google.dev/api/embeddings
 */
export function embedCall(input: EmbeddingRequest): EmbedCall {
  const bodies = textsOf(input.input).map((text) =>
    compact({
      model: `models/${bareModel(input.model)}`,
      content: { parts: [{ text }] },
      outputDimensionality: input.dimensions,
      ...vendorExtras('embedding', input, ['input']),
    }),
  )
  const [only] = bodies
  return only && bodies.length === 1
    ? { method: 'embedContent', body: only }
    : { method: 'batchEmbedContents', body: { requests: bodies } }
}

function textsOf(input: EmbeddingRequest['input']): readonly string[] {
  const texts: readonly unknown[] = typeof input === 'string' ? [input] : input
  if (texts.every((text) => typeof text === 'string')) return texts
  throw new GatewayError('invalid_request', 'Google embeds texts, not tokens.', { param: 'input' })
}

/**
 * The answer to an `embedCall`. Throws GatewayError `upstream_invalid_response` when it does not hold a list of
 * numbers for each text.
 */
export function readEmbeddings(provider: string, value: unknown, input: EmbeddingRequest): EmbeddingResponse {
  const count = textsOf(input.input).length
  const answer = isJsonObject(value) ? value : {}
  const vectors = objectsIn(answer.embeddings ?? [answer.embedding]).map(({ values }) => values)
  if (vectors.length !== count || !vectors.every(isVector))
    throw notUnderstood(provider, `the answer does not hold ${count} embeddings`)
  const tokens = isJsonObject(answer.usageMetadata) ? answer.usageMetadata.promptTokenCount : undefined
  return {
    object: 'list',
    data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })),
    model: input.model,
    ...(typeof tokens === 'number' && { usage: { prompt_tokens: tokens, total_tokens: tokens } }),
  }
}

function isVector(values: unknown): values is readonly number[] {
  return Array.isArray(values) && values.every((value) => typeof value === 'number')
}
