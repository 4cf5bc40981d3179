import type { ModelFacts } from '@tianjillm/models'
import type { Offer } from './offer.ts'

/**
 * All deployments behind a name taken together, in LiteLLM's field names: the most of limits and prices, and whatever
 * one of them can do. Null is unknown.
 */
export interface ModelGroup {
  readonly model_group: string
  readonly providers: readonly string[]
  readonly mode: string
  readonly max_input_tokens: number | null
  readonly max_output_tokens: number | null
  readonly input_cost_per_token: number | null
  readonly output_cost_per_token: number | null
  readonly input_cost_per_pixel: number | null
  /** Tokens and requests a minute, of all together. */
  readonly tpm: number | null
  readonly rpm: number | null
  readonly [ability: `supports_${string}`]: boolean
  readonly supported_openai_params: readonly string[]
  readonly is_public_model_group: boolean
}

/** Abilities that are told of all groups; others where something is known of them. */
const abilities = [
  'supports_function_calling',
  'supports_parallel_function_calling',
  'supports_reasoning',
  'supports_url_context',
  'supports_vision',
  'supports_web_search',
] as const

/** The group of what these deployments offer. */
export function modelGroup(name: string, offers: readonly Offer[], isPublic: boolean): ModelGroup {
  const facts = offers.map((offer) => offer.facts)
  const most = (field: string) => max(facts.map((known) => known[field]))
  return {
    model_group: name,
    providers: [...new Set(offers.map(({ provider }) => provider))],
    mode: facts.find(({ mode }) => mode)?.mode ?? 'chat',
    max_input_tokens: most('max_input_tokens'),
    max_output_tokens: most('max_output_tokens'),
    input_cost_per_token: most('input_cost_per_token'),
    output_cost_per_token: most('output_cost_per_token'),
    input_cost_per_pixel: most('input_cost_per_pixel'),
    tpm: sum(offers.map(({ tpm }) => tpm)),
    rpm: sum(offers.map(({ rpm }) => rpm)),
    ...abilitiesIn(facts),
    supported_openai_params: [...new Set(offers.flatMap(({ supported }) => supported))],
    is_public_model_group: isPublic,
  }
}

function abilitiesIn(facts: readonly ModelFacts[]): Readonly<Record<`supports_${string}`, boolean>> {
  const named = facts.flatMap((known) => Object.keys(known)).filter(isAbility)
  const all = [...new Set([...abilities, ...named])].sort()
  return Object.fromEntries(all.map((ability) => [ability, facts.some((known) => known[ability] === true)]))
}

function isAbility(name: string): name is `supports_${string}` {
  return name.startsWith('supports_')
}

function max(values: readonly unknown[]): number | null {
  const numbers = values.filter((value) => typeof value === 'number')
  return numbers.length === 0 ? null : Math.max(...numbers)
}

function sum(values: readonly (number | undefined)[]): number | null {
  const numbers = values.filter((value) => value !== undefined)
  return numbers.length === 0 ? null : numbers.reduce((total, value) => total + value, 0)
}
