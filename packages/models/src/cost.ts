import { isJsonObject, type JsonObject, type OperationName, type Usage } from '@tianjillm/core'
import { isPriceField, type ModelFacts } from './facts.ts'

/** What a call used, as far as it is known. */
export interface Consumption {
  /** As the vendor counted; in OpenAI's shape, where the prompt includes what was cached. */
  readonly usage?: Usage | JsonObject | undefined
  /** Images made. */
  readonly images?: number | undefined
  /** Of all images made together. */
  readonly pixels?: number | undefined
  /** Characters read out. */
  readonly characters?: number | undefined
  /** Seconds of the audio; of the call, where a deployment is paid by time. */
  readonly seconds?: number | undefined
  /** Searches or rerankings; beside tokens, searches of the vendor's own. */
  readonly queries?: number | undefined
  /** How much a search was to read: low, medium, high. Default: as the vendor says, else medium. */
  readonly searchContextSize?: string | undefined
}

/** US dollars. What one call cannot cost, whatever a vendor says was used. */
const MOST = 1_000_000

/** What a call costs in US dollars; undefined when a price, or how much was used, is not known. */
export function costOf(
  facts: ModelFacts | undefined,
  consumption: Consumption,
  operation: OperationName,
): number | undefined {
  if (!facts) return undefined
  for (const way of ways[operation]) {
    const cost = way(facts, consumption)
    if (cost !== undefined) return cost < MOST ? exact(cost) : undefined
  }
  return undefined
}

type Way = (facts: ModelFacts, consumption: Consumption) => number | undefined

const byTokens: Way = (facts, { usage, queries, searchContextSize }) => {
  if (!isPricedByToken(facts)) return undefined
  if (!usage) return isFree(facts) ? 0 : undefined
  const { prompt, written, writtenForHour, cached, audio, image, said } = readUsage(usage)
  const price = pricesFor(facts, prompt)
  const read = price('input_cost_per_token')
  const ofImage = price('output_cost_per_image_token')
  const answer = price('output_cost_per_token') ?? ofImage
  const plain = prompt - cached - written - writtenForHour - audio - image
  return sum([
    [plain, read],
    // Who gives no discount takes the whole price.
    [cached, price('cache_read_input_token_cost') ?? read],
    [written, price('cache_creation_input_token_cost')],
    [writtenForHour, price('cache_creation_input_token_cost_above_1hr')],
    [audio, price('input_cost_per_audio_token')],
    [image, price('input_cost_per_image_token') ?? read],
    [said.plain, answer],
    [said.reasoning, price('output_cost_per_reasoning_token') ?? answer],
    [said.audio, price('output_cost_per_audio_token')],
    [said.image, ofImage ?? answer],
    [queries ?? searchesIn(usage), queryPrice(facts, searchContextSize ?? usage.search_context_size)],
    [1, numberIn(facts, 'input_cost_per_request') ?? 0],
  ])
}

const byImage: Way = (facts, { images }) =>
  times(images, numberIn(facts, 'output_cost_per_image') ?? numberIn(facts, 'input_cost_per_image'))

const byPixel: Way = (facts, { pixels }) =>
  times(pixels, both(numberIn(facts, 'input_cost_per_pixel'), numberIn(facts, 'output_cost_per_pixel')))

const byCharacter: Way = (facts, { characters }) => times(characters, numberIn(facts, 'input_cost_per_character'))

const bySecond: Way = (facts, { seconds, usage }) =>
  times(
    seconds ?? (usage && numberIn(usage, 'seconds')),
    both(numberIn(facts, 'input_cost_per_second'), numberIn(facts, 'output_cost_per_second')),
  )

const byQuery: Way = (facts, { queries, searchContextSize }) => times(queries, queryPrice(facts, searchContextSize))

/** How the operations are paid for: the first way whose price and amount are known. */
const ways: Readonly<Record<OperationName, readonly Way[]>> = {
  chat: [byTokens, bySecond],
  completion: [byTokens, bySecond],
  messages: [byTokens, bySecond],
  responses: [byTokens, bySecond],
  embedding: [byTokens, bySecond],
  moderation: [byTokens],
  image: [byTokens, byImage, byPixel],
  imageEdit: [byTokens, byImage, byPixel],
  imageVariation: [byTokens, byImage, byPixel],
  speech: [byCharacter, byTokens, bySecond],
  transcription: [bySecond, byTokens],
  translation: [bySecond, byTokens],
  rerank: [byQuery, byTokens],
  search: [byQuery],
  // What a tool costs its operator says.
  tool: [],
}

/** Whether all its prices are known to be nothing. */
function isFree(facts: ModelFacts): boolean {
  return Object.entries(facts).every(([name, value]) => !isPriceField(name) || value === 0)
}

/** Counts of nothing that is not priced by the token would cost nothing, which is not what is meant. */
function isPricedByToken(facts: ModelFacts): boolean {
  return typeof facts.input_cost_per_token === 'number' || typeof facts.output_cost_per_token === 'number'
}

