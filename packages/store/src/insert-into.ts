import { CompiledQuery, type Transaction } from 'kysely'
import type { Dialect } from './migrate.ts'
import type { Tables } from './tables.ts'

/** Inserts rows, and gives what the database returns. */
export type Insert<Row> = (
  transaction: Transaction<Tables>,
  dialect: Dialect,
  rows: readonly Row[],
) => Promise<readonly unknown[]>

/** Rows of one statement: few kinds of it are worth preparing, and any number of rows is made of them. */
const sizes = [256, 64, 16, 4, 1] as const

/**
 * What inserts into a table that many rows are written to. Statements are not built anew each time: for thousands of
 * rows a second that would cost more than to carry them out. `ending` says what becomes of rows that are there already,
 * and what is returned.
 */
export function insertInto<Row>(
  table: keyof Tables,
  columns: readonly (keyof Row & string)[],
  ending: string,
): Insert<Row> {
  const statements: Readonly<Record<Dialect, Map<number, CompiledQuery>>> = { sqlite: new Map(), postgres: new Map() }
  const statementFor = (dialect: Dialect, count: number) => {
    const known = statements[dialect].get(count)
    if (known !== undefined) return known
    const places = Array.from({ length: count }, (_, row) => placesOf(dialect, row * columns.length, columns.length))
    const text = `insert into ${table} (${columns.join(', ')}) values ${places.join(', ')} ${ending}`
    const statement = CompiledQuery.raw(text)
    statements[dialect].set(count, statement)
    return statement
  }
  return async (transaction, dialect, rows) => {
    const returned: unknown[] = []
    for (let start = 0; start < rows.length; ) {
      const size = sizes.find((most) => most <= rows.length - start)!
      const values: unknown[] = []
      for (const row of rows.slice(start, start + size)) for (const column of columns) values.push(row[column])
      // Not through `raw`, which would freeze thousands of values.
      const result = await transaction.executeQuery({ ...statementFor(dialect, size), parameters: values })
      for (const row of result.rows) returned.push(row)
      start += size
    }
    return returned
  }
}

/** The ending that adds to the sums of a row that is there already, and returns nothing. */
export function addingTo(table: keyof Tables, key: readonly string[], sums: readonly string[]): string {
  const added = sums.map((column) => `${column} = ${table}.${column} + excluded.${column}`)
  return `on conflict (${key.join(', ')}) do update set ${added.join(', ')}`
}

function placesOf(dialect: Dialect, start: number, width: number): string {
  const places = Array.from({ length: width }, (_, at) => (dialect === 'postgres' ? `$${start + at + 1}` : '?'))
  return `(${places.join(', ')})`
}
