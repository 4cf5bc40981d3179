import { GatewayError, isJsonObject, type JsonObject, type OperationName, type Upload } from '@tianjillm/core'
import type { Asked } from '@tianjillm/engine'
import * as v from 'valibot'
import { JsonBody } from './json-body.ts'
import { MultipartBody } from './multipart.ts'

const nullish = <Schema extends v.GenericSchema>(schema: Schema) => v.optional(v.nullable(schema))
const filled = v.pipe(v.string(), v.nonEmpty('must not be empty'))
const count = v.pipe(v.number(), v.integer(), v.minValue(1))
const flag = v.boolean()

const part = v.variant('type', [
  v.looseObject({ type: v.literal('text'), text: v.string() }),
  v.looseObject({ type: v.literal('image_url'), image_url: v.looseObject({ url: v.string() }) }),
  v.looseObject({
    type: v.literal('input_audio'),
    input_audio: v.looseObject({ data: v.string(), format: v.string() }),
  }),
  v.looseObject({ type: v.literal('file'), file: v.looseObject({}) }),
  // Vendors have parts of their own.
  v.looseObject({ type: v.pipe(v.string(), v.notValues(['text', 'image_url', 'input_audio', 'file'])) }),
])

const textOrParts = v.string('must be text or a list of content parts')