interface Tokens {
  /** All of the prompt. */
  readonly prompt: number
  readonly cached: number
  readonly written: number
  readonly writtenForHour: number
  readonly audio: number
  readonly image: number
  readonly said: { readonly plain: number; readonly reasoning: number; readonly audio: number; readonly image: number }
}

/** Tokens apart by what they cost. */
function readUsage(usage: JsonObject): Tokens {
  const inside = objectIn(usage, 'prompt_tokens_details', 'input_tokens_details', 'input_token_details')
  const outside = objectIn(usage, 'completion_tokens_details', 'output_tokens_details', 'output_token_details')
  const answer = countIn(usage, 'completion_tokens', 'output_tokens')
  const prompt = countIn(usage, 'prompt_tokens', 'input_tokens') || Math.max(0, countIn(usage, 'total_tokens') - answer)
  const ofPrompt = portions(prompt)
  const cached = ofPrompt(countIn(inside, 'cached_tokens'))
  const allWritten = ofPrompt(countIn(usage, 'cache_creation_input_tokens'))
  const writtenForHour = Math.min(allWritten, countIn(objectIn(usage, 'cache_creation'), 'ephemeral_1h_input_tokens'))
  const ofAnswer = portions(answer)
  const said = {
    reasoning: ofAnswer(countIn(outside, 'reasoning_tokens')),
    audio: ofAnswer(countIn(outside, 'audio_tokens')),
    image: ofAnswer(countIn(outside, 'image_tokens')),
  }
  return {
    prompt,
    cached,
    written: allWritten - writtenForHour,
    writtenForHour,
    audio: ofPrompt(countIn(inside, 'audio_tokens')),
    image: ofPrompt(countIn(inside, 'image_tokens')),
    said: { ...said, plain: ofAnswer(answer) },
  }
}

/** Takes portions of a total; no token is in two of them, so that none is paid twice. */
function portions(total: number): (wanted: number) => number {
  let rest = total
  return (wanted) => {
    const portion = Math.min(rest, wanted)
    rest -= portion
    return portion
  }
}

/** A price by its name, which may be another for a prompt of that many tokens. */
function pricesFor(facts: ModelFacts, prompt: number): (name: string) => number | undefined {
  const tiers = tiersOf(facts).filter((thousands) => prompt > thousands * 1000)
  if (tiers.length === 0) return (name) => numberIn(facts, name)
  return (name) => {
    const raised = tiers.map((thousands) => numberIn(facts, `${name}_above_${thousands}k_tokens`))
    return raised.find((price) => price !== undefined) ?? numberIn(facts, name)
  }
}

const tiersOfFacts = new WeakMap<ModelFacts, readonly number[]>()

/** Thousands of tokens above which prices are others, the most first. */
function tiersOf(facts: ModelFacts): readonly number[] {
  const known = tiersOfFacts.get(facts)
  if (known) return known
  const thousands = Object.keys(facts).map((name) => Number(/_above_(\d+)k_tokens$/.exec(name)?.[1] ?? 0))
  const tiers = [...new Set(thousands)].filter((count) => count > 0).sort((one, other) => other - one)
  tiersOfFacts.set(facts, tiers)
  return tiers
}

/** Searches of the vendor's own. */
function searchesIn(usage: JsonObject): number {
  const elsewhere = countIn(objectIn(usage, 'prompt_tokens_details'), 'web_search_requests')
  return countIn(objectIn(usage, 'server_tool_use'), 'web_search_requests') || elsewhere
}

function queryPrice(facts: ModelFacts, size: unknown): number | undefined {
  const bySize = objectIn(facts, 'search_context_cost_per_query')
  const asked = numberIn(bySize, `search_context_size_${String(size)}`)
  return numberIn(facts, 'input_cost_per_query') ?? asked ?? numberIn(bySize, 'search_context_size_medium')
}

/** Undefined when there is something without a price. */
function sum(items: readonly (readonly [count: number, price: number | undefined])[]): number | undefined {
  let total = 0
  for (const [count, price] of items) {
    if (count === 0) continue
    if (price === undefined) return undefined
    total += count * price
  }
  return total
}

function times(count: number | undefined, price: number | undefined): number | undefined {
  return count === undefined || price === undefined ? undefined : count * price
}

function both(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined ? other : one + (other ?? 0)
}

/** Without the dust of binary fractions: a sum of cents is one. */
function exact(cost: number): number {
  return Number(cost.toPrecision(12))
}

function numberIn(map: JsonObject, name: string): number | undefined {
  const value = map[name]
  return typeof value === 'number' ? value : undefined
}

/** The first of the names that holds a count; vendors' nonsense counts as nothing. */
function countIn(map: JsonObject, ...names: readonly string[]): number {
  for (const name of names) {
    const count = numberIn(map, name)
    if (count !== undefined && count > 0 && count < Infinity) return count
  }
  return 0
}

const EMPTY: JsonObject = {}

function objectIn(map: JsonObject, ...names: readonly string[]): JsonObject {
  for (const name of names) {
    const value = map[name]
    if (isJsonObject(value)) return value
  }
  return EMPTY
}
