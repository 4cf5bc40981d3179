import { sql } from '@tianjillm/store'
import type { SelectQueryBuilder } from 'kysely'
import * as v from 'valibot'
import { count } from './read-body.ts'

const LARGEST_PAGE = 100
/** Pages beyond it are as empty as any. */
const LAST_PAGE = 1_000_000

/** Which page of a list, and how long one is. */
export const pageEntries: {
  readonly page: v.OptionalSchema<v.GenericSchema<number>, 1>
  readonly size: v.OptionalSchema<v.GenericSchema<number>, 10>
} = { page: v.optional(count, 1), size: v.optional(count, 10) }

/** A page of a list, and its place. */
export interface Page<Row> {
  readonly rows: readonly Row[]
  readonly total_count: number
  readonly current_page: number
  readonly total_pages: number
}

/** A page of what a query finds, in the order that `ordered` gives. At most 100 rows, unless `most` says otherwise. */
export async function paged<Database, Table extends keyof Database, Row>(
  found: SelectQueryBuilder<Database, Table, Row>,
  {
    page,
    size,
    most: largest = LARGEST_PAGE,
  }: { readonly page: number; readonly size: number; readonly most?: number },
  ordered: (found: SelectQueryBuilder<Database, Table, Row>) => SelectQueryBuilder<Database, Table, Row>,
): Promise<Page<Row>> {
  const most = Math.min(Math.max(size, 1), largest)
  const current = Math.min(Math.max(page, 1), LAST_PAGE)
  const counted = found.clearSelect().select(sql<number>`count(*)`.as('total'))
  // Its type is lost where the tables are not known.
  const { total } = (await counted.executeTakeFirstOrThrow()) as { readonly total: number }
  const rows = await ordered(found)
    .limit(most)
    .offset((current - 1) * most)
    .execute()
  return { rows, total_count: total, current_page: current, total_pages: Math.ceil(total / most) }
}

/** SQLite's and PostgreSQL's words for a row that would be there twice. */
export function isTaken(error: unknown): boolean {
  return error instanceof Error && /unique constraint/i.test(error.message)
}

/** Their words for two who want the same rows, of whom one has to begin anew. */
export function isConflict(error: unknown): boolean {
  return error instanceof Error && /deadlock detected|could not serialize|database is locked/i.test(error.message)
}