const message = v.looseObject({
  role: v.picklist(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content: nullish(v.lazy((content) => (Array.isArray(content) ? v.array(part) : textOrParts))),
  tool_calls: nullish(
    v.array(v.looseObject({ function: v.optional(v.looseObject({ name: v.string(), arguments: v.string() })) })),
  ),
})

const sampling = {
  stream: nullish(flag),
  stream_options: nullish(v.looseObject({ include_usage: v.optional(flag) })),
  max_tokens: nullish(count),
  temperature: nullish(v.number()),
  top_p: nullish(v.number()),
  n: nullish(count),
  stop: nullish(v.union([v.string(), v.array(v.string())], 'must be text or a list of texts')),
  user: nullish(v.string()),
}

const tokens = v.union(
  [filled, v.pipe(v.array(v.union([v.string(), v.number(), v.array(v.number())])), v.nonEmpty('must not be empty'))],
  'must be text, a list of texts, or tokens',
)

const upload = v.custom<Upload>((value) => isJsonObject(value) && value.bytes instanceof Uint8Array, 'must be a file')
const image = v.pipe(
  v.array(upload, 'must be a file'),
  v.nonEmpty(),
  v.everyItem(isImage, 'must be a PNG, JPEG, WebP or GIF image'),
)
const imageFields = {
  n: v.optional(v.pipe(count, v.maxValue(10))),
  size: v.optional(v.string()),
  stream: v.optional(flag),
}
const audio = { model: filled, file: upload, temperature: v.optional(v.number()), stream: v.optional(flag) }

const matching = (pattern: RegExp, message: string) => v.pipe(v.string(), v.regex(pattern, message))
const words = v.pipe(
  filled,
  v.check((text) => text.trim() !== '', 'must not be empty'),
)
const domain = matching(
  /^-?[^\s/:?#-][^\s:?#]*$/,
  'must be a domain, such as example.com, or -example.com to exclude it',
)
const date = v.pipe(v.string(), v.check(isDate, 'must be an ISO 8601 date, such as 2026-01-31'))

/** What each operation's request must be; everything else in it is the vendor's business. */
const schemas: Partial<Record<OperationName, v.GenericSchema>> = {
  chat: v.looseObject({
    model: filled,
    messages: v.pipe(v.array(message), v.nonEmpty('must not be empty')),
    tools: nullish(v.array(v.looseObject({ type: v.string() }))),
    response_format: nullish(v.looseObject({ type: v.string() })),
    max_completion_tokens: nullish(count),
    ...sampling,
  }),
  completion: v.looseObject({ model: filled, prompt: tokens, ...sampling }),
  embedding: v.looseObject({
    model: filled,
    input: tokens,
    dimensions: nullish(count),
    encoding_format: nullish(v.picklist(['float', 'base64'])),
  }),
  image: v.looseObject({
    model: filled,
    prompt: filled,
    n: nullish(v.pipe(count, v.maxValue(10))),
    stream: nullish(flag),
  }),
  imageEdit: v.looseObject({
    model: filled,
    image,
    prompt: v.optional(v.string()),
    mask: v.optional(upload),
    ...imageFields,
  }),
  imageVariation: v.looseObject({ model: filled, image, ...imageFields }),
  speech: v.looseObject({
    model: filled,
    input: filled,
    voice: v.optional(v.union([v.string(), v.looseObject({})])),
    speed: nullish(v.number()),
    response_format: nullish(v.string()),
  }),
  transcription: v.looseObject(audio),
  translation: v.looseObject(audio),
  search: v.pipe(
    v.looseObject({
      model: filled,
      query: v.union(
        [words, v.pipe(v.array(words), v.nonEmpty('must not be empty'))],
        'must be text or a list of texts',
      ),
      max_results: v.pipe(count, v.maxValue(20)),
      search_domain_filter: v.optional(v.pipe(v.array(domain), v.maxLength(20))),
      country: v.optional(matching(/^[a-z]{2}$/i, 'must be an ISO 3166-1 code of two letters, such as US')),
      language: v.optional(matching(/^[a-z]{2,3}([-_][a-z0-9]{2,8})*$/i, 'must be a BCP 47 tag, such as en or pt-BR')),
      start_date: v.optional(date),
      end_date: v.optional(date),
      max_tokens_per_page: v.optional(count),
    }),
    v.forward(
      v.check(
        ({ start_date: start, end_date: end }) => !start || !end || start.slice(0, 10) <= end.slice(0, 10),
        'must not be before `start_date`',
      ),
      ['end_date'],
    ),
  ),
}

/** Results of a search that does not say how many. */
const DEFAULT_RESULTS = 10

/** Models of requests that name none, as OpenAI has it. */
const defaultModels: Partial<Record<OperationName, string>> = {
  image: 'dall-e-2',
  imageEdit: 'dall-e-2',
  imageVariation: 'dall-e-2',
}

/** What a route says about a request before its body is read. */
export interface RequestFacts {
  readonly operation: OperationName
  /** Model in the path; it comes before the body's. */
  readonly model?: string | undefined
}

/** A request as it came: read, and not checked yet. */
export interface Arrived extends Asked {
  /** A model that goes before that of the path and the body. */
  readonly boundModel?: string | undefined
}

/** A request out of the bytes of its body. Throws GatewayError `invalid_request` or `unsupported_media_type`. */
export function parseRequest(operation: OperationName, bytes: Buffer, contentType: string): Arrived {
  const isForm = isFormOperation(operation)
  const wanted = isForm ? /^multipart\/form-data\b/i : /^application\/([\w.-]+\+)?json\b/i
  // Strict, for a page of another origin can send anything else to a local gateway without asking.
  if (!wanted.test(contentType)) throw wrongMedia(operation, contentType)
  return isForm ? readForm(bytes, contentType) : readJson(bytes)
}

/** A request checked; `model` for one that names none. Throws GatewayError `invalid_request` naming the field. */
export function readRequest({ operation, model: inPath }: RequestFacts, arrived: Arrived, model?: string): Asked {
  const { input, raw, boundModel } = arrived
  if (operation === 'search') return { input: readSearch(input, inPath, model) }
  const named = boundModel ?? inPath ?? input.model ?? model ?? defaultModels[operation]
  const complete: JsonObject = named === input.model ? input : { ...input, model: named }
  check(operation, complete)
  if (Array.isArray(complete.fallbacks)) checkFallbacks(operation, complete, complete.fallbacks)
  return { input: complete, raw }
}

/** What a fallback wants to be asked differently is a request as well. */
function checkFallbacks(operation: OperationName, input: JsonObject, fallbacks: readonly unknown[]): void {
  for (const [index, changes] of fallbacks.entries())
    if (isJsonObject(changes)) check(operation, { ...input, ...changes }, `fallbacks[${index}].`)
}

/** A search's model is its tool. What is null asks for nothing. */
function readSearch(
  { search_tool_name: named, ...query }: JsonObject,
  inPath: string | undefined,
  only: string | undefined,
): JsonObject {
  const model = inPath ?? named ?? only
  if (typeof model !== 'string') {
    const problem = model === undefined ? 'is missing, and there are several search tools' : 'must be text'
    throw new GatewayError('invalid_request', `\`search_tool_name\` ${problem}.`, { param: 'search_tool_name' })
  }
  const given = Object.entries(query).filter(([, value]) => value !== null)
  const complete: JsonObject = { max_results: DEFAULT_RESULTS, ...Object.fromEntries(given), model }
  check('search', complete)
  return complete
}

/** Whether an operation's request carries files. */
function isFormOperation(operation: OperationName): boolean {
  return ['imageEdit', 'imageVariation', 'transcription', 'translation'].includes(operation)
}

function wrongMedia(operation: OperationName, contentType: string): GatewayError {
  const wanted = isFormOperation(operation) ? 'multipart/form-data' : 'application/json'
  return new GatewayError(
    'unsupported_media_type',
    `The content type must be ${wanted}, not "${contentType.slice(0, 100)}".`,
  )
}

function readJson(bytes: Buffer): { readonly input: JsonObject; readonly raw: JsonBody } {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString())
  } catch (error) {
    const where = /at position \d+.*$|Unexpected end of JSON input$/.exec(
      error instanceof Error ? error.message : '',
    )?.[0]
    throw new GatewayError('invalid_request', `The body is not valid JSON${where ? ` (${where})` : ''}.`)
  }
  if (!isJsonObject(value)) throw new GatewayError('invalid_request', 'The body must be a JSON object.')
  return { input: value, raw: new JsonBody(bytes, Object.hasOwn(value, 'model')) }
}

