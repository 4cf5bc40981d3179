import { Kysely, PostgresDialect, SqliteDialect } from 'kysely'
import { type Dialect, migrate } from './migrate.ts'
import type { Tables } from './tables.ts'

/** An open database, in the newest shape. */
export interface Store {
  readonly database: Kysely<Tables>
  readonly dialect: Dialect
  /** For messages; without the password. */
  readonly title: string
  close(): Promise<void>
}

/** How a store is opened. */
export interface StoreSettings {
  /** `postgres://user:password@host:5432/name`, `sqlite:./data/tianji.db`, or the path of an SQLite file. */
  readonly url: string
  /** Connections to PostgreSQL; default 10. */
  readonly poolSize?: number
}

/** Milliseconds that connecting to PostgreSQL, and one of its statements, may take. */
const CONNECT_TIMEOUT = 5_000
const STATEMENT_TIMEOUT = 30_000

/**
 * Opens a store and brings it to the newest shape. Rejects when it cannot be reached, was
 * made by a newer version, or is of another kind.
 */
export async function openStore(settings: StoreSettings): Promise<Store> {
  const isPostgres = /^postgres(ql)?:/.test(settings.url)
  if (!isPostgres && /^(?!sqlite:|file:)[a-z][a-z0-9+.-]+:/i.test(settings.url))
    throw new Error('a database has the URL postgresql://… or sqlite:…')
  const { database, title } = isPostgres ? await openPostgres(settings) : await openSqlite(settings)
  const dialect = isPostgres ? 'postgres' : 'sqlite'
  try {
    // A migration knows tables that are not in `Tables` any more.
    await migrate(database as Kysely<unknown>, dialect)
  } catch (error) {
    await database.destroy()
    throw error
  }
  return { database, dialect, title, close: () => database.destroy() }
}

interface Opened {
  readonly database: Kysely<Tables>
  readonly title: string
}

async function openSqlite({ url }: StoreSettings): Promise<Opened> {
  // Neither is loaded by those who use the other.
  const { sqliteDatabase } = await import('./sqlite.ts')
  const file = url.replace(/^(sqlite|file):(\/\/(?=\/))?/, '')
  return { database: new Kysely({ dialect: new SqliteDialect({ database: sqliteDatabase(file) }) }), title: file }
}

async function openPostgres({ url, poolSize = 10 }: StoreSettings): Promise<Opened> {
  const { default: pg } = await import('pg')
  const { host, pathname } = new URL(url)
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    statement_timeout: STATEMENT_TIMEOUT,
    types: { getTypeParser: (type, format) => numbers.get(type) ?? pg.types.getTypeParser(type, format) },
  })
  // A connection that breaks while nobody uses it; the next query takes another.
  pool.on('error', () => {})
  return { database: new Kysely({ dialect: new PostgresDialect({ pool }) }), title: `${host}${pathname}` }
}

/** Types of PostgreSQL that `pg` leaves as texts, for fear of large ones: bigint, and sums, which are numeric. */
const numbers: ReadonlyMap<number, (text: string) => number> = new Map([
  [20, Number],
  [1700, Number],
])
