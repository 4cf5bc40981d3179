import type { JsonObject } from '@tianjillm/core'
import { type Tables, toDollars } from '@tianjillm/store'
import type { Kysely } from 'kysely'
import * as v from 'valibot'
import { count, readBody } from '../read-body.ts'
import { daysOf } from './daily.ts'
import { demandOrder, nameList, rangeEntries } from './query.ts'
import { rankedByDay } from './ranked.ts'
import { type NamedSums, type SpendKind, sumsOf } from './sums.ts'

/** What LiteLLM's routes under `/global/spend` tell, each as the function of its name has it. */
export type GlobalView = 'total' | 'keys' | 'models' | 'tags' | 'teams'

/** A view of all that was spent. */
export function globalIn(
  database: Kysely<Tables>,
  view: GlobalView,
  query: unknown,
): Promise<JsonObject | readonly JsonObject[]> {
  return views[view](database, query)
}

type View = (database: Kysely<Tables>, query: unknown) => Promise<JsonObject | readonly JsonObject[]>

const views: Readonly<Record<GlobalView, View>> = { total, keys, models, tags, teams }

const LARGEST_LIST = 1_000
/** Teams of a day that are told, those that spent most. */
const MOST_TEAMS = 100

const rangeQuery = v.strictObject(rangeEntries)
const listQuery = v.strictObject({ ...rangeEntries, limit: v.optional(count) })
const tagQuery = v.strictObject({ ...rangeEntries, tags: v.optional(nameList) })

async function total(database: Kysely<Tables>, query: unknown): Promise<JsonObject> {
  const range = readBody(rangeQuery, query)
  demandOrder(range)
  const { spend } = await daysOf(database, { ...range, kind: 'all' }, 'day')
    .select(({ fn }) => fn.sum<number | null>('spend').as('spend'))
    .executeTakeFirstOrThrow()
  return { spend: toDollars(spend ?? 0) }
}

async function keys(database: Kysely<Tables>, query: unknown): Promise<readonly JsonObject[]> {
  const rows = await listed(database, 'keys', query, 100)
  if (rows.length === 0) return []
  const known = await database
    .selectFrom('tianji_keys')
    .select(['key_hash', 'key_alias', 'key_name'])
    .where(
      'key_hash',
      'in',
      rows.map(({ id }) => id),
    )
    .execute()
  const names = new Map(known.map(({ key_hash, ...facts }) => [key_hash, facts]))
  const unknown = { key_alias: null, key_name: null }
  return rows.map(({ id, spend }) => ({ api_key: id, ...(names.get(id) ?? unknown), total_spend: toDollars(spend) }))
}

async function models(database: Kysely<Tables>, query: unknown): Promise<readonly JsonObject[]> {
  const rows = await listed(database, 'models', query, 10)
  return rows.map(({ id, spend }) => ({ model: id, total_spend: toDollars(spend) }))
}

async function tags(database: Kysely<Tables>, query: unknown): Promise<JsonObject> {
  const { tags: names, ...range } = readBody(tagQuery, query)
  demandOrder(range)
  const rows = await sumsOf(database, 'tags', { ...range, ids: names }, { most: LARGEST_LIST, offset: 0 })
  return {
    spend_per_tag: rows.map(({ id, spend, requests }) => ({ name: id, spend: toDollars(spend), log_count: requests })),
  }
}

async function teams(database: Kysely<Tables>, query: unknown): Promise<JsonObject> {
  const range = readBody(rangeQuery, query)
  demandOrder(range)
  const [all, ofDays] = await Promise.all([
    sumsOf(database, 'teams', range, { most: MOST_TEAMS, offset: 0 }),
    rankedByDay(database, { ...range, kind: 'team' }, 'id', MOST_TEAMS),
  ])
  const days = Map.groupBy(ofDays, ({ day }) => day)
  return {
    daily_spend: [...days].map(([date, some]) => ({
      ...Object.fromEntries(some.map(({ name, spend }) => [name, toDollars(spend)])),
      date,
    })),
    teams: all.map(({ id }) => id),
    total_spend_per_team: all.map(({ id, spend }) => ({ team_id: id, total_spend: toDollars(spend) })),
  }
}

function listed(
  database: Kysely<Tables>,
  kind: SpendKind,
  query: unknown,
  usual: number,
): Promise<readonly NamedSums[]> {
  const { limit = usual, ...range } = readBody(listQuery, query)
  demandOrder(range)
  return sumsOf(database, kind, range, { most: Math.min(Math.max(limit, 1), LARGEST_LIST), offset: 0 })
}
