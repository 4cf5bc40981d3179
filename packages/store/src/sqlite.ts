import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { SqliteDatabase } from 'kysely'

/** Prepared statements that are kept. */
const MOST_STATEMENTS = 500

/** Milliseconds a statement waits while another process writes. */
const BUSY_TIMEOUT = 5_000

/**
 * Kysely begins a transaction that has to wait for nobody, and that fails, without waiting, when it comes to write and
 * another process has written since. All of ours write, so they wait for their turn before they read.
 */
const BEGIN = 'begin immediate'

/**
 * Pages that are read again stay in memory, up to 16 MiB, and the log is put into the file when it has 32 MiB, for each
 * time that is done this thread waits for the disk.
 */
const PRAGMAS = `
  pragma journal_mode = wal; pragma synchronous = normal; pragma foreign_keys = on;
  pragma cache_size = -16384; pragma wal_autocheckpoint = 8000`

/** What SQLite takes as the value of a parameter. */
type Bound = null | string | number | bigint | Uint8Array

/** node's own SQLite in the shape Kysely wants. Creates the file, readable by its owner alone, and its folder. */
export function sqliteDatabase(file: string): SqliteDatabase {
  if (file !== ':memory:') createPrivate(file)
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT })
  database.exec(PRAGMAS)
  const statements = new Map<string, Prepared>()
  const prepare = (sql: string): Prepared => {
    let prepared = statements.get(sql)
    if (prepared === undefined) {
      if (statements.size >= MOST_STATEMENTS) statements.clear()
      prepared = preparedFor(database, sql)
      statements.set(sql, prepared)
    }
    return prepared
  }
  return {
    close: () => database.close(),
    prepare(sql) {
      const { statement, columns } = prepare(sql === 'begin' ? BEGIN : sql)
      return {
        reader: columns.length > 0,
        all: (parameters) => valuesOf(statement.all(...parameters.map(bound))).map((row) => objectOf(columns, row)),
        run: (parameters) => statement.run(...parameters.map(bound)),
        *iterate(parameters) {
          for (const row of valuesOf(statement.iterate(...parameters.map(bound)))) yield objectOf(columns, row)
        },
      }
    },
  }
}

interface Prepared {
  readonly statement: StatementSync
  readonly columns: readonly string[]
}

function preparedFor(database: DatabaseSync, sql: string): Prepared {
  const statement = database.prepare(sql)
  statement.setReturnArrays(true)
  return { statement, columns: statement.columns().map(({ name }) => name) }
}

/** A new file is its owner's alone, and so are those that SQLite puts beside it. */
function createPrivate(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  closeSync(openSync(file, 'a', 0o600))
}

/** Whatever SQLite would take for something else, such as an object for named parameters, is said to be wrong. */
function bound(value: unknown): Bound {
  if (value === undefined || value === null) return null
  if (typeof value === 'boolean') return Number(value)
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return value
  if (value instanceof Uint8Array) return value
  throw new TypeError(`SQLite has no ${typeof value}; write it as a text.`)
}

/** Rows as they come when arrays are asked for, which node's types know nothing of. */
function valuesOf<Rows extends Iterable<unknown>>(rows: Rows): Rows extends unknown[] ? Row[] : Iterable<Row> {
  return rows as never
}

type Row = readonly Bound[]

/** A row as a plain object: those of node have no prototype, and copying them would cost more than to read them. */
function objectOf(columns: readonly string[], values: Row): object {
  const row: Record<string, Bound> = {}
  for (let at = 0; at < columns.length; at++) row[columns[at]!] = values[at]!
  return row
}
