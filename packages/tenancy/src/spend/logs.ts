import type { JsonObject } from '@tianjillm/core'
import { type SpendLogTable, sql, type Tables, toDollars } from '@tianjillm/store'
import type { Kysely, Selectable, SelectQueryBuilder } from 'kysely'
import * as v from 'valibot'
import type { Actor } from '../actor.ts'
import { timeText } from '../limits.ts'
import { name, readBody } from '../read-body.ts'
import { demandOrder, keyHash, pageEntries, pageOf, rangeEntries } from './query.ts'
import { scopeOf } from './scope.ts'
import type { SpendTable } from './spend-table.ts'
import { summaryOf } from './summary.ts'

const logQuery = v.strictObject({
  ...rangeEntries,
  ...pageEntries,
  request_id: v.optional(name),
  api_key: v.optional(keyHash),
  user_id: v.optional(name),
  team_id: v.optional(name),
  end_user: v.optional(name),
  model: v.optional(name),
  status: v.optional(v.picklist(['success', 'failure'], 'expected success or failure')),
  summarize: v.optional(v.boolean('expected true or false')),
})

type LogQuery = v.InferOutput<typeof logQuery>

const DAY = 86_400_000
const SIZES = { usual: 100, largest: 1_000 }

/** A page of calls, the newest first; with `summarize` their sums by day. */
export async function logsIn(
  database: Kysely<Tables>,
  query: unknown,
  actor: Actor,
): Promise<JsonObject | readonly JsonObject[]> {
  const asked = readBody(logQuery, query)
  const scope = await scoped(database, asked, actor)
  if (asked.summarize === true) return summaryOf(database, { ...asked, ...scope })
  const { current, most, offset } = pageOf(asked, SIZES)
  const found = calls(database, { ...asked, ...scope })
  const { total } = await found.select(({ fn }) => fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
  // Looking for what is not there takes longest.
  const rows = total > offset ? await inOrder(found).selectAll().limit(most).offset(offset).execute() : []
  return { data: rows.map(told), total, page: current, page_size: most, total_pages: Math.ceil(total / most) }
}

/** Every call that is meant, or the page that is asked for. */
export async function logTable(database: Kysely<Tables>, query: unknown, actor: Actor): Promise<SpendTable> {
  const asked = readBody(logQuery, query)
  const scope = await scoped(database, asked, actor)
  const found = calls(database, { ...asked, ...scope })
  const { most, offset } = pageOf(asked, { usual: SIZES.largest, largest: SIZES.largest })
  const isOnePage = asked.page !== undefined || asked.size !== undefined || asked.page_size !== undefined
  async function* pages(): AsyncGenerator<readonly JsonObject[]> {
    let rows = await inOrder(found)
      .selectAll()
      .limit(most)
      .offset(isOnePage ? offset : 0)
      .execute()
    yield rows.map(told)
    while (!isOnePage && rows.length === most) {
      // From where the last page ended, for new calls push a count of rows along.
      const { start_time, request_id } = rows.at(-1)!
      const after = found
        .where('start_time', '<=', start_time)
        .where(({ or, eb }) => or([eb('start_time', '<', start_time), eb('request_id', '>', request_id)]))
      rows = await inOrder(after).selectAll().limit(most).execute()
      yield rows.map(told)
    }
  }
  return { columns: logColumns, pages: pages() }
}

const logColumns = [
  ...['request_id', 'startTime', 'endTime', 'call_type', 'status', 'http_status', 'model_group', 'model', 'provider'],
  ...['spend', 'prompt_tokens', 'completion_tokens', 'total_tokens', 'cached_tokens', 'cache_hit'],
  ...['key_hash', 'user_id', 'team_id', 'organization_id', 'end_user_id', 'deployment_id', 'trace_id'],
  ...['request_tags', 'error'],
]

async function scoped(database: Kysely<Tables>, asked: LogQuery, actor: Actor): Promise<Partial<LogQuery>> {
  demandOrder(asked)
  const { userId, keyHash: key } = await scopeOf(database, { userId: asked.user_id, keyHash: asked.api_key }, actor)
  return { user_id: userId, api_key: key }
}

type Calls = SelectQueryBuilder<Tables, 'tianji_spend_logs', Record<never, never>>

const columns = {
  request_id: 'request_id',
  api_key: 'key_hash',
  user_id: 'user_id',
  team_id: 'team_id',
  end_user: 'end_user_id',
  model: 'model_group',
} as const

function calls(database: Kysely<Tables>, asked: LogQuery): Calls {
  let found: Calls = database.selectFrom('tianji_spend_logs')
  if (asked.start_date !== undefined) found = found.where('start_time', '>=', Date.parse(asked.start_date))
  if (asked.end_date !== undefined) found = found.where('start_time', '<', Date.parse(asked.end_date) + DAY)
  // A literal, for there is an index of failures alone.
  if (asked.status !== undefined) found = found.where('status', '=', sql.lit(asked.status))
  for (const [field, column] of Object.entries(columns)) {
    const value = asked[field as keyof typeof columns]
    if (value !== undefined) found = found.where(column, '=', value)
  }
  return found
}

/** The newest first; of the same moment in the order of their ids, so that no page has what another has. */
function inOrder(found: Calls): Calls {
  return found.orderBy('start_time', 'desc').orderBy('request_id')
}

function told(row: Selectable<SpendLogTable>): JsonObject {
  const { spend, start_time, end_time, tags, metadata: _, cache_hit, ...rest } = row
  return {
    ...rest,
    spend: toDollars(spend),
    startTime: timeText(start_time),
    endTime: timeText(end_time),
    request_tags: JSON.parse(tags),
    cache_hit: cache_hit === 1,
  }
}
