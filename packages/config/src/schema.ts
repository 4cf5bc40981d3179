import { isJsonObject, type JsonObject } from '@tianjillm/core'
import { toJsonSchema } from '@valibot/to-json-schema'
import { configFile } from './config-file.ts'
import { descriptions } from './descriptions.ts'
import { effectiveKeys, effectiveModelKeys, withoutEffect } from './effects.ts'
import { modelGatewayKeys, modelProviderKeys, sectionKeys } from './known-keys.ts'

/** A JSON Schema, or a part of one. */
type Part = JsonObject

const reference: Part = { $ref: '#/definitions/reference' }
const anything: Part = {}

/**
 * The JSON Schema (draft 7, which editors know best) of a configuration file before its environment is resolved: both
 * spellings, references in place of numbers and flags, descriptions. Unknown keys are allowed, for a file may be ahead.
 */
export function configSchema(): JsonObject {
  const { $defs, $ref, ...written } = toJsonSchema(configFile, {
    target: 'draft-07',
    // A date is looked at by code, and JSON knows no number that is not finite.
    ignoreActions: ['check', 'finite'],
    overrideAction: ({ valibotAction, jsonSchema }) =>
      'requirement' in valibotAction && valibotAction.requirement instanceof RegExp
        ? { ...jsonSchema, pattern: anyCase(valibotAction.requirement) }
        : null,
  })
  const root = inlined({ ...written, ...($ref !== undefined && { $ref }) }, ($defs ?? {}) as JsonObject) as Part
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $id: 'urn:tianjillm:proxy-config',
    title: 'proxy_config.yaml of TianjiLLM and LiteLLM',
    ...(bothSpellings(withReferences(describe(withEarlySections(root), ''))) as Part),
    definitions: {
      reference: {
        type: 'string',
        pattern: '^\\$[A-Z_][A-Z0-9_]*$|\\$\\{[A-Z_][A-Z0-9_]*|(^|[\\s:])os\\.environ/',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it shows what to write.
        description: 'A value from the environment: `os.environ/NAME`, `$NAME` or `${NAME:-default}`.',
      },
    },
  }
}

/** JSON Schema's patterns know no flags. */
function anyCase({ source, ignoreCase }: RegExp): string {
  return ignoreCase ? source.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`) : source
}

/** The schema with each reference replaced by what it refers to; there are no circles. */
function inlined(part: unknown, definitions: JsonObject): unknown {
  if (Array.isArray(part)) return part.map((item) => inlined(item, definitions))
  if (!isJsonObject(part)) return part
  const { $ref } = part
  if (typeof $ref === 'string') return inlined(definitions[$ref.slice($ref.lastIndexOf('/') + 1)], definitions)
  return mapEntries(part, (inner) => inlined(inner, definitions))
}

/** The sections that are read before the rest is checked. */
function withEarlySections(root: Part): Part {
  const path = { type: 'string', minLength: 1 }
  const properties = {
    include: { anyOf: [path, { type: 'array', items: path }, { type: 'null' }] },
    environment_variables: { type: ['object', 'null'] },
    ...(root.properties as Part),
  }
  return { ...root, properties }
}

/** The map at a place with descriptions of its keys, and with those that are known besides. */
function describe(part: Part, place: string): Part {
  if (Array.isArray(part.anyOf)) return { ...part, anyOf: part.anyOf.map((option) => describe(option as Part, place)) }
  if (isJsonObject(part.items)) return { ...part, items: describe(part.items, place) }
  if (!isJsonObject(part.properties)) return part
  const known = Object.fromEntries(knownKeys(place).map((key) => [key, anything]))
  const properties = Object.entries({ ...known, ...part.properties }).map(([key, inner]) => {
    const description = descriptions[place]?.[key] ?? idleKey(place, key)
    const described = describe(inner as Part, placeOf(place, key))
    return [key, description === undefined ? described : { description, ...described }]
  })
  return { ...part, properties: Object.fromEntries(properties) }
}

/** Guardrails and search tools mean the same wherever they stand. */
function placeOf(place: string, key: string): string {
  if (key === 'guardrail_list') return 'guardrails'
  if (place === '' || key === 'guardrails' || key === 'search_tools') return key
  return `${place}.${key}`
}

function knownKeys(place: string): readonly string[] {
  if (place === 'model_list.litellm_params') return [...modelGatewayKeys, ...modelProviderKeys]
  return [...(sectionKeys[place] ?? [])]
}

function idleKey(place: string, key: string): string | undefined {
  const isModelKey = place === 'model_list.litellm_params'
  const [known, effective] = isModelKey
    ? [modelGatewayKeys, effectiveModelKeys]
    : [sectionKeys[place], effectiveKeys[place]]
  if (!known?.has(key) || effective?.has(key)) return undefined
  const words = withoutEffect(key)
  return words[0]!.toUpperCase() + words.slice(1)
}

/** Wherever a text has to look like something, a reference to the environment does as well. */
function withReferences(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(withReferences)
  if (!isJsonObject(part)) return part
  if (typeof part.pattern === 'string') return { anyOf: [part, reference] }
  return mapEntries(part, withReferences)
}

/** `tianji_params` where there is `litellm_params`, and so on; where one is needed, either will do. */
function bothSpellings(part: unknown, pointer = '#'): unknown {
  if (Array.isArray(part)) return part.map((item, index) => bothSpellings(item, `${pointer}/${index}`))
  if (!isJsonObject(part)) return part
  const inner = mapEntries(part, (value, key) => bothSpellings(value, `${pointer}/${key}`))
  if (!isJsonObject(inner.properties)) return inner
  const twins = Object.keys(inner.properties)
    .filter(isTwin)
    .map((key) => [twinOf(key), { $ref: `${pointer}/properties/${key}` }])
  const names = Array.isArray(inner.required) ? inner.required.map(String) : []
  const eitherOf = names.filter(isTwin).map((key) => ({ anyOf: [{ required: [key] }, { required: [twinOf(key)] }] }))
  return {
    ...inner,
    properties: { ...inner.properties, ...Object.fromEntries(twins) },
    required: names.filter((key) => !isTwin(key)),
    ...(eitherOf.length > 0 && { allOf: eitherOf }),
  }
}

function isTwin(key: string): boolean {
  return key.startsWith('litellm_')
}

function twinOf(key: string): string {
  return key.replace('litellm_', 'tianji_')
}

function mapEntries(map: JsonObject, change: (value: unknown, key: string) => unknown): JsonObject {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value, key)]))
}
