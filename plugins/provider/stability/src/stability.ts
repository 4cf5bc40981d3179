import {
  type ApiOptions,
  apiOptions,
  defineProvider,
  type FailedReply,
  type Fault,
  GatewayError,
  type Host,
  type ImageEditRequest,
  type ImageRequest,
  type ImageResponse,
  isJsonObject,
  type JsonObject,
  type Provider,
  type ProviderPlugin,
  requiredKey,
  type Split,
  setting,
  trimSlash,
  type Upload,
  type UpstreamReply,
  type UpstreamRequest,
  vendorExtras,
} from '@tianjillm/core'
import * as v from 'valibot'

/** Options of the Stability provider. */
export interface StabilityOptions extends ApiOptions {
  /** Milliseconds between two questions for the result of a slow edit. Default 3000. */
  readonly pollInterval: number
}

/** Stability AI: images, made and edited. https://platform.stability.ai/docs/api-reference */
export const stability: ProviderPlugin<StabilityOptions> = defineProvider({
  name: 'stability',
  title: 'Stability AI',
  docs: 'https://platform.stability.ai/docs/api-reference',
  env: ['STABILITY_API_KEY'],
  options: v.object({ ...apiOptions, pollInterval: v.optional(v.pipe(v.number(), v.minValue(1)), 3000) }),
  create(options: StabilityOptions, host: Host): Provider {
    const base = trimSlash(setting(options.apiBase, host, 'STABILITY_API_BASE') ?? 'https://api.stability.ai')
    const headers = {
      authorization: `Bearer ${requiredKey('stability', options.apiKey, host, 'STABILITY_API_KEY')}`,
      accept: 'application/json',
    }
    const post = (path: string, fields: JsonObject): UpstreamRequest => ({
      method: 'POST',
      url: `${base}/v2beta/stable-image/${path}`,
      headers,
      body: formOf(fields),
    })
    return {
      image: {
        supports: ['n', 'output_format', 'response_format', 'size'],
        split: onePerCall(),
        request: (input) => post(`generate/${generator(input.model)}`, generationFields(input)),
        response: (reply, call) => imageResponse(reply, call.now()),
      },
      imageEdit: {
        supports: ['mask', 'n', 'output_format', 'response_format'],
        split: onePerCall(),
        request: (input) => {
          const edit = edits.find(({ path }) => input.model.includes(lastPart(path))) ?? inpaint
          return post(edit.path, editFields(input, edit))
        },
        poll: async (reply) => {
          const id = jobId(await reply.json())
          if (id === undefined) return undefined
          const url = `${base}/v2beta/results/${encodeURIComponent(id)}`
          return { request: { method: 'GET', url, headers }, after: options.pollInterval }
        },
        response: (reply, call) => imageResponse(reply, call.now()),
      },
      fault,
    }
  },
})

const MOST_IMAGES = 10

/** Stability makes one image a call. */
function onePerCall<In extends ImageRequest | ImageEditRequest>(): Split<In, ImageResponse> {
  return {
    each: (input) => {
      const count = input.n ?? 1
      if (!Number.isInteger(count) || count < 1 || count > MOST_IMAGES)
        throw invalid('n', `n must be a whole number from 1 to ${MOST_IMAGES}.`)
      return Array.from({ length: count }, () => input)
    },
    join: (answers) => ({ created: answers[0]!.created, data: answers.flatMap(({ data }) => data) }),
  }
}

const generators: ReadonlyMap<string, string> = new Map([
  ['stable-image-core', 'core'],
  ['stable-image-ultra', 'ultra'],
])

function generator(model: string): string {
  return generators.get(model) ?? 'sd3'
}

function generationFields(input: ImageRequest): JsonObject {
  refuseUrl(input.response_format)
  return {
    prompt: input.prompt,
    // Without it the sd3 endpoint runs its default model, whatever was asked for; `sd3` itself names none.
    model: generator(input.model) === 'sd3' && input.model !== 'sd3' ? input.model : undefined,
    aspect_ratio: aspectRatio(input.size),
    output_format: input.output_format,
    ...vendorExtras('image', input, ['prompt']),
  }
}

const aspectRatios = ['21:9', '16:9', '3:2', '5:4', '1:1', '4:5', '2:3', '9:16', '9:21']

