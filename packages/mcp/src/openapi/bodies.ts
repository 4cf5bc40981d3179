import { isJsonObject, type JsonObject } from '@tianjillm/core'
import { type ApiDocument, resolved } from './document.ts'
import { encodingOf, olderEncoding } from './encodings.ts'
import type { Body, Encoding } from './operation.ts'

/** The body of an operation of OpenAPI 3; undefined when it has none that can be sent. */
export function bodyOf(root: JsonObject, { requestBody }: JsonObject): Body | undefined {
  const said = resolved(root, requestBody)
  const content = isJsonObject(said?.content) ? said.content : {}
  const mediaType = favourite(Object.keys(content))
  if (said === undefined || mediaType === undefined) return undefined
  const media = isJsonObject(content[mediaType]) ? content[mediaType] : {}
  const fields = isJsonObject(media.encoding) ? Object.entries(media.encoding) : []
  const kind = kindOf(mediaType)
  const encodings = fields.flatMap(([name, one]): [string, Encoding][] =>
    isJsonObject(one) && typeof one.style === 'string' ? [[name, encodingOf(one, 'query')]] : [],
  )
  return {
    ...{ kind, mediaType: mediaType === '*/*' ? 'application/json' : mediaType, isRequired: said.required === true },
    schema: kind === 'text' ? textOf(mediaType) : media.schema,
    encodings: Object.fromEntries(encodings),
    files: filesIn(root, media.schema),
  }
}

/** The same of Swagger 2.0, where a body is among the parameters. */
export function formBodyOf(
  { root }: ApiDocument,
  { consumes = root.consumes }: JsonObject,
  parameters: readonly JsonObject[],
): Body | undefined {
  const types = Array.isArray(consumes) ? consumes.filter((type) => typeof type === 'string') : []
  const whole = parameters.find((one) => one.in === 'body')
  if (whole !== undefined) {
    const mediaType = favourite(types.filter((type) => !/form/.test(type))) ?? 'application/json'
    const kind = kindOf(mediaType)
    const schema = kind === 'text' ? textOf(mediaType) : whole.schema
    return { kind, mediaType, isRequired: whole.required === true, schema, encodings: {}, files: new Set() }
  }
  const fields = parameters.filter((one) => one.in === 'formData' && typeof one.name === 'string')
  if (fields.length === 0) return undefined
  const files = new Set(fields.filter(({ type }) => type === 'file').map(({ name }) => String(name)))
  const isMultipart = files.size > 0 || (types.includes('multipart/form-data') && !types.includes(FORM))
  const required = fields.filter((one) => one.required === true).map(({ name }) => name)
  return {
    ...(isMultipart ? { kind: 'multipart', mediaType: 'multipart/form-data' } : { kind: 'form', mediaType: FORM }),
    isRequired: required.length > 0,
    schema: { type: 'object', properties: Object.fromEntries(fields.map((one) => [one.name, one])), required },
    encodings: Object.fromEntries(fields.map((one) => [one.name, olderEncoding(one)])),
    files,
  }
}

const FORM = 'application/x-www-form-urlencoded'

/** In the order in which they are preferred. */
const kinds: readonly (readonly [RegExp, Body['kind']])[] = [
  [/^application\/json\b/i, 'json'],
  [/^[\w.+-]+\/[\w.-]+\+json\b/i, 'json'],
  [/^application\/x-www-form-urlencoded\b/i, 'form'],
  [/^multipart\/form-data\b/i, 'multipart'],
  [/^\*\/\*$/, 'json'],
  [/^text\//i, 'text'],
]

function favourite(mediaTypes: readonly string[]): string | undefined {
  for (const [pattern] of kinds) {
    const found = mediaTypes.find((one) => pattern.test(one))
    if (found !== undefined) return found
  }
  return mediaTypes[0]
}

/** Whatever else it is, it can be sent as a text. */
function kindOf(mediaType: string): Body['kind'] {
  return kinds.find(([pattern]) => pattern.test(mediaType))?.[1] ?? 'text'
}

/** Whatever it is said to be made of, it is given as it is sent. */
function textOf(mediaType: string): JsonObject {
  return { type: 'string', description: `A text of ${mediaType}.` }
}

function filesIn(root: JsonObject, schema: unknown): ReadonlySet<string> {
  const properties = resolved(root, schema)?.properties
  const all = isJsonObject(properties) ? Object.entries(properties) : []
  const isFile = (property: unknown) => {
    const { format, contentMediaType } = resolved(root, property) ?? {}
    return format === 'binary' || contentMediaType !== undefined
  }
  return new Set(all.filter(([, property]) => isFile(property)).map(([name]) => name))
}