const numericFields = new Set([
  'n',
  'temperature',
  'output_compression',
  'partial_images',
  'timeout',
  'stream_timeout',
  'num_retries',
])

function readForm(bytes: Buffer, contentType: string): { readonly input: JsonObject; readonly raw: MultipartBody } {
  const raw = new MultipartBody(bytes, contentType)
  // A Map first: a part may be called `__proto__`.
  const fields = new Map<string, unknown>()
  for (const part of raw.parts) {
    const isList = part.name.endsWith('[]') || part.name === 'image'
    const name = part.name.replace(/\[\]$/, '')
    const value = part.fileName === undefined ? fieldValue(name, raw.text(part)) : raw.upload(part)
    fields.set(name, isList ? [...((fields.get(name) as readonly unknown[] | undefined) ?? []), value] : value)
  }
  return { input: Object.fromEntries(fields), raw }
}

function fieldValue(name: string, text: string): unknown {
  if (name === 'stream') return text === 'true'
  if (numericFields.has(name) && text.trim() !== '') return Number(text)
  return text
}

/** Throws GatewayError `invalid_request` naming the field that is not as the operation's request must be. */
export function check(operation: OperationName, input: JsonObject, prefix = ''): void {
  demandShape(schemas[operation]!, input, prefix)
}

/** What comes from a client, when it is what the schema wants. Throws GatewayError `invalid_request` naming the field. */
export function demandShape<Schema extends v.GenericSchema>(
  schema: Schema,
  input: unknown,
  prefix = '',
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, input, { abortEarly: true })
  if (result.success) return result.output
  const [issue] = result.issues
  const path = prefix + pathOf(issue)
  const problem =
    issue.received === 'undefined' ? 'is missing' : issue.message.startsWith('must') ? issue.message : said(issue)
  throw new GatewayError('invalid_request', `${path === '' ? 'The request' : `\`${path}\``} ${problem}.`, {
    param: path,
  })
}

const nouns: Readonly<Record<string, string>> = {
  Array: 'a list',
  Object: 'an object',
  boolean: 'true or false',
  number: 'a number',
  string: 'text',
}

function said({ expected, received }: v.BaseIssue<unknown>): string {
  const wanted =
    expected === null
      ? 'something else'
      : (nouns[expected] ?? expected.replace(/^\((.*)\)$/, '$1').replaceAll(' | ', ', '))
  return `must be ${wanted}, not ${(nouns[received] ?? received).slice(0, 60)}`
}

/** `messages[2].content` */
function pathOf(issue: v.BaseIssue<unknown>): string {
  return (issue.path ?? [])
    .map(({ key }) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '')
}

/** A day that there is, perhaps with a time. */
function isDate(text: string): boolean {
  const [, day] = /^(\d{4}-\d\d-\d\d)(T.+)?$/.exec(text) ?? []
  const time = Date.parse(`${day}T00:00Z`)
  return !Number.isNaN(Date.parse(text)) && !Number.isNaN(time) && new Date(time).toISOString().slice(0, 10) === day
}

/** Known by its first bytes. */
function isImage({ bytes }: Upload): boolean {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(12, bytes.length)).toString('latin1')
  return (
    head.startsWith('\x89PNG') ||
    head.startsWith('\xff\xd8\xff') ||
    head.startsWith('GIF8') ||
    (head.startsWith('RIFF') && head.endsWith('WEBP'))
  )
}
