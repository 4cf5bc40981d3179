import type { JsonObject } from '@tianjillm/core'
import { type Tables, toDollars } from '@tianjillm/store'
import type { Kysely, SelectQueryBuilder } from 'kysely'
import type { Range } from './query.ts'

/** What is added up. */
export const counters = ['requests', 'failures', 'unpriced', 'prompt_tokens', 'completion_tokens', 'spend'] as const

/** Sums of calls; money in billionths of a dollar. */
export type Sums = Readonly<Record<(typeof counters)[number], number>>

/** To whom calls are put down: a kind of the rows of days. */
export type AccountKind = 'all' | 'key' | 'user' | 'team' | 'organization' | 'end_user' | 'tag'

/** Which sums of days are meant. */
export interface Selection extends Range {
  readonly kind: AccountKind
  /** Undefined: everybody of that kind. */
  readonly ids?: readonly string[] | undefined
  readonly model?: string | undefined
}

/** By what sums are kept apart. */
export type Split = 'day' | 'id' | 'model_group' | 'provider'

/**
 * The rows of days that are meant: the fewest that are kept apart by what is asked for. Those of models and providers
 * are many times as many as those of days and ids, which lack these two columns.
 */
export function daysOf(
  database: Kysely<Tables>,
  { kind, ids, model, start_date: from, end_date: to }: Selection,
  by: Split,
): SelectQueryBuilder<Tables, 'tianji_daily_spend', Record<never, never>> {
  const isByModel = by === 'model_group' || by === 'provider' || model !== undefined
  // The other table has all other columns.
  const table = (isByModel ? 'tianji_daily_spend' : 'tianji_daily_totals') as 'tianji_daily_spend'
  let found = database.selectFrom(table).where('kind', '=', kind)
  if (from !== undefined) found = found.where('day', '>=', from)
  if (to !== undefined) found = found.where('day', '<=', to)
  if (ids !== undefined) found = found.where('id', 'in', ids.length > 0 ? [...ids] : [''])
  if (model !== undefined) found = found.where('model_group', '=', model)
  return found
}

/** Sums as they are told, under the names of LiteLLM's daily activity. */
export function metricsOf({ requests, failures, unpriced, spend, ...tokens }: Sums): JsonObject {
  const { prompt_tokens, completion_tokens } = tokens
  return {
    spend: toDollars(spend),
    api_requests: requests,
    successful_requests: requests - failures,
    failed_requests: failures,
    unpriced_requests: unpriced,
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
  }
}

/** Both together. */
export function added(one: Sums, other: Sums): Sums {
  // Filled from the names of the sums.
  return Object.fromEntries(counters.map((counter) => [counter, one[counter] + other[counter]])) as Sums
}

export const NOTHING: Sums = {
  requests: 0,
  failures: 0,
  unpriced: 0,
  prompt_tokens: 0,
  completion_tokens: 0,
  spend: 0,
}
