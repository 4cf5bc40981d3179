import { GatewayError, type JsonObject } from '@tianjillm/core'
import { type Store, toDollars } from '@tianjillm/store'
import * as v from 'valibot'
import { timeText } from './limits.ts'
import { count, name, readBody } from './read-body.ts'

/** What was spent, as the routes tell it. */
export interface Spend {
  /** A page of calls, the newest first. */
  logs(query: unknown): Promise<JsonObject>
  /** Sums of one kind: of keys, users, teams, tags or models, those that spent most first. */
  sums(kind: SpendKind, query: unknown): Promise<JsonObject>
  /** Sums of all calls, day by day. */
  days(query: unknown): Promise<JsonObject>
}

/** By what spend is added up. */
export type SpendKind = 'keys' | 'users' | 'teams' | 'tags' | 'models'

const LARGEST_PAGE = 1_000

const day = v.pipe(v.string(), v.isoDate('expected a day such as 2026-11-21'))
const range = { start_date: v.optional(day), end_date: v.optional(day) }
const page = { page: v.optional(count, 1), size: v.optional(count, 100) }
const logQuery = v.strictObject({
  ...range,
  ...page,
  request_id: v.optional(name),
  api_key: v.optional(name),
  user_id: v.optional(name),
  team_id: v.optional(name),
})
const sumQuery = v.strictObject({ ...range, ...page })
const dayQuery = v.strictObject(range)

/** The kind of rows that hold the sums; models are in all of them. */
const kinds: Readonly<Record<Exclude<SpendKind, 'models'>, string>> = {
  keys: 'key',
  users: 'user',
  teams: 'team',
  tags: 'tag',
}

/** The spend that a store has. */
export function spendIn({ database }: Store): Spend {
  return {
    async logs(query) {
      const { page: wanted, size, start_date: from, end_date: to, api_key: key, ...rest } = readBody(logQuery, query)
      const { most, current } = within(wanted, size)
      let found = database.selectFrom('tianji_spend_logs')
      if (from !== undefined) found = found.where('start_time', '>=', Date.parse(from))
      if (to !== undefined) found = found.where('start_time', '<', Date.parse(to) + DAY)
      if (key !== undefined) found = found.where('key_hash', '=', key)
      // The filters have the names of columns.
      for (const [column, value] of Object.entries(rest))
        if (value !== undefined) found = found.where(column as keyof typeof rest, '=', value)
      const { total } = await found.select(({ fn }) => fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
      const rows = await found
        .selectAll()
        .orderBy('start_time', 'desc')
        .orderBy('request_id')
        .limit(most)
        .offset((current - 1) * most)
        .execute()
      const data = rows.map(({ spend, start_time, end_time, tags, metadata: _, cache_hit, ...row }) => ({
        ...row,
        spend: toDollars(spend),
        startTime: timeText(start_time),
        endTime: timeText(end_time),
        request_tags: JSON.parse(tags),
        cache_hit: cache_hit === 1,
      }))
      return { data, total, page: current, page_size: most, total_pages: Math.ceil(total / most) }
    },
    async sums(kind, query) {
      const { page: wanted, size, start_date: from, end_date: to } = readBody(sumQuery, query)
      const { most, current } = within(wanted, size)
      const column = kind === 'models' ? 'model_group' : 'id'
      let found = database.selectFrom('tianji_daily_spend').where('kind', '=', kind === 'models' ? 'all' : kinds[kind])
      if (from !== undefined) found = found.where('day', '>=', from)
      if (to !== undefined) found = found.where('day', '<=', to)
      const rows = await found
        .select(({ fn, ref }) => [ref(column).as('id'), ...counters.map((name) => fn.sum<number>(name).as(name))])
        .groupBy(column)
        .orderBy('spend', 'desc')
        .orderBy(column)
        .limit(most)
        .offset((current - 1) * most)
        .execute()
      return { data: rows.map(({ id, ...sums }) => ({ id, ...told(sums) })), page: current, page_size: most }
    },
    async days(query) {
      const { start_date: from, end_date: to } = readBody(dayQuery, query)
      if (from !== undefined && to !== undefined && from > to)
        throw new GatewayError('invalid_request', '`start_date` is after `end_date`.', { param: 'start_date' })
      let found = database.selectFrom('tianji_daily_spend').where('kind', '=', 'all')
      if (from !== undefined) found = found.where('day', '>=', from)
      if (to !== undefined) found = found.where('day', '<=', to)
      const rows = await found
        .select(({ fn, ref }) => [ref('day').as('day'), ...counters.map((name) => fn.sum<number>(name).as(name))])
        .groupBy('day')
        .orderBy('day')
        .execute()
      return { data: rows.map(({ day: date, ...sums }) => ({ date, ...told(sums) })) }
    },
  }
}

const DAY = 86_400_000

const counters = ['requests', 'failures', 'unpriced', 'prompt_tokens', 'completion_tokens', 'spend'] as const

type Sums = Readonly<Record<(typeof counters)[number], number>>

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

function within(wanted: number, size: number): { readonly most: number; readonly current: number } {
  return { most: Math.min(Math.max(size, 1), LARGEST_PAGE), current: Math.max(wanted, 1) }
}
