import { sql, type Tables } from '@tianjillm/store'
import type { Kysely } from 'kysely'
import { counters, daysOf, type Selection, type Sums } from './daily.ts'

/** What was spent on a day by, with or at something. */
export interface DaySums extends Sums {
  readonly day: string
  readonly name: string
}

/** On each day the `most` that cost most, so that an answer stays small however many there are. */
export async function rankedByDay(
  database: Kysely<Tables>,
  selection: Selection,
  column: 'id' | 'model_group' | 'provider',
  most: number,
): Promise<readonly DaySums[]> {
  const place = sql<number>`row_number() over (partition by day order by spend desc, requests desc, name)`
  return database
    .with('sums', () =>
      daysOf(database, selection)
        .select(({ fn, ref }) => [
          'day',
          ref(column).as('name'),
          ...counters.map((name) => fn.sum<number>(name).as(name)),
        ])
        .groupBy(['day', column]),
    )
    .with('places', (near) => near.selectFrom('sums').selectAll().select(place.as('place')))
    .selectFrom('places')
    .select(['day', 'name', ...counters])
    .where('place', '<=', most)
    .orderBy('day', 'desc')
    .orderBy('place')
    .execute()
}
