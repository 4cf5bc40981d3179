import type { Tables } from '@tianjillm/store'
import type { Kysely, SelectQueryBuilder } from 'kysely'
import { daysOf, type Selection } from './daily.ts'
import type { Range } from './query.ts'

/** What keys spent with models. */
export interface KeyModelSums {
  readonly id: string
  readonly model_group: string
  readonly spend: number
  readonly prompt_tokens: number
  readonly completion_tokens: number
}

const columns = ['id', 'model_group', 'spend', 'prompt_tokens', 'completion_tokens'] as const

/** Rows of keys and models, several of each: of whole weeks as far as there are any, and of the days around them. */
export function weeksOf(
  database: Kysely<Tables>,
  { ids, ...range }: Pick<Selection, 'ids' | keyof Range>,
): SelectQueryBuilder<Tables, 'tianji_weekly_spend', KeyModelSums> {
  const { from, to, around } = splitByWeeks(range)
  let weeks = database.selectFrom('tianji_weekly_spend').where('kind', '=', 'key')
  if (from !== undefined) weeks = weeks.where('week', '>=', from)
  if (to !== undefined) weeks = weeks.where('week', '<', to)
  if (ids !== undefined) weeks = weeks.where('id', 'in', ids.length > 0 ? [...ids] : [''])
  return around.reduce(
    (rows, days) => rows.unionAll(daysOf(database, { ...days, ids, kind: 'key' }, 'model_group').select(columns)),
    weeks.select(columns),
  )
}

interface Split {
  /** The Monday with which the first whole week begins. */
  readonly from: string | undefined
  /** The Monday that follows the last one; not after `from` where there is none. */
  readonly to: string | undefined
  /** The days that are in no whole week. */
  readonly around: readonly Range[]
}

function splitByWeeks({ start_date, end_date }: Range): Split {
  const from = start_date === undefined ? undefined : mondayOf(moved(start_date, 6))
  const to = end_date === undefined ? undefined : mondayOf(moved(end_date, 1))
  if (from !== undefined && to !== undefined && from >= to) return { from, to, around: [{ start_date, end_date }] }
  const before = from === undefined || from === start_date ? [] : [{ start_date, end_date: moved(from, -1) }]
  const after = to === undefined || to > end_date! ? [] : [{ start_date: to, end_date }]
  return { from, to, around: [...before, ...after] }
}

const DAY = 86_400_000

/** Another day, so many days later. */
function moved(day: string, days: number): string {
  return new Date(Date.parse(day) + days * DAY).toISOString().slice(0, 10)
}

/** The Monday of a day's week. */
function mondayOf(day: string): string {
  return moved(day, -((new Date(day).getUTCDay() + 6) % 7))
}
