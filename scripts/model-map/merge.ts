import { isPriceField, type ModelFacts, type Models } from '../../packages/models/src/facts.ts'
import { abilitiesOf, type Catalog, type CatalogModel, costsOf } from './catalog.ts'
import { type Market, markets } from './markets.ts'
import { idsOf, matches, type PricedModel, type PriceList, pricesOn } from './prices.ts'
import { modeOf, type Supplement } from './supplement.ts'

/** Everything that is merged, and the day (ISO 8601) whose prices are wanted. */
export interface Sources {
  readonly day: string
  readonly prices: PriceList
  readonly catalog: Catalog
  readonly supplement: Supplement
}

/** The whole map, sorted by key and field. */
export function merge(sources: Sources): Models {
  const { families, models } = sources.supplement
  const merged = new Map<string, ModelFacts>()
  for (const market of markets)
    for (const [key, facts] of modelsOf(market, sources)) if (!merged.has(key)) merged.set(key, facts)
  for (const [key, facts] of Object.entries(models)) merged.set(key, { ...merged.get(key), ...facts })
  for (const [key, facts] of merged)
    for (const { match, facts: ability } of families)
      if (facts.mode === 'chat' && match.test(key)) merged.set(key, { ...merged.get(key), ...ability })
  const keys = [...merged.keys()].sort()
  return Object.fromEntries(keys.map((key) => [key, finished(merged.get(key)!)]))
}

/** What one seller has: the models that have a price, then those that only the catalog knows. */
function modelsOf(market: Market, { day, prices, catalog }: Sources): ReadonlyMap<string, ModelFacts> {
  const { provider, prefix, only = /(?:)/, respell = (id) => id, trustsCatalog = false, pricesAudioAsText } = market
  const priced = (market.prices ?? []).flatMap((list) => prices(list))
  const listed = market.catalog === undefined ? [] : catalog(market.catalog)
  const found = new Map<string, ModelFacts>()

  function add(written: string, model: PricedModel | undefined, entry: CatalogModel | undefined): void {
    const id = respell(written, entry?.id === written)
    if (!only.test(id) || found.has(prefix + id)) return
    const known = model ? pricesOn(day, model) : {}
    const costs = entry ? costsOf(entry) : {}
    const isFromCatalog = trustsCatalog ? Object.keys(costs).length > 0 : Object.keys(known).length === 0
    const price = isFromCatalog ? costs : known
    // The catalog stops some models where their prices rise.
    const window = Math.max(model?.context_window ?? 0, entry?.contextWindow ?? 0)
    found.set(prefix + id, {
      litellm_provider: provider,
      mode: modeOf(id),
      ...(entry && abilitiesOf(entry)),
      ...(window > 0 && { max_input_tokens: window }),
      ...(pricesAudioAsText && audioAsText(price)),
      ...price,
    })
  }

  for (const entry of listed)
    add(
      entry.id,
      priced.find(({ match }) => matches(match, entry.id)),
      entry,
    )
  for (const model of priced) {
    // Where the catalog has the exact ids, a list of families adds only those it has not.
    if (trustsCatalog && listed.some(({ id }) => matches(model.match, id))) continue
    for (const id of idsOf(model)) add(id, model, nearest(id, model, listed))
  }
  return withoutRepeatedRegions(found)
}

function audioAsText(price: ModelFacts): ModelFacts {
  const prices = Object.entries(price).filter(([name]) => name.startsWith('input_cost_per_token'))
  return Object.fromEntries(prices.map(([name, cost]) => [name.replace('per_token', 'per_audio_token'), cost]))
}

/** The catalog's entry of an id; else of another edition of the same model. */
function nearest(id: string, model: PricedModel, listed: readonly CatalogModel[]): CatalogModel | undefined {
  const editions = listed.filter((entry) => matches(model.match, entry.id))
  return (
    listed.find((entry) => entry.id === id) ??
    editions.find((entry) => entry.id === model.id) ??
    editions.toSorted((one, other) => one.id.length - other.id.length)[0]
  )
}

/** `us.maker.model` says nothing that `maker.model` does not, where both are the same. */
function withoutRepeatedRegions(found: ReadonlyMap<string, ModelFacts>): ReadonlyMap<string, ModelFacts> {
  return new Map(
    [...found].filter(([key, facts]) => {
      const [, bare] = /^(?:[a-z]{2}|apac|global)\.(.+\..+)$/.exec(key) ?? []
      return bare === undefined || JSON.stringify(found.get(bare)) !== JSON.stringify(facts)
    }),
  )
}

/** With what follows from the rest, and the fields in order. */
function finished(facts: ModelFacts): ModelFacts {
  const isChat = facts.mode === 'chat'
  const most = facts.max_output_tokens ?? facts.max_input_tokens
  const whole = {
    ...(isChat ? facts : withoutChatAbilities(facts)),
    ...(most !== undefined && { max_tokens: most }),
    ...(isChat && facts.cache_read_input_token_cost !== undefined && { supports_prompt_caching: true }),
  }
  return Object.fromEntries(Object.entries(whole).sort(([one], [other]) => (one < other ? -1 : 1)))
}

/** The catalog's word on chat does not hold for what is no chat model. */
function withoutChatAbilities(facts: ModelFacts): ModelFacts {
  const { supports_function_calling, supports_reasoning, ...rest } = facts
  return rest
}

/** How many models have a price. */
export function countPriced(models: Models): number {
  return Object.values(models).filter((facts) => Object.keys(facts).some(isPriceField)).length
}
