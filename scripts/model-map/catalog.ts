import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ModelFacts } from '../../packages/models/src/facts.ts'
import { aboveName, exact } from './prices.ts'

/** A model in pi-ai's catalog, as far as it is read here. Costs are dollars for a million tokens. */
export interface CatalogModel {
  readonly id: string
  readonly type: string
  readonly reasoning?: boolean
  readonly input: readonly string[]
  readonly contextWindow?: number
  readonly maxTokens?: number
  readonly cost: Costs & { readonly tiers?: readonly (Costs & { readonly inputTokensAbove: number })[] }
}

interface Costs {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite: number
}

/** Gives the chat models of a vendor, by pi-ai's name of it. */
export type Catalog = (vendor: string) => readonly CatalogModel[]

/** Opens the unpacked package. */
export function openCatalog(folder: string): Catalog {
  return (vendor) => {
    const file = JSON.parse(readFileSync(join(folder, `dist/providers/data/${vendor}.json`), 'utf8'))
    const models = Object.values<Readonly<Record<string, CatalogModel>>>(file).flatMap((api) => Object.values(api))
    return models.filter(({ type }) => type === 'chat')
  }
}

/** How much a model writes, and what it can do. All chat models of the catalog can call functions. */
export function abilitiesOf({ maxTokens, input, reasoning }: CatalogModel): ModelFacts {
  return {
    ...(maxTokens && { max_output_tokens: maxTokens }),
    supports_function_calling: true,
    ...(reasoning && { supports_reasoning: true }),
    supports_vision: input.includes('image'),
  }
}

/** What a model costs. Zeros mean that the catalog does not know, or that somebody gives it away for the moment. */
export function costsOf({ cost }: CatalogModel): ModelFacts {
  const { tiers = [], ...base } = cost
  const raised = tiers.flatMap(({ inputTokensAbove, ...costs }) =>
    Object.entries(fieldsOf(costs)).map(([name, price]) => [aboveName(name, inputTokensAbove), price]),
  )
  return { ...fieldsOf(base), ...Object.fromEntries(raised) }
}

function fieldsOf({ input, output, cacheRead, cacheWrite }: Costs): Readonly<Record<string, number>> {
  if (input === 0 && output === 0) return {}
  return {
    input_cost_per_token: exact(input / 1e6),
    output_cost_per_token: exact(output / 1e6),
    ...(cacheRead > 0 && { cache_read_input_token_cost: exact(cacheRead / 1e6) }),
    ...(cacheWrite > 0 && { cache_creation_input_token_cost: exact(cacheWrite / 1e6) }),
  }
}
