import { didYouMean, GatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import * as v from 'valibot'
import type { Declarations } from './variables.ts'

/** A message of a prompt; placeholders may stand in its texts and in the URLs of its images. */
export interface PromptMessage extends JsonObject {
  readonly role: 'system' | 'developer' | 'user' | 'assistant' | 'tool'
  readonly content?: string | readonly JsonObject[] | null | undefined
}

/** What one version of a prompt says: a text or messages, and how they want to be asked. */
export interface Prompt {
  readonly template?: string | undefined
  readonly messages?: readonly PromptMessage[] | undefined
  readonly variables?: Declarations | undefined
  /** A model name of the gateway; it takes the place of the one that a request names. */
  readonly model?: string | undefined
  /** Fields of requests; they go before a request's own. */
  readonly parameters?: JsonObject | undefined
}

/** A prompt as somebody wants it kept. */
export interface Draft {
  /** Undefined where the place says it. */
  readonly name: string | undefined
  readonly prompt: Prompt
  readonly metadata: JsonObject
  /** To be put on this version. */
  readonly labels: readonly string[]
}

/** Entries of a list of names, or of an object with a value for each. */
export const MOST_ENTRIES = 200

/** Letters of a name, letters of a prompt as JSON, and how deep its objects may be nested. */
const LONGEST_NAME = 256
const LONGEST_PROMPT = 512 * 1024
const DEEPEST = 32

/** Nobody may call a prompt so, for it would be taken for a route. */
const reservedNames = ['test']

/** The label of the newest version; it moves by itself. */
export const LATEST = 'latest'

/** A name that people can read and write. */
export const promptName: v.GenericSchema<string> = v.pipe(
  v.string('must be text'),
  v.minLength(1, 'must not be empty'),
  v.maxLength(LONGEST_NAME, `must have at most ${LONGEST_NAME} letters`),
  v.regex(/^[^\p{C}]*$/u, 'must not have control characters'),
)

const part = v.variant(
  'type',
  [
    v.looseObject({ type: v.literal('text'), text: v.string('must be text') }),
    v.looseObject({
      type: v.literal('image_url'),
      image_url: v.looseObject({ url: v.string('must be text') }, 'must be an object with a url'),
    }),
    // Vendors have parts of their own.
    v.looseObject({ type: v.pipe(v.string('must be text'), v.notValues(['text', 'image_url'])) }),
  ],
  'must be a content part with a type',
)
const message = v.strictObject(
  {
    role: v.picklist(
      ['system', 'developer', 'user', 'assistant', 'tool'],
      'must be system, developer, user, assistant or tool',
    ),
    content: v.nullish(
      v.lazy((content) => (Array.isArray(content) ? v.array(part) : v.string('must be text or parts'))),
    ),
    name: v.optional(promptName),
    tool_calls: v.optional(v.array(v.looseObject({}), 'must be a list')),
    tool_call_id: v.optional(promptName),
  },
  'must be a message',
)

const scalar = v.union(
  [v.string(), v.pipe(v.number(), v.finite()), v.boolean(), v.null()],
  'must be text, a number, true, false or null',
)
const type = v.picklist(
  ['string', 'number', 'integer', 'float', 'boolean', 'any'],
  'must be string, number, integer, float, boolean or any',
)
const declaration = v.strictObject({
  type: v.optional(type),
  default: v.optional(scalar),
  description: v.optional(v.string('must be text')),
})
const variableNames = v.pipe(v.array(promptName, 'must be a list'), v.maxLength(MOST_ENTRIES))
const declarations = v.lazy((given) =>
  Array.isArray(given)
    ? variableNames
    : v.record(
        promptName,
        v.lazy((said) => (isJsonObject(said) ? declaration : type)),
        'must be a list of names, or an object',
      ),
)

/** Fields that a prompt decides in other ways, or that are the client's alone. */
const refusedParameters = new Set([
  ...['input', 'messages', 'model', 'prompt', 'stream', 'system'],
  ...['prompt_id', 'prompt_label', 'prompt_name', 'prompt_variables', 'prompt_version'],
])
/** A JSON object of any content. */
export const object: v.GenericSchema<JsonObject> = v.custom<JsonObject>(isJsonObject, 'must be an object')

/** Labels to put on a version. */
export const labelNames: v.GenericSchema<string[]> = v.pipe(
  v.array(promptName, 'must be a list of names'),
  v.maxLength(MOST_ENTRIES, `must have at most ${MOST_ENTRIES} entries`),
)

/** Of what a prompt consists, wherever it comes from. */
const promptEntries = {
  template: v.nullish(v.string('must be text')),
  messages: v.nullish(
    v.pipe(
      v.array(message, 'must be a list of messages'),
      v.minLength(1, 'must not be empty'),
      v.maxLength(MOST_ENTRIES, `must have at most ${MOST_ENTRIES} messages`),
    ),
  ),
  variables: v.nullish(declarations),
  model: v.nullish(promptName),
  parameters: v.nullish(object),
}
const draftSchema = v.strictObject({
  ...promptEntries,
  name: v.nullish(promptName),
  metadata: v.nullish(object),
  labels: v.nullish(labelNames),
})

/** A prompt out of a body `{name, template | messages, …}`, read strictly. Throws GatewayError `invalid_request` naming the field. */
export function readDraft(body: unknown): Draft {
  const { name, metadata, labels, ...prompt } = readStrictly(draftSchema, body)
  if (name != null && reservedNames.includes(name)) throw invalid('name', `"${name}" is the name of a route`)
  demandFree(labels ?? [])
  return { name: name ?? undefined, prompt: demandPrompt(prompt), metadata: metadata ?? {}, labels: labels ?? [] }
}

/** A prompt as a source has it, read as strictly. Throws GatewayError `invalid_request`. */
export function readPrompt(value: unknown): Prompt {
  return demandPrompt(readStrictly(v.strictObject(promptEntries), value))
}

/** Throws GatewayError `invalid_request` when one of the labels moves by itself. */
export function demandFree(labels: Iterable<string>): void {
  if ([...labels].includes(LATEST)) throw invalid('labels', `"${LATEST}" is always on the newest version`)
}

/** A value of a schema in which nothing is overlooked. Throws GatewayError `invalid_request` naming the field. */
export function readStrictly<Entries extends v.ObjectEntries>(
  schema: v.StrictObjectSchema<Entries, undefined>,
  value: unknown,
): v.InferOutput<v.StrictObjectSchema<Entries, undefined>> {
  if (!isJsonObject(value)) throw new GatewayError('invalid_request', 'The body must be a JSON object.')
  demandHarmless(value, '', 0)
  if (JSON.stringify(value).length > LONGEST_PROMPT)
    throw new GatewayError('invalid_request', `A prompt may have at most ${LONGEST_PROMPT} letters of JSON.`)
  const result = v.safeParse(schema, value, { abortEarly: true })
  if (result.success) return result.output
  const [issue] = result.issues
  const path = (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('')
  const field = path.replace(/^\./, '')
  const isStrange = issue.kind === 'schema' && issue.type === 'strict_object' && issue.expected === 'never'
  if (isStrange) throw invalid(field, `is not known.${didYouMean(field, Object.keys(schema.entries))}`)
  throw invalid(field, issue.received === 'undefined' ? 'is missing' : issue.message)
}

function demandPrompt(given: { readonly [Name in keyof Prompt]: Prompt[Name] | null }): Prompt {
  const { template, messages, parameters } = given
  if ((template == null) === (messages == null))
    throw invalid(
      'template',
      template == null ? 'is missing, and so are `messages`' : 'and `messages` exclude each other',
    )
  const refused = Object.keys(parameters ?? {}).find((name) => refusedParameters.has(name))
  if (refused !== undefined) throw invalid(`parameters.${refused}`, 'is not for a prompt to set')
  // What is null is not there; the rest is what the schema says.
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value != null)) as Prompt
}

/** Schemas pass over these names, and what is not looked at must not be kept. */
const strangeNames = new Set(['__proto__', 'constructor', 'prototype'])

function demandHarmless(value: unknown, path: string, depth: number): void {
  if (typeof value !== 'object' || value === null) return
  if (depth > DEEPEST) throw invalid(path.slice(0, 100), `is nested deeper than ${DEEPEST} levels`)
  for (const [key, inner] of Object.entries(value)) {
    const place = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`
    if (strangeNames.has(key)) throw invalid(place, 'cannot be a name')
    demandHarmless(inner, place, depth + 1)
  }
}

function invalid(field: string, problem: string): GatewayError {
  const param = field.slice(0, 100)
  const message = `${param === '' ? 'The prompt' : `\`${param}\``} ${problem}`
  return new GatewayError('invalid_request', /[.?]$/.test(message) ? message : `${message}.`, { param })
}
