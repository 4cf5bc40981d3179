import { GatewayError } from '@tianjillm/core'
import type { BudgetTable, EndUserTable, OrganizationTable, Store, TeamTable, UserTable } from '@tianjillm/store'
import type { Insertable, Selectable, SelectQueryBuilder, Updateable } from 'kysely'
import { isTaken } from './queries.ts'
import type { Rooms } from './rooms.ts'

/** Tables of people, of what they belong to, and of budgets. */
export interface RowTables {
  readonly tianji_users: UserTable
  readonly tianji_teams: TeamTable
  readonly tianji_organizations: OrganizationTable
  readonly tianji_end_users: EndUserTable
  readonly tianji_budgets: BudgetTable
}

type Table = keyof RowTables

/** A row of one of them, as the store has it. */
export type Row<Name extends Table> = Selectable<RowTables[Name]>

/** One of those tables. */
export interface Kind<Name extends Table> {
  readonly table: Name
  /** The column of its ids. */
  readonly column: string
  /** What bodies call its ids. */
  readonly field: string
  /** For messages. */
  readonly noun: string
}

/** A table of those to whom spend is put down. */
export interface SpenderKind<Name extends Table> extends Kind<Name> {
  /** What their spend is counted as. */
  readonly counter: string
}

export const users: SpenderKind<'tianji_users'> = {
  ...{ table: 'tianji_users', column: 'user_id', field: 'user_id', noun: 'user', counter: 'user' },
}

export const teams: SpenderKind<'tianji_teams'> = {
  ...{ table: 'tianji_teams', column: 'team_id', field: 'team_id', noun: 'team', counter: 'team' },
}

export const organizations: SpenderKind<'tianji_organizations'> = {
  ...{ table: 'tianji_organizations', column: 'organization_id', field: 'organization_id' },
  ...{ noun: 'organization', counter: 'organization' },
}

export const customers: SpenderKind<'tianji_end_users'> = {
  ...{ table: 'tianji_end_users', column: 'end_user_id', field: 'user_id', noun: 'customer', counter: 'end_user' },
}

export const budgets: Kind<'tianji_budgets'> = {
  ...{ table: 'tianji_budgets', column: 'budget_id', field: 'budget_id', noun: 'budget' },
}

/**
 * How a row is held until the end of the transaction: `there`, so that nobody takes it away, or `still`, so that nobody
 * changes it either.
 */
export type Hold = 'there' | 'still'

/** The row with that id; undefined when there is none. */
export async function findRow<Name extends Table>(
  { store: { database, dialect } }: Rooms,
  { table, column }: Kind<Name>,
  id: string,
  hold?: Hold,
): Promise<Row<Name> | undefined> {
  // Which column is of which table is said above.
  const found = database
    .selectFrom(table as 'tianji_users')
    .selectAll()
    .where(column as 'user_id', '=', id)
  const row = await held(found, dialect, hold).executeTakeFirst()
  return row as Row<Name> | undefined
}

/** Holds the rows that are asked for. SQLite has one writer, and no word for this. */
export function held<Database, Table extends keyof Database, Found>(
  rows: SelectQueryBuilder<Database, Table, Found>,
  dialect: Store['dialect'],
  hold: Hold | undefined,
): SelectQueryBuilder<Database, Table, Found> {
  if (hold === undefined || dialect === 'sqlite') return rows
  return hold === 'there' ? rows.forKeyShare() : rows.forNoKeyUpdate()
}

/** The same as `findRow`, but rejects with GatewayError `not_found` when there is none. */
export async function demandRow<Name extends Table>(
  rooms: Rooms,
  kind: Kind<Name>,
  id: string,
  hold?: Hold,
): Promise<Row<Name>> {
  const row = await findRow(rooms, kind, id, hold)
  if (row === undefined) throw notThere(kind)
  return row
}

/** Rejects with GatewayError `invalid_request` that names the field when its id is there already. */
export async function insertRow<Name extends Table>(
  { store }: Rooms,
  kind: Kind<Name>,
  row: Insertable<RowTables[Name]>,
): Promise<void> {
  await store.database
    .insertInto(kind.table as 'tianji_users')
    .values(row as Insertable<UserTable>)
    .execute()
    .catch((error: unknown) => {
      throw isTaken(error) ? takenBy(kind, error) : error
    })
}

/** Changes the columns that are given. Rejects with GatewayError `not_found`. */
export async function updateRow<Name extends Table>(
  { store, now }: Rooms,
  kind: Kind<Name>,
  id: string,
  columns: Updateable<RowTables[Name]>,
): Promise<void> {
  const { numUpdatedRows } = await store.database
    .updateTable(kind.table as 'tianji_users')
    .set({ ...(columns as Updateable<UserTable>), updated_at: now() })
    .where(kind.column as 'user_id', '=', id)
    .executeTakeFirst()
    .catch((error: unknown) => {
      throw isTaken(error) ? takenBy(kind, error) : error
    })
  if (numUpdatedRows === 0n) throw notThere(kind)
}

/** Takes a row away. Rejects with GatewayError `not_found`. */
export async function deleteRow<Name extends Table>({ store }: Rooms, kind: Kind<Name>, id: string): Promise<void> {
  const { numDeletedRows } = await store.database
    .deleteFrom(kind.table as 'tianji_users')
    .where(kind.column as 'user_id', '=', id)
    .executeTakeFirst()
  if (numDeletedRows === 0n) throw notThere(kind)
}

function notThere({ noun, field }: Kind<Table>): GatewayError {
  return new GatewayError('not_found', `There is no such ${noun}.`, { param: field })
}

/** Databases name what is there twice by its column, with no values. */
function takenBy({ noun, field }: Kind<Table>, error: unknown): GatewayError {
  const param = error instanceof Error && error.message.includes('user_email') ? 'user_email' : field
  return new GatewayError('invalid_request', `\`${param}\`: there is a ${noun} with it already.`, { param })
}
