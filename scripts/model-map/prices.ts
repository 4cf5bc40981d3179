import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ModelFacts } from '../../packages/models/src/facts.ts'

/** A model in genai-prices, as far as it is read here. */
export interface PricedModel {
  readonly id: string
  readonly match: Match
  readonly context_window?: number
  readonly prices: Prices | readonly ConditionalPrices[]
}

/** Which ids mean the model. */
export type Match =
  | { readonly or: readonly Match[] }
  | { readonly and: readonly Match[] }
  | { readonly equals: string }
  | { readonly starts_with: string }
  | { readonly ends_with: string }
  | { readonly contains: string }
  | { readonly regex: string }

type Prices = Readonly<Record<string, number | TieredPrice | undefined>>

interface TieredPrice {
  readonly base: number
  readonly tiers: readonly { readonly start: number; readonly price: number }[]
}

interface ConditionalPrices {
  readonly constraint?: { readonly type: string; readonly start_date?: string }
  readonly prices: Prices
}

/** Gives the models of a vendor, by genai-prices' name of it. */
export type PriceList = (vendor: string) => readonly PricedModel[]

/** Opens the unpacked package. */
export async function openPrices(folder: string): Promise<PriceList> {
  const { findProvider } = await import(pathToFileURL(join(folder, 'dist/index.js')).href)
  return (vendor) => {
    const found = findProvider({ providerId: vendor })
    if (found?.id !== vendor) throw new Error(`genai-prices knows no ${vendor}.`)
    return found.models
  }
}

/** What a model costs on a day (ISO 8601), in LiteLLM's fields. */
export function pricesOn(day: string, { prices }: PricedModel): ModelFacts {
  const fields = Object.entries(pricesValidOn(day, prices)).flatMap(([name, price]) => {
    const found = fieldOf[name]
    return found && price !== undefined ? fieldsOf(found, price) : []
  })
  return Object.fromEntries(fields)
}

/** Its id and the others that are spelled out, but those with dashes for dots: they are not the vendor's. */
export function idsOf({ id, match }: PricedModel): readonly string[] {
  const ids = [...new Set([id, ...equalsIn(match)])]
  const isRespelled = (one: string) =>
    ids.some((other) => other !== one && other.includes('.') && other.replaceAll('.', '-') === one)
  return ids.filter((one) => one === id || !isRespelled(one))
}

/** Whether an id means the model. */
export function matches(match: Match, id: string): boolean {
  const lower = id.toLowerCase()
  if ('or' in match) return match.or.some((part) => matches(part, id))
  if ('and' in match) return match.and.every((part) => matches(part, id))
  if ('equals' in match) return lower === match.equals.toLowerCase()
  if ('starts_with' in match) return lower.startsWith(match.starts_with.toLowerCase())
  if ('ends_with' in match) return lower.endsWith(match.ends_with.toLowerCase())
  if ('contains' in match) return lower.includes(match.contains.toLowerCase())
  return new RegExp(match.regex).test(id)
}

/** A number without the dust of binary fractions. */
export function exact(value: number): number {
  return Number(value.toPrecision(12))
}

interface Field {
  readonly name: string
  /** How many of what LiteLLM's price is for genai-prices' is for. */
  readonly per: number
}

const fieldOf: Readonly<Record<string, Field>> = {
  input_mtok: { name: 'input_cost_per_token', per: 1e6 },
  output_mtok: { name: 'output_cost_per_token', per: 1e6 },
  cache_read_mtok: { name: 'cache_read_input_token_cost', per: 1e6 },
  cache_write_mtok: { name: 'cache_creation_input_token_cost', per: 1e6 },
  cache_write_1h_mtok: { name: 'cache_creation_input_token_cost_above_1hr', per: 1e6 },
  input_audio_mtok: { name: 'input_cost_per_audio_token', per: 1e6 },
  output_audio_mtok: { name: 'output_cost_per_audio_token', per: 1e6 },
  cache_audio_read_mtok: { name: 'cache_read_input_audio_token_cost', per: 1e6 },
  input_image_mtok: { name: 'input_cost_per_image_token', per: 1e6 },
  output_image_mtok: { name: 'output_cost_per_image_token', per: 1e6 },
  cache_image_read_mtok: { name: 'cache_read_input_image_token_cost', per: 1e6 },
  output_reasoning_mtok: { name: 'output_cost_per_reasoning_token', per: 1e6 },
  output_citation_mtok: { name: 'citation_cost_per_token', per: 1e6 },
  input_audio_hours: { name: 'input_cost_per_second', per: 3600 },
  requests_kcount: { name: 'input_cost_per_request', per: 1e3 },
  web_searches_kcount: { name: 'search_context_cost_per_query', per: 1e3 },
}

function fieldsOf({ name, per }: Field, price: number | TieredPrice): readonly (readonly [string, unknown])[] {
  if (name === 'search_context_cost_per_query') return [[name, forEverySize(exact(Number(price) / per))]]
  if (typeof price === 'number') return [[name, exact(price / per)]]
  return [
    [name, exact(price.base / per)],
    ...price.tiers.map(({ start, price: raised }) => [aboveName(name, start), exact(raised / per)] as const),
  ]
}

/** The field of a price for prompts longer than that; some lists count from the last token that is cheap. */
export function aboveName(name: string, tokens: number): string {
  return `${name}_above_${Math.round(tokens / 1000)}k_tokens`
}

function forEverySize(price: number): Readonly<Record<string, number>> {
  return Object.fromEntries(['low', 'medium', 'high'].map((size) => [`search_context_size_${size}`, price]))
}

/** The newest that has begun; of prices by the hour the dearest, so that nobody is surprised by a bill. */
function pricesValidOn(day: string, prices: PricedModel['prices']): Prices {
  if (!isConditional(prices)) return prices
  const begun = prices.filter(({ constraint }) => (constraint?.start_date ?? '') <= day)
  const newest = begun.findLastIndex(({ constraint }) => constraint?.type !== 'time_of_date')
  const [first, ...hours] = begun.slice(Math.max(newest, 0))
  return hours.reduce((dearest, { prices }) => (inputOf(prices) > inputOf(dearest) ? prices : dearest), first!.prices)
}

function inputOf({ input_mtok: price = 0 }: Prices): number {
  return typeof price === 'number' ? price : price.base
}

function isConditional(prices: PricedModel['prices']): prices is readonly ConditionalPrices[] {
  return Array.isArray(prices)
}

function equalsIn(match: Match): readonly string[] {
  if ('or' in match) return match.or.flatMap(equalsIn)
  return 'equals' in match ? [match.equals] : []
}
