import type { JsonObject } from '@tianjillm/core'
import * as v from 'valibot'
import type { Actor } from './actor.ts'
import { atOnce } from './at-once.ts'
import { demandAuthority } from './authority.ts'
import { budgetFacts } from './budgets.ts'
import { listEntries, listFacts, pageOf } from './listing.ts'
import { paged } from './queries.ts'
import { name, names, readBody } from './read-body.ts'
import { demandReferences } from './references.ts'
import type { Rooms } from './rooms.ts'
import { demandRow, findRow, customers as kind, type Row } from './rows.ts'
import { changeSpender, deleteSpender, makeSpender, said, spenderEntries, spenderFacts } from './spender.ts'

const customer = v.strictObject({
  ...spenderEntries,
  user_id: name,
  alias: v.nullish(name),
  budget_id: v.nullish(name),
})
const namedCustomers = v.strictObject({ user_ids: names })
const oneCustomer = v.strictObject({ end_user_id: name })
const listing = v.strictObject(listEntries)

/** The customers of clients, by the `user` of their requests. All of it is for proxy admins, looking for viewers. */
export interface Customers {
  create(body: unknown, by: Actor): Promise<JsonObject>
  /** Changes what a body speaks of, and leaves all else. */
  update(body: unknown, by: Actor): Promise<JsonObject>
  /** Takes customers away; all of them, or none when one is not there. */
  delete(body: unknown, by: Actor): Promise<JsonObject>
  info(query: unknown, by: Actor): Promise<JsonObject>
  /** A page, the newest first. */
  list(query: unknown, by: Actor): Promise<JsonObject>
  /** Blocks customers, also ones that nobody has told of before, or lets them in again. */
  setBlocked(body: unknown, isBlocked: boolean, by: Actor): Promise<JsonObject>
}

/** The customers of a store. Each rejects with GatewayError `invalid_request`, `permission_denied` or `not_found`. */
export function createCustomers(rooms: Rooms): Customers {
  return {
    create: (body, by) => createCustomer(rooms, body, by),
    update: (body, by) => updateCustomer(rooms, body, by),
    delete: (body, by) => deleteCustomers(rooms, body, by),
    info: (query, by) => customerInfo(rooms, query, by),
    list: (query, by) => listCustomers(rooms, query, by),
    setBlocked: (body, isBlocked, by) => setBlocked(rooms, body, isBlocked, by),
  }
}

async function createCustomer(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const { user_id: id, alias = null, budget_id = null, ...fields } = readBody(customer, body)
  await demandAuthority(rooms.store, by, 'change', {})
  return atOnce(rooms, async (inside) => {
    await demandReferences(inside, { budget_id })
    await makeSpender(inside, kind, fields, { end_user_id: id, alias, budget_id }, by)
    await inside.changed()
    return told(inside, id)
  })
}

async function updateCustomer(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const { user_id: id, ...fields } = readBody(customer, body)
  await demandAuthority(rooms.store, by, 'change', {})
  return atOnce(rooms, async (inside) => {
    await demandReferences(inside, { budget_id: fields.budget_id })
    await changeSpender(inside, kind, id, fields, said(fields, ['alias', 'budget_id']))
    await inside.changed()
    return told(inside, id)
  })
}

async function deleteCustomers(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const { user_ids: ids } = readBody(namedCustomers, body)
  await demandAuthority(rooms.store, by, 'change', {})
  return atOnce(rooms, async (inside) => {
    for (const id of new Set(ids.toSorted())) await deleteSpender(inside, kind, id)
    await inside.changed()
    return { deleted_customers: ids }
  })
}

async function customerInfo(rooms: Rooms, query: unknown, by: Actor): Promise<JsonObject> {
  const { end_user_id: id } = readBody(oneCustomer, query)
  await demandAuthority(rooms.store, by, 'look', {})
  return told(rooms, id)
}

async function listCustomers(rooms: Rooms, query: unknown, by: Actor): Promise<JsonObject> {
  const asked = readBody(listing, query)
  await demandAuthority(rooms.store, by, 'look', {})
  const found = rooms.store.database.selectFrom('tianji_end_users').selectAll()
  const page = await paged(found, pageOf(asked), (rows) => rows.orderBy('created_at', 'desc').orderBy('end_user_id'))
  return listFacts('customers', await factsOf(rooms, page.rows), page, asked)
}

async function setBlocked(rooms: Rooms, body: unknown, isBlocked: boolean, by: Actor): Promise<JsonObject> {
  const { user_ids } = readBody(namedCustomers, body)
  await demandAuthority(rooms.store, by, 'change', {})
  const ids = [...new Set(user_ids.toSorted())]
  return atOnce(rooms, async (inside) => {
    for (const id of ids) {
      const isNew = isBlocked && (await findRow(inside, kind, id)) === undefined
      if (isNew) await makeSpender(inside, kind, { blocked: true }, { end_user_id: id }, by)
      else await changeSpender(inside, kind, id, { blocked: isBlocked }, {})
    }
    await inside.changed()
    const rows = await Promise.all(ids.map((id) => demandRow(inside, kind, id)))
    return { [isBlocked ? 'blocked_users' : 'unblocked_users']: await factsOf(inside, rows) }
  })
}

async function told(rooms: Rooms, id: string): Promise<JsonObject> {
  const [only] = await factsOf(rooms, [await demandRow(rooms, kind, id)])
  return only!
}

async function factsOf(rooms: Rooms, rows: readonly Row<'tianji_end_users'>[]): Promise<readonly JsonObject[]> {
  const budgets = await budgetFacts(rooms, rows)
  const common = await spenderFacts(rooms, kind, rows)
  return rows.map((row, index) => ({
    user_id: row.end_user_id,
    alias: row.alias,
    budget_id: row.budget_id,
    ...common[index],
    litellm_budget_table: budgets.get(row) ?? null,
  }))
}
