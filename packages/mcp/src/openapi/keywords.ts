import { isJsonObject, type JsonObject } from '@tianjillm/core'

type Convert = (part: unknown) => JsonObject

/** The schema with each schema that is right within it converted. */
export function eachSchema(schema: JsonObject, convert: Convert): JsonObject {
  const changes: [string, unknown][] = []
  for (const key of Object.keys(schema)) {
    const value = schema[key]
    if (key === 'properties' || key === '$defs') {
      if (isJsonObject(value)) changes.push([key, mapped(value, convert)])
    } else if (lists.has(key)) {
      if (Array.isArray(value)) changes.push([key, value.map((part) => convert(part))])
    } else if (singles.has(key) && isJsonObject(value)) changes.push([key, convert(value)])
  }
  return changes.length === 0 ? schema : { ...schema, ...Object.fromEntries(changes) }
}

const lists: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems'])
const singles: ReadonlySet<string> = new Set(['items', 'additionalProperties'])

function mapped(map: JsonObject, convert: Convert): JsonObject {
  return Object.fromEntries(Object.entries(map).map(([key, part]) => [key, convert(part)]))
}

const isNumber = (value: unknown) => typeof value === 'number' && Number.isFinite(value)
const isCount = (value: unknown) => Number.isInteger(value) && (value as number) >= 0
const isText = (value: unknown) => typeof value === 'string'
const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value) && value.length > 0

/** What is kept of a schema, where it is of its kind; all else is for others than who calls a tool. */
const kept: Readonly<Record<string, (value: unknown) => boolean>> = {
  ...{ title: isText, description: isText, format: isText, pattern: isText },
  ...{ enum: isList, const: () => true, default: () => true },
  ...{ minimum: isNumber, maximum: isNumber, exclusiveMinimum: isNumber, exclusiveMaximum: isNumber },
  ...{ multipleOf: (value) => isNumber(value) && (value as number) > 0 },
  ...{ minLength: isCount, maxLength: isCount, minItems: isCount, maxItems: isCount },
  ...{ minProperties: isCount, maxProperties: isCount },
  ...{ uniqueItems: (value) => typeof value === 'boolean', deprecated: (value) => value === true },
  ...{ properties: isJsonObject, items: isJsonObject, allOf: isList, anyOf: isList, prefixItems: isList },
  additionalProperties: (value) => typeof value === 'boolean' || isJsonObject(value),
}

const types: ReadonlySet<unknown> = new Set([...['array', 'boolean', 'integer', 'null', 'number', 'object', 'string']])

/**
 * What a schema of OpenAPI 2.0, 3.0 or 3.1 means in JSON Schema; `parts` is the same with the schemas in it converted.
 * It may let pass more than the original, never less: what it refuses, the API refuses.
 */
export function keywordsOf(schema: JsonObject, parts: JsonObject): JsonObject {
  const all = { ...parts, ...limitsOf(schema), ...choicesOf(parts) }
  const found = Object.entries(all).filter(([key, value]) => Object.hasOwn(kept, key) && kept[key]!(value))
  const required = requiredOf(schema, parts)
  return {
    ...typeOf(schema.type),
    ...Object.fromEntries(found),
    ...(required.length > 0 && { required }),
    ...examplesOf(schema),
    // Names by patterns are for the API to judge.
    ...(isJsonObject(schema.patternProperties) && { additionalProperties: true }),
  }
}

/** A file is its text. */
function typeOf(type: unknown): JsonObject {
  if (type === 'file') return { type: 'string' }
  if (Array.isArray(type)) {
    const known = [...new Set(type)].filter((one) => types.has(one))
    return known.length === type.length && known.length > 0 ? { type: known } : {}
  }
  return types.has(type) ? { type } : {}
}

/** `exclusiveMinimum: true` is how OpenAPI 3.0 has it. */
function limitsOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonObject): JsonObject {
  return {
    ...(exclusiveMinimum === true && { minimum: undefined, exclusiveMinimum: minimum }),
    ...(exclusiveMaximum === true && { maximum: undefined, exclusiveMaximum: maximum }),
  }
}

/** Where parts have been left open several may fit, so one of several is enough. */
function choicesOf({ anyOf, oneOf, allOf }: JsonObject): JsonObject {
  if (!isList(oneOf)) return {}
  if (!isList(anyOf)) return { anyOf: oneOf }
  return { allOf: [...(isList(allOf) ? allOf : []), { anyOf: oneOf }] }
}

/** What only the API sets nobody can be asked for. */
function requiredOf({ required, properties }: JsonObject, parts: JsonObject): readonly string[] {
  const before = isJsonObject(properties) ? properties : {}
  const after = isJsonObject(parts.properties) ? parts.properties : {}
  const names = Array.isArray(required) ? new Set(required.filter((name) => typeof name === 'string')) : []
  return [...names].filter((name) => Object.hasOwn(after, name) || !Object.hasOwn(before, name))
}

const LONGEST_EXAMPLE = 100

/** Short ones help who calls a tool. */
function examplesOf({ example }: JsonObject): JsonObject {
  const isShort = typeof example === 'string' && example.length <= LONGEST_EXAMPLE
  return isShort || typeof example === 'number' ? { examples: [example] } : {}
}

/** The schema with null among its values, as OpenAPI 3.0 says by `nullable`. */
export function withNull(schema: JsonObject): JsonObject {
  const { type, enum: values } = schema
  const more = Array.isArray(values) && !values.includes(null) && { enum: [...values, null] }
  if (typeof type === 'string') return { ...schema, type: [type, 'null'], ...more }
  if (Array.isArray(type)) return { ...schema, type: [...new Set([...type, 'null'])], ...more }
  const isOpen = schema.allOf === undefined && schema.anyOf === undefined && schema.$ref === undefined
  return isOpen ? { ...schema, ...more } : { anyOf: [schema, { type: 'null' }] }
}

/**
 * The schema without what would be judged by the words of a document alone: patterns can take for ever, and formats are
 * often not meant.
 */
export function checkable(schema: JsonObject): JsonObject {
  const { pattern: _pattern, format: _format, examples: _examples, default: _default, ...rest } = schema
  return eachSchema(rest, (part) => checkable(part as JsonObject))
}
