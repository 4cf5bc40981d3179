import { sql, type Tables } from '@tianjillm/store'
import type { Kysely } from 'kysely'
import { counters, daysOf, type Selection, type Split, type Sums } from './daily.ts'

/** What was spent on a day by, with or at something. */
export interface DaySums extends Sums {
  readonly day: string
  readonly name: string
}

/** On each day the `most` that cost most, so that an answer stays small however many there are. */
export async function rankedByDay(
  database: Kysely<Tables>,
  selection: Selection,
  column: Exclude<Split, 'day'>,
  most: number,
): Promise<readonly DaySums[]> {
  const place = sql<number>`row_number() over (partition by day order by spend desc, requests desc, name)`
  return database
    .with('sums', () => {
      const found = daysOf(database, selection, column).select(({ ref }) => ['day', ref(column).as('name')])
      // An account has one row a day then, and grouping them would take longer than to read them.
      if (column === 'id' && selection.model === undefined) return found.select(counters)
      return found.select(({ fn }) => counters.map((name) => fn.sum<number>(name).as(name))).groupBy(['day', column])
    })
    .with('places', (near) => near.selectFrom('sums').selectAll().select(place.as('place')))
    .selectFrom('places')
    .select(['day', 'name', ...counters])
    .where('place', '<=', most)
    .orderBy('day', 'desc')
    .orderBy('place')
    .execute()
}
