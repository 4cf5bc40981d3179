import { randomUUID } from 'node:crypto'
import { GatewayError, type JsonObject } from '@tianjillm/core'
import type { Limits } from '@tianjillm/store'
import type { Selectable } from 'kysely'
import * as v from 'valibot'
import { type Actor, nameOf } from './actor.ts'
import { atOnce } from './at-once.ts'
import { demandAuthority } from './authority.ts'
import { limitColumns, limitFacts, noLimits, timeText } from './limits.ts'
import { listEntries, listFacts, pageOf } from './listing.ts'
import { paged } from './queries.ts'
import { limitEntries, name, names, readBody } from './read-body.ts'
import type { Rooms } from './rooms.ts'
import { deleteRow, demandRow, findRow, insertRow, budgets as kind, type Row, updateRow } from './rows.ts'
import { budgetsOf } from './standing.ts'

const newBudget = v.strictObject({ ...limitEntries, budget_id: v.nullish(name) })
const changedBudget = v.strictObject({ ...limitEntries, budget_id: name })
const namedBudgets = v.strictObject({ budgets: names })
const oneBudget = v.strictObject({ id: name })
const listing = v.strictObject(listEntries)

/** Limits with a name, each as LiteLLM's route of that name has it. All of it is for proxy admins, looking for viewers. */
export interface Budgets {
  create(body: unknown, by: Actor): Promise<JsonObject>
  /** Changes what a body speaks of, and leaves all else. */
  update(body: unknown, by: Actor): Promise<JsonObject>
  /** Those of the ids in a body that there are, under `budgets`. */
  info(body: unknown, by: Actor): Promise<JsonObject>
  /** A page, the newest first. */
  list(query: unknown, by: Actor): Promise<JsonObject>
  /** Takes one away, unless something is held to it. */
  delete(body: unknown, by: Actor): Promise<JsonObject>
}

/** The budgets of a store. Each rejects with GatewayError `invalid_request`, `permission_denied` or `not_found`. */
export function createBudgets(rooms: Rooms): Budgets {
  return {
    create: (body, by) => createBudget(rooms, body, by),
    update: (body, by) => updateBudget(rooms, body, by),
    info: (body, by) => budgetInfo(rooms, body, by),
    list: (query, by) => listBudgets(rooms, query, by),
    delete: (body, by) => deleteBudget(rooms, body, by),
  }
}

/**
 * What rows are held to, by budget: LiteLLM tells it as `litellm_budget_table`. Limits of their own where they refer to
 * none.
 */
export async function budgetFacts<Held extends Selectable<Limits> & { readonly budget_id: string | null }>(
  { store, now }: Rooms,
  rows: readonly Held[],
): Promise<ReadonlyMap<Held, JsonObject>> {
  const known = await budgetsOf(store, [...new Set(rows.flatMap(({ budget_id }) => budget_id ?? []))])
  const time = now()
  return new Map(
    rows.map((row) => {
      const { budget_id } = row
      return [row, { budget_id, ...limitFacts(known.get(budget_id ?? '') ?? row, time) }]
    }),
  )
}

async function createBudget(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const { budget_id, ...fields } = readBody(newBudget, body)
  await demandAuthority(rooms.store, by, 'change', {})
  const now = rooms.now()
  const id = budget_id ?? randomUUID()
  const made = { created_at: now, updated_at: now, created_by: nameOf(by) }
  await insertRow(rooms, kind, { ...noLimits, ...limitColumns(fields, now), ...made, budget_id: id })
  await rooms.changed()
  return told(rooms, id)
}

async function updateBudget(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const { budget_id: id, ...fields } = readBody(changedBudget, body)
  await demandAuthority(rooms.store, by, 'change', {})
  return atOnce(rooms, async (inside) => {
    const known = await demandRow(inside, kind, id, 'still')
    await updateRow(inside, kind, id, limitColumns(fields, rooms.now(), known.model_limits))
    await inside.changed()
    return told(inside, id)
  })
}

async function budgetInfo(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const { budgets: ids } = readBody(namedBudgets, body)
  await demandAuthority(rooms.store, by, 'look', {})
  const rows = await Promise.all([...new Set(ids)].map((id) => findRow(rooms, kind, id)))
  return { budgets: rows.flatMap((row) => (row === undefined ? [] : factsOf(row, rooms.now()))) }
}

async function listBudgets(rooms: Rooms, query: unknown, by: Actor): Promise<JsonObject> {
  const asked = readBody(listing, query)
  await demandAuthority(rooms.store, by, 'look', {})
  const found = rooms.store.database.selectFrom('tianji_budgets').selectAll()
  const page = await paged(found, pageOf(asked), (rows) => rows.orderBy('created_at', 'desc').orderBy('budget_id'))
  const facts = page.rows.map((row) => factsOf(row, rooms.now()))
  return listFacts('budgets', facts, page, asked)
}

async function deleteBudget(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const { id } = readBody(oneBudget, body)
  await demandAuthority(rooms.store, by, 'change', {})
  return atOnce(rooms, async (inside) => {
    const facts = await told(inside, id)
    // It goes first: whoever is about to refer to it waits until it is decided.
    await deleteRow(inside, kind, id)
    await demandUnused(inside, id)
    await inside.changed()
    return facts
  })
}

/** Tables whose rows may refer to a budget, and what one of them is called. */
const holders = [
  ['tianji_keys', 'key'],
  ['tianji_users', 'user'],
  ['tianji_team_members', 'team member'],
  ['tianji_organizations', 'organization'],
  ['tianji_end_users', 'customer'],
] as const

async function demandUnused({ store }: Rooms, id: string): Promise<void> {
  const uses: string[] = []
  for (const [table, noun] of holders) {
    const held = store.database.selectFrom(table).where('budget_id', '=', id)
    const { total } = await held.select(({ fn }) => fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
    if (total > 0) uses.push(`${total} ${noun}${total === 1 ? '' : 's'}`)
  }
  if (uses.length === 0) return
  const message = `This budget still holds ${uses.join(', ')}. Give them another one first.`
  throw new GatewayError('invalid_request', message, { param: 'id' })
}

async function told(rooms: Rooms, id: string): Promise<JsonObject> {
  return factsOf(await demandRow(rooms, kind, id), rooms.now())
}

function factsOf(row: Row<'tianji_budgets'>, now: number): JsonObject {
  return {
    budget_id: row.budget_id,
    ...limitFacts(row, now),
    created_at: timeText(row.created_at),
    updated_at: timeText(row.updated_at),
    created_by: row.created_by,
  }
}
