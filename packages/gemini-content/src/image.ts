import {
  type Call,
  compact,
  GatewayError,
  type ImageRequest,
  type ImageResponse,
  isJsonObject,
  type JsonObject,
  type Split,
  vendorExtras,
} from '@tianjillm/core'
import { notUnderstood, objectsIn, readAnswer } from './answer.ts'
import { bareModel } from './model.ts'
import { generateContentBody } from './request.ts'
import type { GenerateContentBody } from './wire.ts'

/** OpenAI's image parameters that have a counterpart. */
export const imageParameters: readonly string[] = ['n', 'response_format', 'size']

/** Whether a model is asked with `:predict`, as Imagen is; the others draw in an answer of generateContent. */
export function isImagen(model: string): boolean {
  return bareModel(model).startsWith('imagen')
}

/** Most pictures that OpenAI draws for one request. */
const MOST_PICTURES = 10

/** A Gemini model draws one picture a request. Throws GatewayError `invalid_request` for more than ten. */
export const imageSplit: Split<ImageRequest, ImageResponse> = {
  each: (input) => {
    const { n, ...one } = input
    if (isImagen(input.model) || !n || n <= 1) return [input]
    if (n > MOST_PICTURES)
      throw new GatewayError('invalid_request', `n may be at most ${MOST_PICTURES}.`, { param: 'n' })
    return Array.from({ length: n }, () => one)
  },
  join: (answers) => ({
    created: answers[0]?.created ?? 0,
    data: answers.flatMap(({ data }) => data),
    usage: answers.map(({ usage }) => usage).reduce(sumOf),
  }),
}

/** Member by member; what one of them lacks counts as nothing. */
function sumOf(first: unknown, second: unknown): unknown {
  if (!isJsonObject(first) || !isJsonObject(second)) return first ?? second
  return Object.fromEntries(Object.entries(first).map(([name, count]) => [name, Number(count) + Number(second[name])]))
}

const imagenRatios: readonly string[] = ['1:1', '3:4', '4:3', '9:16', '16:9']
const geminiRatios: readonly string[] = [...imagenRatios, '2:3', '3:2', '4:5', '5:4', '21:9']

/** The body of Imagen's predict; Google's own fields go into its parameters. https://ai.google.dev/gemini-api/docs/imagen */
export function imagenBody(input: ImageRequest): JsonObject {
  return {
    instances: [{ prompt: input.prompt }],
    parameters: compact({
      sampleCount: input.n ?? 1,
      aspectRatio: aspectRatio(input.size, imagenRatios),
      ...vendorExtras('image', input, ['prompt']),
    }),
  }
}

/** The body of generateContent for a picture. https://ai.google.dev/gemini-api/docs/image-generation */
export function imageContentBody(input: ImageRequest): GenerateContentBody {
  const ratio = aspectRatio(input.size, geminiRatios)
  return generateContentBody({
    ...(ratio && { imageConfig: { aspectRatio: ratio } }),
    ...vendorExtras('image', input, ['prompt']),
    model: input.model,
    messages: [{ role: 'user', content: input.prompt }],
    modalities: ['text', 'image'],
  })
}

/**
 * The ratio of `1536x1024`, or the nearest the model has; one given as `16:9` is taken as it is. Throws GatewayError
 * `invalid_request` for any other text.
 */
function aspectRatio(size: string | null | undefined, ratios: readonly string[]): string | undefined {
  if (!size || size === 'auto') return undefined
  if (/^\d+:\d+$/.test(size)) return size
  const [width, height] = size.split('x').map(Number)
  if (!width || !height)
    throw new GatewayError('invalid_request', 'size must be as 1024x1024 or an aspect ratio as 16:9.', {
      param: 'size',
    })
  const distance = (ratio: string) => {
    const [x, y] = ratio.split(':').map(Number) as [number, number]
    return Math.abs(Math.log(((width / height) * y) / x))
  }
  return ratios.reduce((best, ratio) => (distance(ratio) < distance(best) ? ratio : best))
}

/**
 * The pictures of a predict. Throws GatewayError `content_policy_violation` when Google kept all of them back, and
 * `upstream_invalid_response` when there is none for another reason.
 */
export function readImagen(provider: string, value: unknown, call: Call, input: ImageRequest): ImageResponse {
  const predictions = objectsIn(isJsonObject(value) ? value.predictions : undefined)
  const data = predictions.flatMap(({ bytesBase64Encoded: base64, mimeType }) =>
    typeof base64 === 'string' ? [datumOf(base64, String(mimeType ?? 'image/png'), input)] : [],
  )
  if (data.length > 0) return { created: Math.floor(call.now() / 1000), data }
  throw noPicture(provider, predictions.find(({ raiFilteredReason }) => raiFilteredReason)?.raiFilteredReason)
}

/** The pictures of a generateContent. Throws as `readImagen`, and the error the answer holds. */
export function readImageContent(provider: string, value: unknown, call: Call, input: ImageRequest): ImageResponse {
  const { head, candidates, usage } = readAnswer(provider, value, call)
  const data = candidates.flatMap(({ pictures }) =>
    pictures.map(({ data, mimeType }) => datumOf(data, mimeType, input)),
  )
  if (data.length === 0) {
    const filtered = candidates.find(({ finishReason }) => finishReason === 'content_filter')?.notes
    throw noPicture(provider, filtered?.finish_message ?? filtered?.finish_reason ?? filtered?.block_reason)
  }
  return {
    created: head.created,
    data,
    ...(usage && {
      usage: {
        input_tokens: usage.prompt_tokens,
        output_tokens: usage.completion_tokens,
        total_tokens: usage.total_tokens,
      },
    }),
  }
}

/** Google hosts no pictures: a URL holds the data itself. */
function datumOf(base64: string, mimeType: string, { response_format }: ImageRequest): ImageResponse['data'][number] {
  return response_format === 'url' ? { url: `data:${mimeType};base64,${base64}` } : { b64_json: base64 }
}

function noPicture(provider: string, filtered: unknown): GatewayError {
  if (!filtered) return notUnderstood(provider, 'the answer holds no picture')
  return new GatewayError('content_policy_violation', `${provider}: Google kept the picture back: ${filtered}`, {
    provider,
  })
}
