import { isJsonObject } from '@tianjillm/core'
import { isPriceField, type ModelFacts, type Models } from './facts.ts'

/** A map of models from elsewhere, judged. */
export type Soundness =
  | {
      readonly isSound: true
      readonly models: Models
      /** Models that are left out, and why. */
      readonly refused: readonly { readonly model: string; readonly reason: string }[]
    }
  | { readonly isSound: false; readonly reason: string }

/** Fewer models than this are a broken download rather than a map. */
const FEWEST = 50

/**
 * Judges a map of models that somebody else wrote, before anything relies on it. A model that makes no sense is left
 * out; with fewer than `atLeast` good ones (50) the whole is refused. `sample_spec`, which explains the fields, is no
 * model.
 */
export function sound(map: unknown, { atLeast = FEWEST }: { readonly atLeast?: number } = {}): Soundness {
  if (!isJsonObject(map)) return { isSound: false, reason: 'it is no map of models' }
  const judged = Object.entries(map)
    .filter(([model]) => model !== 'sample_spec')
    .map(([model, facts]) => ({ model, facts, reason: faultIn(model, facts) }))
  const good = judged.filter(({ reason }) => reason === undefined)
  if (good.length < atLeast)
    return { isSound: false, reason: `it has ${good.length} models that make sense, and should have ${atLeast}` }
  return {
    isSound: true,
    // Checked above, field by field.
    models: Object.fromEntries(good.map(({ model, facts }) => [model, facts as ModelFacts])),
    refused: judged.flatMap(({ model, reason }) => (reason === undefined ? [] : [{ model, reason }])),
  }
}

/** Names that mean something to JavaScript itself. */
const trickNames: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

function faultIn(model: string, facts: unknown): string | undefined {
  if (trickNames.has(model)) return 'is no name of a model'
  if (!isJsonObject(facts)) return 'is no map of facts'
  for (const [name, value] of Object.entries(facts)) {
    const fault = trickNames.has(name) ? 'is no name of a fact' : faultOf(name, value)
    if (fault) return `${name} ${fault}`
  }
  return undefined
}

function faultOf(name: string, value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined
  if (isPriceField(name)) return priceFault(name, value)
  const kind = kinds.find(({ names }) => names.test(name))
  return kind && !kind.holds(value) ? `is not ${kind.says}` : undefined
}

/** Tokens that nobody's model reads. */
const TOO_LONG = 1e9

const kinds: readonly {
  readonly names: RegExp
  readonly holds: (value: unknown) => boolean
  readonly says: string
}[] = [
  {
    names: /^max_(input_|output_)?tokens$/,
    holds: (value) => typeof value === 'number' && value >= 0 && value < TOO_LONG,
    says: 'a number of tokens',
  },
  { names: /^supports_/, holds: (value) => typeof value === 'boolean', says: 'true or false' },
  { names: /^(litellm_provider|mode)$/, holds: (value) => typeof value === 'string', says: 'a text' },
]

/** `search_context_cost_per_query` has a price by how much is read. */
function priceFault(name: string, value: unknown): string | undefined {
  const prices = isJsonObject(value) ? Object.values(value) : [value]
  const most = highest.find(({ names }) => names.test(name))!.price
  for (const price of prices) {
    if (typeof price !== 'number') return 'is not a price'
    if (!(price >= 0)) return 'is less than nothing'
    if (price > most) return `is ${price}, which nobody asks for`
  }
  return undefined
}

/** Dollars beyond which a price was meant for a million, or was never one. */
const highest: readonly { readonly names: RegExp; readonly price: number }[] = [
  { names: /1k_tokens/, price: 10 },
  { names: /pixel/, price: 0.001 },
  { names: /token/, price: 0.01 },
  { names: /character/, price: 0.1 },
  { names: /second/, price: 10 },
  { names: /(?:)/, price: 1_000 },
]
