import { didYouMean, GatewayError, isJsonObject } from '@tianjillm/core'
import * as v from 'valibot'

/**
 * A request's body as an object of known fields. Throws GatewayError `invalid_request` that names the field: also one
 * that nobody knows, for a limit that is mistyped is one that nobody keeps.
 */
export function readBody<Entries extends v.ObjectEntries>(
  schema: v.StrictObjectSchema<Entries, undefined>,
  body: unknown,
): v.InferOutput<v.StrictObjectSchema<Entries, undefined>> {
  // To the schema a list would be an object without fields.
  if (!isJsonObject(body)) throw new GatewayError('invalid_request', 'The body must be a JSON object.')
  // Clients of LiteLLM send fields that they do not set.
  const said = Object.entries(body).filter(([field, value]) => value !== null || Object.hasOwn(schema.entries, field))
  for (const [field, value] of said) demandHarmless(value, field)
  const result = v.safeParse(schema, Object.fromEntries(said))
  if (result.success) return result.output
  const [issue] = result.issues
  const param = v.getDotPath(issue) ?? ''
  const isUnknown = issue.kind === 'schema' && issue.type === 'strict_object' && !Object.hasOwn(schema.entries, param)
  const message = isUnknown
    ? `The field \`${param.slice(0, 100)}\` is not known.${didYouMean(param, Object.keys(schema.entries))}`
    : `\`${param.slice(0, 100)}\`: ${issue.message.slice(0, 300)}.`
  throw new GatewayError('invalid_request', message, { param: param.slice(0, 100) })
}

/** How deep objects and lists may lie in each other. */
const DEEPEST = 32
/** Names that a schema leaves out of objects without a word. */
const strangeNames = new Set(['__proto__', 'constructor', 'prototype'])

function demandHarmless(value: unknown, path: string, depth = 0): void {
  if (typeof value !== 'object' || value === null) return
  if (depth === DEEPEST) throw harmful(path, `is nested deeper than ${DEEPEST} levels`)
  for (const [key, inner] of Object.entries(value)) {
    const place = `${path}.${key}`
    if (strangeNames.has(key)) throw harmful(place, 'cannot be a name')
    demandHarmless(inner, place, depth + 1)
  }
}

function harmful(path: string, problem: string): GatewayError {
  const param = path.slice(0, 100)
  return new GatewayError('invalid_request', `\`${param}\`: ${problem}.`, { param })
}

/** Letters a name may have, and a list entries. */
const LONGEST_NAME = 256
const LONGEST_LIST = 1_000
/** Letters of JSON that `metadata` may have. */
const LONGEST_METADATA = 64 * 1024

/** A name or an id: whatever the script, but nothing that cannot be seen. */
export const name: v.GenericSchema<string> = v.pipe(
  v.string('expected a text'),
  v.minLength(1, 'must not be empty'),
  v.maxLength(LONGEST_NAME, `must have at most ${LONGEST_NAME} letters`),
  v.regex(/^[^\p{C}]*$/u, 'must not have control characters'),
)

export const names: v.GenericSchema<string[]> = v.pipe(
  v.array(name, 'expected a list of texts'),
  v.maxLength(LONGEST_LIST, `must have at most ${LONGEST_LIST} entries`),
)

/** US dollars. */
export const dollars: v.GenericSchema<number> = v.pipe(
  v.number('expected US dollars'),
  v.finite('must be finite'),
  v.minValue(0, 'must not be negative'),
  v.maxValue(1_000_000, 'must be at most a million'),
)

export const count: v.GenericSchema<number> = v.pipe(
  v.number('expected a whole number'),
  v.safeInteger('expected a whole number'),
  v.minValue(0, 'must not be negative'),
)

export const metadata: v.GenericSchema<Record<string, unknown>> = v.pipe(
  v.record(v.string(), v.unknown(), 'expected an object'),
  v.check((value) => JSON.stringify(value).length <= LONGEST_METADATA, 'must have at most 64 KiB of JSON'),
)

/** What of each model is limited for one holder. */
function ofModels<Value>(value: v.GenericSchema<Value>): v.GenericSchema<Record<string, Value>> {
  return v.pipe(
    v.record(name, value, 'expected an object with a value for each model'),
    v.maxEntries(LONGEST_LIST, `must have at most ${LONGEST_LIST} entries`),
  )
}

/** An amount, perhaps with the time it is for, in LiteLLM's two spellings. */
export type ModelBudget =
  | number
  | {
      readonly budget_limit?: number | undefined
      readonly max_budget?: number | undefined
      readonly time_period?: string | undefined
      readonly budget_duration?: string | undefined
    }

const modelBudgetEntries = {
  budget_limit: v.optional(dollars),
  max_budget: v.optional(dollars),
  time_period: v.optional(name),
  budget_duration: v.optional(name),
}
const inDollars = 'expected US dollars, or an object with budget_limit and time_period'
const modelBudget: v.GenericSchema<ModelBudget> = v.union(
  [
    dollars,
    v.pipe(
      v.strictObject(modelBudgetEntries),
      v.check(({ budget_limit, max_budget }) => (budget_limit ?? max_budget) !== undefined, inDollars),
    ),
  ],
  inDollars,
)

/** Something that may be there, or null to take it away. */
export type Optional<Value> = v.NullishSchema<v.GenericSchema<Value>, undefined>

/** Limits as all bodies have them. Null takes one away. */
export const limitEntries: {
  readonly max_budget: Optional<number>
  readonly soft_budget: Optional<number>
  readonly budget_duration: Optional<string>
  readonly rpm_limit: Optional<number>
  readonly tpm_limit: Optional<number>
  readonly max_parallel_requests: Optional<number>
  readonly model_max_budget: Optional<Record<string, ModelBudget>>
  readonly model_rpm_limit: Optional<Record<string, number>>
  readonly model_tpm_limit: Optional<Record<string, number>>
} = {
  max_budget: v.nullish(dollars),
  soft_budget: v.nullish(dollars),
  budget_duration: v.nullish(name),
  rpm_limit: v.nullish(count),
  tpm_limit: v.nullish(count),
  max_parallel_requests: v.nullish(count),
  model_max_budget: v.nullish(ofModels(modelBudget)),
  model_rpm_limit: v.nullish(ofModels(count)),
  model_tpm_limit: v.nullish(ofModels(count)),
}
