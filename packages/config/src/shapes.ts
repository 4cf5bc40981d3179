import * as v from 'valibot'

/** What a part of a configuration must look like. */
export type Schema = v.GenericSchema
type Entries = Readonly<Record<string, Schema>>

// The environment holds text, so numbers and flags may come as text too; flags in any of YAML 1.1's ways.
const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/
const FLAG = /^(true|false|yes|no|on|off|1|0)$/i

export const text: v.StringSchema<string> = v.string('expected a string')
export const number: Schema = either(
  'expected a number',
  v.pipe(v.number(), v.finite('expected a number')),
  v.pipe(v.string(), v.regex(NUMBER, 'expected a number')),
)
export const positiveInteger: Schema = either(
  'expected a positive whole number',
  v.pipe(v.number(), v.integer('expected a positive whole number'), v.minValue(1, 'expected a positive whole number')),
  v.pipe(v.string(), v.regex(/^\s*\d*[1-9]\d*\s*$/, 'expected a positive whole number')),
)
export const positive: Schema = either(
  'expected a positive number',
  v.pipe(v.number(), v.finite('expected a positive number'), v.gtValue(0, 'expected a positive number')),
  v.pipe(
    v.string(),
    v.regex(NUMBER, 'expected a positive number'),
    v.check((written) => Number(written) > 0, 'expected a positive number'),
  ),
)
export const flag: Schema = either(
  'expected true or false',
  v.boolean(),
  v.pipe(v.string(), v.regex(FLAG, 'expected true or false')),
)
export const certificates: Schema = either('expected true, false or the path of a CA bundle', v.boolean(), text)
export const texts: Schema = list(text)
export const portion: Schema = either(
  'expected a number from 0 to 1',
  v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  v.pipe(v.string(), v.regex(/^(0?\.\d+|[01](\.0*)?)$/)),
)
export const textOrTexts: Schema = either('expected a string or a list of strings', text, texts)
export const anyMap: Schema = mapOf(v.unknown())

/** A map that must have some keys, and may have others; more are fine. */
export function map(required: Entries, others: Entries = {}): Schema {
  const optional = Object.entries(others).map(([key, schema]) => [key, v.nullish(schema)] as const)
  return notList(v.looseObject({ ...required, ...Object.fromEntries(optional) }, 'expected a map'))
}

export function mapOf(values: Schema): Schema {
  return notList(v.record(v.string(), values, 'expected a map'))
}

/** To valibot an array is an object too. */
function notList(schema: Schema): Schema {
  const nothing = v.never('expected a map')
  return v.lazy((input) => (Array.isArray(input) ? nothing : schema))
}

export function list(items: Schema): Schema {
  return v.array(items, 'expected a list')
}

export function either(message: string, ...schemas: readonly Schema[]): Schema {
  return v.union(schemas, message)
}
