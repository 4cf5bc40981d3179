import { GatewayError } from '@tianjillm/core'

/** What a variable must be. `any` is for what only templates from elsewhere declare. */
export type VariableType = 'string' | 'number' | 'integer' | 'float' | 'boolean' | 'any'

/** What may go in place of a name. */
export type Scalar = string | number | boolean | null

/** What is said of a variable. */
export interface Declaration {
  readonly type?: VariableType | undefined
  /** Stands in for a variable that is not given. */
  readonly default?: Scalar | undefined
  readonly description?: string | undefined
}

/** Names, or what is said of each; a name that ends with `?` may be left out, and is empty then. */
export type Declarations = readonly string[] | Readonly<Record<string, VariableType | Declaration>>

/** Values by their names. */
export interface Values {
  /** As a text. Throws GatewayError `invalid_request` when it is not there. */
  demand(name: string): string
}

/** Names that a message lists. */
const MOST_LISTED = 20

const isOf: Readonly<Record<VariableType, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  float: (value) => typeof value === 'number',
  integer: Number.isInteger,
  boolean: (value) => typeof value === 'boolean',
  any: () => true,
}

/**
 * The values that are given in a field, checked, and what the declarations have in place of others. Throws GatewayError
 * `invalid_request`.
 */
export function settle(
  given: Readonly<Record<string, unknown>>,
  declarations: Declarations = [],
  field = 'prompt_variables',
): Values {
  const declared = declaredIn(declarations)
  const wrong = (name: string, problem: string) => wrongVariable(field, name, problem)
  const values = new Map<string, string>()
  for (const [name, { default: usual }] of declared) if (usual !== undefined) values.set(name, String(usual))
  for (const [name, value] of Object.entries(given)) {
    const { type = 'any' } = declared.get(name) ?? {}
    if (!isScalar(value)) throw wrong(name, `must be text, a number, true, false or null, not ${nounOf(value)}`)
    if (!isOf[type](value)) throw wrong(name, `must be of the type ${type}, not ${nounOf(value)}`)
    values.set(name, String(value))
  }
  const demand = (name: string) => {
    const value = values.get(name)
    if (value === undefined) throw wrong(name, `is missing.${known([...values.keys()])}`)
    return value
  }
  // Whoever declares a variable wants it even where no text has it yet.
  for (const [name, { default: usual }] of declared) if (usual === undefined) demand(name)
  return { demand }
}

function declaredIn(declarations: Declarations): ReadonlyMap<string, Declaration> {
  const entries = Array.isArray(declarations)
    ? (declarations as readonly string[]).map((name): readonly [string, Declaration] => [name, {}])
    : Object.entries(declarations as Readonly<Record<string, VariableType | Declaration>>)
  return new Map(
    entries.map(([written, said]) => {
      const declaration: Declaration = typeof said === 'string' ? { type: said } : said
      if (!written.endsWith('?')) return [written, declaration]
      return [written.slice(0, -1), { ...declaration, default: declaration.default ?? '' }]
    }),
  )
}

function isScalar(value: unknown): value is Scalar {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value)
}

function nounOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return { string: 'text', object: 'an object' }[typeof value as string] ?? `a ${typeof value}`
}

function wrongVariable(field: string, name: string, problem: string): GatewayError {
  const short = name.slice(0, 100)
  const message = `The prompt's variable "${short}" ${problem}`
  return new GatewayError('invalid_request', message.endsWith('.') ? message : `${message}.`, {
    param: `${field}.${short}`,
  })
}

function known(names: readonly string[]): string {
  if (names.length === 0) return ' No variables are given.'
  const rest = names.length > MOST_LISTED ? ` and ${names.length - MOST_LISTED} more` : ''
  const listed = names.slice(0, MOST_LISTED).map((name) => name.slice(0, 100))
  return ` Given are ${listed.join(', ')}${rest}.`
}
