import type { JsonObject } from '@tianjillm/core'
import { toDollars, toNano, type UserTable } from '@tianjillm/store'
import type { Insertable, Selectable, Updateable } from 'kysely'
import * as v from 'valibot'
import { type Actor, nameOf } from './actor.ts'
import { limitColumns, limitFacts, noLimits, timeText } from './limits.ts'
import { forgetTokens } from './mcp-tokens.ts'
import { dollars, limitEntries, metadata, names, type Optional } from './read-body.ts'
import type { Rooms } from './rooms.ts'
import { deleteRow, demandRow, insertRow, type Kind, type RowTables, type SpenderKind, updateRow } from './rows.ts'
import { forgetSpent, setSpent, spentBy } from './spent.ts'

/** Tables of those to whom spend is put down. */
type Table = Exclude<keyof RowTables, 'tianji_budgets'>

/** Columns that all of them have. */
type Common = Omit<UserTable, 'user_id' | 'user_email' | 'user_alias' | 'user_role' | 'budget_id' | 'object_permission'>

/** Columns that one of them has besides. */
type Own<Name extends Table> = Omit<RowTables[Name], keyof Common>

/** What bodies say of all of them. */
export const spenderEntries: typeof limitEntries & {
  readonly models: Optional<string[]>
  readonly metadata: Optional<Record<string, unknown>>
  readonly blocked: Optional<boolean>
  readonly spend: Optional<number>
} = {
  ...limitEntries,
  models: v.nullish(names),
  metadata: v.nullish(metadata),
  blocked: v.nullish(v.boolean('expected true or false')),
  spend: v.nullish(dollars),
}

/** Fields of a body that was read. */
export type SpenderFields = {
  readonly [Name in keyof typeof spenderEntries]?: v.InferOutput<(typeof spenderEntries)[Name]>
}

/** Makes one of what a body says, with its own columns. Rejects as `insertRow` does. */
export async function makeSpender<Name extends Table>(
  rooms: Rooms,
  kind: SpenderKind<Name>,
  fields: SpenderFields,
  own: Insertable<Own<Name>>,
  by: Actor,
): Promise<void> {
  const row = { ...commonRow(fields, rooms.now(), by), ...own }
  // The columns in common and its own are all there are.
  await insertRow(rooms, kind, row as unknown as Insertable<RowTables[Name]>)
  await spendAsTold(rooms, kind, fields, idOf(kind, row))
}

/** The columns in common of a new one. */
export function commonRow(fields: SpenderFields, now: number, by: Actor): Insertable<Common> {
  return {
    ...noLimits,
    ...{ models: '[]', metadata: '{}' },
    ...columnsOf(fields, now),
    ...{ created_at: now, updated_at: now, created_by: nameOf(by) },
  }
}

/** Changes what a body speaks of, with columns of its own. Rejects as `updateRow` does. */
export async function changeSpender<Name extends Table>(
  rooms: Rooms,
  kind: SpenderKind<Name>,
  id: string,
  fields: SpenderFields,
  own: Updateable<Own<Name>>,
): Promise<void> {
  const known = await demandRow<Table>(rooms, kind, id, 'still')
  const columns = { ...columnsOf(fields, rooms.now(), known.model_limits), ...own }
  await updateRow(rooms, kind, id, columns as Updateable<RowTables[Name]>)
  await spendAsTold(rooms, kind, fields, id)
}

/** Takes one away, and what was counted for it; the logs stay. Rejects with GatewayError `not_found`. */
export async function deleteSpender<Name extends Table>(
  rooms: Rooms,
  kind: SpenderKind<Name>,
  id: string,
): Promise<void> {
  await deleteRow(rooms, kind, id)
  await forgetSpent(rooms.store, kind.counter, id)
  await forgetTokens(rooms.store, kind.counter, id)
}

/** What is told of each, in dollars and ISO times, in the same order. */
export async function spenderFacts(
  { store, now }: Rooms,
  kind: SpenderKind<Table>,
  rows: readonly Selectable<Common>[],
): Promise<readonly JsonObject[]> {
  const time = now()
  const spent = await spentBy(store, kind.counter, rows, (row) => idOf(kind, row), time)
  return rows.map((row) => ({
    spend: toDollars(spent.get(idOf(kind, row)) ?? 0),
    ...limitFacts(row, time),
    // They were written from lists and maps.
    models: JSON.parse(row.models),
    metadata: JSON.parse(row.metadata),
    blocked: row.blocked === 1,
    created_at: timeText(row.created_at),
    updated_at: timeText(row.updated_at),
    created_by: row.created_by,
  }))
}

/** The fields of those names that a body speaks of. */
export function said<Fields extends object, Name extends keyof Fields>(
  fields: Fields,
  names: readonly Name[],
): { [Field in Name]?: Exclude<Fields[Field], undefined> } {
  const entries = names.filter((name) => fields[name] !== undefined).map((name) => [name, fields[name]])
  // Only what is not undefined is left.
  return Object.fromEntries(entries) as { [Field in Name]?: Exclude<Fields[Field], undefined> }
}

function columnsOf(fields: SpenderFields, now: number, known?: string): Partial<Insertable<Common>> {
  const columns: Partial<Insertable<Common>> = limitColumns(fields, now, known)
  if (fields.models !== undefined) columns.models = JSON.stringify(fields.models ?? [])
  if (fields.metadata !== undefined) columns.metadata = JSON.stringify(fields.metadata ?? {})
  if (fields.blocked != null) columns.blocked = Number(fields.blocked)
  return columns
}

/** Puts what somebody has spent to what a body says, if it says anything. */
async function spendAsTold(
  rooms: Rooms,
  kind: SpenderKind<Table>,
  { spend }: SpenderFields,
  id: string,
): Promise<void> {
  if (spend == null) return
  const row = await demandRow<Table>(rooms, kind, id)
  await setSpent(rooms.store, kind.counter, id, row, toNano(spend) ?? 0, rooms.now())
}

function idOf({ column }: Kind<Table>, row: object): string {
  return (row as Readonly<Record<string, string>>)[column]!
}
