import { type Kysely, sql } from 'kysely'
import { keysAndSpend } from './migrations/2026-11-keys-and-spend.ts'

/** One step from an older shape of the database to the next. Never takes anything away. */
export interface Migration {
  /** Kept in the database; never changed once it is out. */
  readonly name: string
  up(database: Kysely<unknown>, dialect: Dialect): Promise<void>
}

/** A kind of database. */
export type Dialect = 'sqlite' | 'postgres'

/** All steps, the oldest first. */
const migrations: readonly Migration[] = [keysAndSpend]

/** Number of our lock among PostgreSQL's advisory locks. */
const LOCK = 7_216_842

/** What takes the lock that lets one process migrate at a time; all is one transaction. */
const begin: Readonly<Record<Dialect, readonly string[]>> = {
  sqlite: ['begin immediate'],
  postgres: ['begin', `select pg_advisory_xact_lock(${LOCK})`],
}

/**
 * Brings the database to the newest shape; several processes may do it at once. Either all steps that are missing are
 * done, or none. Rejects when the database was made by a newer version.
 */
export async function migrate(
  database: Kysely<unknown>,
  dialect: Dialect,
  steps: readonly Migration[] = migrations,
): Promise<readonly string[]> {
  return database.connection().execute(async (connection) => {
    for (const statement of begin[dialect]) await sql.raw(statement).execute(connection)
    try {
      const done = await doneIn(connection)
      demandKnown(done, steps)
      const missing = steps.filter(({ name }) => !done.includes(name))
      for (const { name, up } of missing) {
        await up(connection, dialect)
        await sql`insert into tianji_migrations (name, done_at) values (${name}, ${Date.now()})`.execute(connection)
      }
      await sql.raw('commit').execute(connection)
      return missing.map(({ name }) => name)
    } catch (error) {
      await sql.raw('rollback').execute(connection)
      throw error
    }
  })
}

async function doneIn(connection: Kysely<unknown>): Promise<readonly string[]> {
  await connection.schema
    .createTable('tianji_migrations')
    .ifNotExists()
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('done_at', 'bigint', (column) => column.notNull())
    .execute()
  const { rows } = await sql<{ name: string }>`select name from tianji_migrations`.execute(connection)
  return rows.map(({ name }) => name)
}

function demandKnown(done: readonly string[], steps: readonly Migration[]): void {
  const strange = done.find((name) => !steps.some((step) => step.name === name))
  if (strange !== undefined)
    throw new Error(`The database was made by a newer version: it has "${strange}", which this one does not know.`)
}
