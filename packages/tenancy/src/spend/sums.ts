import type { JsonObject } from '@tianjillm/core'
import { type Tables, toDollars } from '@tianjillm/store'
import type { Kysely } from 'kysely'
import * as v from 'valibot'
import { readBody } from '../read-body.ts'
import { type AccountKind, counters, daysOf, type Sums } from './daily.ts'
import { demandOrder, type Page, pageEntries, pageOf, type Range, rangeEntries } from './query.ts'
import { pagedTable, type SpendTable } from './spend-table.ts'

/** By what spend is added up. */
export type SpendKind = 'keys' | 'users' | 'teams' | 'organizations' | 'end_users' | 'tags' | 'models'

const SIZES = { usual: 100, largest: 1_000 }
const ROWS_AT_ONCE = 5_000

const sumQuery = v.strictObject({ ...rangeEntries, ...pageEntries })
const dayQuery = v.strictObject(rangeEntries)

/** The kind of rows that hold the sums; models are in all of them. */
const kinds: Readonly<Record<SpendKind, AccountKind>> = {
  keys: 'key',
  users: 'user',
  teams: 'team',
  organizations: 'organization',
  end_users: 'end_user',
  tags: 'tag',
  models: 'all',
}

/** What each of a kind has spent. */
export interface NamedSums extends Sums {
  readonly id: string
}

/** Those that spent most first. */
export function sumsOf(
  database: Kysely<Tables>,
  kind: SpendKind,
  { ids, ...range }: Range & { readonly ids?: readonly string[] | undefined },
  { most, offset }: Pick<Page, 'most' | 'offset'>,
): Promise<readonly NamedSums[]> {
  const column = kind === 'models' ? 'model_group' : 'id'
  return daysOf(database, { ...range, ids, kind: kinds[kind] }, column)
    .select(({ fn, ref }) => [ref(column).as('id'), ...counters.map((name) => fn.sum<number>(name).as(name))])
    .groupBy(column)
    .orderBy('spend', 'desc')
    .orderBy(column)
    .limit(most)
    .offset(offset)
    .execute()
}

/** A page of sums of one kind. */
export async function sumsIn(database: Kysely<Tables>, kind: SpendKind, query: unknown): Promise<JsonObject> {
  const { start_date, end_date, ...asked } = readBody(sumQuery, query)
  const range = { start_date, end_date }
  demandOrder(range)
  const page = pageOf(asked, SIZES)
  const rows = await sumsOf(database, kind, range, page)
  return { data: rows.map(toldSum), page: page.current, page_size: page.most }
}

/** All sums of one kind. */
export function sumTable(database: Kysely<Tables>, kind: SpendKind, query: unknown): SpendTable {
  const { start_date, end_date } = readBody(sumQuery, query)
  const range = { start_date, end_date }
  demandOrder(range)
  return pagedTable(['id', ...sumColumns], ROWS_AT_ONCE, async (offset) => {
    const rows = await sumsOf(database, kind, range, { most: ROWS_AT_ONCE, offset })
    return rows.map(toldSum)
  })
}

/** Sums of all calls, day by day. */
export async function daysIn(database: Kysely<Tables>, query: unknown): Promise<readonly JsonObject[]> {
  const range = readBody(dayQuery, query)
  demandOrder(range)
  const rows = await daysOf(database, { ...range, kind: 'all' }, 'day')
    .select(({ fn }) => ['day', ...counters.map((name) => fn.sum<number>(name).as(name))])
    .groupBy('day')
    .orderBy('day')
    .execute()
  return rows.map(({ day: date, ...sums }) => ({ date, ...told(sums) }))
}

/** The same as a table. */
export function dayTable(database: Kysely<Tables>, query: unknown): SpendTable {
  async function* pages(): AsyncGenerator<readonly JsonObject[]> {
    yield await daysIn(database, query)
  }
  return { columns: ['date', ...sumColumns], pages: pages() }
}

const sumColumns = [
  ...['spend', 'api_requests', 'failed_requests', 'unpriced_requests'],
  ...['prompt_tokens', 'completion_tokens', 'total_tokens'],
]

function toldSum({ id, ...sums }: NamedSums): JsonObject {
  return { id, ...told(sums) }
}

function told({ spend, requests, failures, unpriced, prompt_tokens, completion_tokens }: Sums): JsonObject {
  return {
    spend: toDollars(spend),
    api_requests: requests,
    failed_requests: failures,
    unpriced_requests: unpriced,
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
  }
}
