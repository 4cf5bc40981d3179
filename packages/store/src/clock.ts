import { type RawBuilder, sql } from 'kysely'
import type { Time } from './columns.ts'
import type { Dialect } from './migrate.ts'

/** The database's own time, which is the same for all gateways, as a part of a query. */
export function timeIn(dialect: Dialect): RawBuilder<Time> {
  return times[dialect]
}

const times: Readonly<Record<Dialect, RawBuilder<Time>>> = {
  sqlite: sql<Time>`cast(round((julianday('now') - 2440587.5) * 86400000) as integer)`,
  postgres: sql<Time>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`,
}
