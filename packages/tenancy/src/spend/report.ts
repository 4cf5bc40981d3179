import { GatewayError, type JsonObject } from '@tianjillm/core'
import { type Tables, toDollars } from '@tianjillm/store'
import type { Kysely } from 'kysely'
import * as v from 'valibot'
import { name, readBody } from '../read-body.ts'
import { type AccountKind, daysOf, type Selection } from './daily.ts'
import { demandOrder, keyHash, rangeEntries } from './query.ts'
import { weeksOf } from './weekly.ts'

/** To whom a report is made out, and what names one of them. */
interface Group {
  readonly kind: AccountKind
  readonly list: string
  readonly title: string
  readonly filter: 'team_id' | 'customer_id' | 'internal_user_id'
}

const groups: Readonly<Record<'team' | 'customer' | 'internal_user_id', Group>> = {
  team: { kind: 'team', list: 'teams', title: 'team_name', filter: 'team_id' },
  customer: { kind: 'end_user', list: 'customers', title: 'customer', filter: 'customer_id' },
  internal_user_id: {
    kind: 'user',
    list: 'internal_users',
    title: 'internal_user_id',
    filter: 'internal_user_id',
  },
}

const reportQuery = v.strictObject({
  ...rangeEntries,
  group_by: v.optional(
    v.picklist(
      ['team', 'customer', 'api_key', 'internal_user_id'],
      'expected team, customer, api_key or internal_user_id',
    ),
  ),
  api_key: v.optional(keyHash),
  internal_user_id: v.optional(name),
  team_id: v.optional(name),
  customer_id: v.optional(name),
})

/** Rows that a report is made of; more are nobody's to read, and a memory's to hold. */
const MOST_ROWS = 25_000

/**
 * What was spent, to be charged on: day by day of each team, customer or user, or with each key.
 * https://docs.litellm.ai/docs/proxy/cost_tracking#generate-spend-reports
 */
export async function reportIn(database: Kysely<Tables>, query: unknown): Promise<readonly JsonObject[]> {
  const { group_by, api_key, start_date, end_date, ...filters } = readBody(reportQuery, query)
  const range = { start_date, end_date }
  demandOrder(range)
  const { internal_user_id: user, customer_id } = filters
  const [given, besides] = Object.entries({ api_key, ...filters }).flatMap(([param, value]) =>
    value === undefined ? [] : [param],
  )
  if (besides !== undefined) throw misplaced(besides, `\`${given}\``)
  if (api_key !== undefined) return byKey(database, { ...range, ids: [api_key] })
  if (user !== undefined) return byKey(database, { ...range, ids: await keysOfUser(database, user) })
  if (group_by === 'api_key') return byKey(database, range)
  const group = groups[group_by ?? (customer_id === undefined ? 'team' : 'customer')]
  const id = filters[group.filter]
  if (given !== undefined && id === undefined) throw misplaced(given, `a report of ${group.list}`)
  return byDay(database, group, { ...range, kind: group.kind, ids: id === undefined ? undefined : [id] })
}

function misplaced(param: string, what: string): GatewayError {
  return new GatewayError('invalid_request', `\`${param}\` does not go with ${what}.`, { param })
}

/** The keys that are this user's today. */
async function keysOfUser(database: Kysely<Tables>, user: string): Promise<readonly string[]> {
  const rows = await database
    .selectFrom('tianji_keys')
    .select('key_hash')
    .where('user_id', '=', user)
    .limit(10_000)
    .execute()
  return rows.map(({ key_hash }) => key_hash)
}

async function byDay(
  database: Kysely<Tables>,
  { kind, list, title }: Group,
  selection: Selection,
): Promise<readonly JsonObject[]> {
  const rows = await daysOf(database, selection, 'model_group')
    .select(({ fn }) => [
      ...(['day', 'id', 'model_group'] as const),
      ...(['spend', 'prompt_tokens', 'completion_tokens'] as const).map((sum) => fn.sum<number>(sum).as(sum)),
    ])
    .groupBy(['day', 'id', 'model_group'])
    .orderBy('day')
    .orderBy('id')
    .orderBy('model_group')
    .limit(MOST_ROWS + 1)
    .execute()
  demandFew(rows)
  const aliases = kind === 'team' ? await teamAliases(database, [...new Set(rows.map(({ id }) => id))]) : undefined
  return [...Map.groupBy(rows, ({ day }) => day)].map(([day, some]) => ({
    group_by_day: `${day}T00:00:00+00:00`,
    [list]: [...Map.groupBy(some, ({ id }) => id)].map(([id, ofOne]) => ({
      [title]: aliases?.get(id) ?? id,
      ...(kind === 'team' && { team_id: id }),
      total_spend: toDollars(ofOne.reduce((sum, { spend }) => sum + spend, 0)),
      metadata: ofOne.map(({ model_group: model, spend, prompt_tokens, completion_tokens }) => ({
        model,
        spend: toDollars(spend),
        total_tokens: prompt_tokens + completion_tokens,
        // Sums of teams are not kept apart by key.
        api_key: null,
      })),
    })),
  }))
}

async function byKey(database: Kysely<Tables>, selection: Omit<Selection, 'kind'>): Promise<readonly JsonObject[]> {
  const rows = await database
    .selectFrom(weeksOf(database, selection).as('sums'))
    .select(({ fn }) => [
      ...(['id', 'model_group'] as const),
      ...(['spend', 'prompt_tokens', 'completion_tokens'] as const).map((sum) => fn.sum<number>(sum).as(sum)),
    ])
    .groupBy(['id', 'model_group'])
    .orderBy('spend', 'desc')
    .orderBy('id')
    .orderBy('model_group')
    .limit(MOST_ROWS + 1)
    .execute()
  demandFew(rows)
  const keys = [...Map.groupBy(rows, ({ id }) => id)].map(([id, some]) => {
    const details = some.map(({ model_group: model, ...sums }) => ({ model, ...costs(sums) }))
    const sum = (field: 'spend' | 'prompt_tokens' | 'completion_tokens') =>
      some.reduce((all, row) => all + row[field], 0)
    const all = {
      spend: sum('spend'),
      prompt_tokens: sum('prompt_tokens'),
      completion_tokens: sum('completion_tokens'),
    }
    return { spend: all.spend, told: { api_key: id, ...costs(all), model_details: details } }
  })
  return keys.sort((one, other) => other.spend - one.spend).map(({ told }) => told)
}

function costs(sums: { readonly spend: number; readonly prompt_tokens: number; readonly completion_tokens: number }) {
  return {
    total_cost: toDollars(sums.spend),
    total_input_tokens: sums.prompt_tokens,
    total_output_tokens: sums.completion_tokens,
  }
}

function demandFew(rows: readonly unknown[]): void {
  if (rows.length <= MOST_ROWS) return
  const message = `The report would have more than ${MOST_ROWS} rows; ask for fewer days, or for CSV of the sums.`
  throw new GatewayError('invalid_request', message, { param: 'start_date' })
}

async function teamAliases(database: Kysely<Tables>, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const aliases = new Map<string, string>()
  for (let start = 0; start < ids.length; start += 5_000) {
    const rows = await database
      .selectFrom('tianji_teams')
      .select(['team_id', 'team_alias'])
      .where('team_id', 'in', ids.slice(start, start + 5_000))
      .execute()
    for (const { team_id, team_alias } of rows) if (team_alias !== null) aliases.set(team_id, team_alias)
  }
  return aliases
}
