import type { Limit } from '@tianjillm/limits'
import type { Budget } from '@tianjillm/tenancy'
import type { Holder } from './holder.ts'

/** What a call is held to before it may go on. */
export interface Holds {
  /** Requests and tokens a minute, of each that the call is put down to. */
  readonly rates: readonly RateLimit[]
  /** Those of them that are of tokens: how many a call takes is known when it is over. */
  readonly tokens: readonly RateLimit[]
  readonly parallel: readonly ParallelLimit[]
  readonly budgets: readonly Budget[]
}

/** How much of something a minute. */
export interface RateLimit extends Limit {
  readonly kind: 'requests' | 'tokens'
  /** Of its bucket. */
  readonly name: string
  /** Whose it is, as a message says it: `the key "ci"`. */
  readonly owner: string
}

/** How many calls may be worked on at once. */
export interface ParallelLimit {
  /** Of whose calls are counted together. */
  readonly name: string
  readonly most: number
  readonly owner: string
}

/** This process's part of a number that several share. */
export type Share = (total: number) => number

/** What all calls of these are held to; undefined when there is nothing. */
export function holdsOf(holders: readonly Holder[], share: Share, further: readonly Budget[] = []): Holds | undefined {
  return holdsWith(
    [
      ...holders.flatMap(({ bucket, owner, requests }) => rate('requests', bucket, owner, requests)),
      ...holders.flatMap(({ bucket, owner, tokens }) => rate('tokens', `${bucket}:tokens`, owner, tokens)),
    ],
    holders.flatMap(({ bucket, owner, parallel }) =>
      parallel === undefined ? [] : [{ name: bucket, most: share(parallel), owner }],
    ),
    [...holders.flatMap(({ budget }) => budget ?? []), ...further],
  )
}

/** Models whose limits are kept at hand for the same holders. */
const MOST_MODELS = 200

/** What those of their calls are held to besides that ask for a model; undefined when no model has limits of its own. */
export function holdsByModel(holders: readonly Holder[]): ((model: string) => Holds | undefined) | undefined {
  if (!holders.some(({ requestsOf, tokensOf, budgetOf }) => requestsOf.size + tokensOf.size + budgetOf.size > 0))
    return undefined
  const known = new Map<string, Holds | undefined>()
  return (model) => {
    if (known.has(model)) return known.get(model)
    if (known.size >= MOST_MODELS) known.clear()
    const holds = modelHoldsOf(holders, model)
    known.set(model, holds)
    return holds
  }
}

function modelHoldsOf(holders: readonly Holder[], model: string): Holds | undefined {
  const whose = (owner: string) => `${owner} for the model "${model}"`
  return holdsWith(
    [
      ...holders.flatMap(({ bucket, owner, requestsOf }) =>
        rate('requests', `${bucket}:model:${model}`, whose(owner), requestsOf.get(model)),
      ),
      ...holders.flatMap(({ bucket, owner, tokensOf }) =>
        rate('tokens', `${bucket}:tokens:${model}`, whose(owner), tokensOf.get(model)),
      ),
    ],
    [],
    holders.flatMap(({ budgetOf }) => budgetOf.get(model) ?? []),
  )
}

/** Both together. */
export function joined(one: Holds | undefined, other: Holds | undefined): Holds | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return holdsWith(
    [...one.rates, ...other.rates],
    [...one.parallel, ...other.parallel],
    [...one.budgets, ...other.budgets],
  )
}

/** Undefined when there is nothing. */
function holdsWith(
  rates: readonly RateLimit[],
  parallel: readonly ParallelLimit[],
  budgets: readonly Budget[],
): Holds | undefined {
  if (rates.length + parallel.length + budgets.length === 0) return undefined
  return { rates, tokens: rates.filter(({ kind }) => kind === 'tokens'), parallel, budgets }
}

function rate(
  kind: RateLimit['kind'],
  name: string,
  owner: string,
  perMinute: number | undefined,
): readonly RateLimit[] {
  return perMinute === undefined ? [] : [{ kind, name, owner, perMinute }]
}