/** The ratio nearest to an OpenAI size such as `1792x1024`. */
function aspectRatio(size: string | null | undefined): string | undefined {
  if (size === undefined || size === null || size === 'auto') return undefined
  if (!/^[1-9]\d*x[1-9]\d*$/.test(size)) throw invalid('size', 'size must be like 1024x1024, or auto.')
  const wanted = ratioOf(size, 'x')
  const distance = (ratio: string) => Math.abs(Math.log(ratioOf(ratio, ':') / wanted))
  return aspectRatios.toSorted((one, other) => distance(one) - distance(other))[0]
}

function ratioOf(text: string, separator: string): number {
  const [width, height] = text.split(separator).map(Number) as [number, number]
  return width / height
}

/** An endpoint that changes images. A model id that contains the last part of its path means it. */
interface Edit {
  /** Below `/v2beta/stable-image`. */
  readonly path: string
  /** Field of the prompt. Default: `prompt`; null where there is none. */
  readonly prompt?: string | null
  /** Fields of the images, in the order they are given. Default: `image` alone. */
  readonly images?: readonly string[]
}

const inpaint: Edit = { path: 'edit/inpaint' }

const edits: readonly Edit[] = [
  inpaint,
  { path: 'edit/outpaint' },
  { path: 'edit/erase', prompt: null },
  { path: 'edit/search-and-replace' },
  { path: 'edit/search-and-recolor' },
  { path: 'edit/remove-background', prompt: null },
  { path: 'edit/replace-background-and-relight', prompt: 'background_prompt', images: ['subject_image'] },
  { path: 'upscale/fast', prompt: null },
  { path: 'upscale/conservative' },
  { path: 'upscale/creative' },
  { path: 'control/sketch' },
  { path: 'control/structure' },
  // Before `style`, which its name contains.
  { path: 'control/style-transfer', images: ['init_image', 'style_image'] },
  { path: 'control/style' },
]

function lastPart(path: string): string {
  return path.slice(path.indexOf('/') + 1)
}

function editFields(input: ImageEditRequest, edit: Edit): JsonObject {
  refuseUrl(input.response_format)
  const { path, prompt = 'prompt', images = ['image'] } = edit
  if (input.image.length === 0 || input.image.length > images.length)
    throw invalid('image', `${path} takes ${images.length === 1 ? 'one image' : `up to ${images.length} images`}.`)
  return {
    ...Object.fromEntries(input.image.map((image, index) => [images[index], image])),
    mask: input.mask,
    ...(prompt !== null && { [prompt]: input.prompt }),
    output_format: input.output_format,
    ...vendorExtras('imageEdit', input, ['image', 'prompt']),
  }
}

function refuseUrl(format: string | null | undefined): void {
  if (format === 'url')
    throw new GatewayError(
      'unsupported_parameter',
      'stability: images come as b64_json only. Leave response_format out.',
      {
        param: 'response_format',
        provider: 'stability',
      },
    )
}

function invalid(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', `stability: ${message}`, { param, provider: 'stability' })
}

/** Multipart, as Stability wants it even where there is no file. */
function formOf(fields: JsonObject): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue
    if (isUpload(value))
      form.append(name, new Blob([value.bytes as Uint8Array<ArrayBuffer>], { type: value.type }), value.name)
    else form.append(name, String(value))
  }
  return form
}

function isUpload(value: unknown): value is Upload {
  return isJsonObject(value) && value.bytes instanceof Uint8Array
}

/** What Stability answers: an image, or the id of the job that makes it. */
interface Generated {
  readonly id?: unknown
  /** Base64. */
  readonly image?: unknown
  /** The image of a finished job. */
  readonly result?: unknown
  readonly finish_reason?: unknown
}

function jobId(answer: Generated | null): string | undefined {
  const isDone = answer?.image !== undefined || answer?.result !== undefined || answer?.finish_reason !== undefined
  return typeof answer?.id === 'string' && !isDone ? answer.id : undefined
}

async function imageResponse(reply: UpstreamReply, now: number): Promise<ImageResponse> {
  const answer = await reply.json<Generated | null>()
  if (answer?.finish_reason === 'CONTENT_FILTERED')
    throw new GatewayError('content_policy_violation', 'stability: the content filter held the image back.', {
      provider: 'stability',
    })
  const image = answer?.image ?? answer?.result
  if (typeof image !== 'string')
    throw new GatewayError('upstream_invalid_response', 'stability: the answer has no image.', {
      provider: 'stability',
    })
  return { created: Math.floor(now / 1000), data: [{ b64_json: image }] }
}

/** A request that moderation refuses is a 403, as a wrong key might be. */
function fault({ body }: FailedReply): Fault | undefined {
  return isJsonObject(body) && body.name === 'content_moderation' ? { kind: 'content_policy_violation' } : undefined
}
