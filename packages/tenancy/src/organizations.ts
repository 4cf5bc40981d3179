import { randomUUID } from 'node:crypto'
import type { JsonObject } from '@tianjillm/core'
import * as v from 'valibot'
import type { Actor } from './actor.ts'
import { atOnce } from './at-once.ts'
import { demandAuthority } from './authority.ts'
import { budgetFacts } from './budgets.ts'
import { deleteKeysOf } from './key-row.ts'
import { listEntries, listFacts, pageOf } from './listing.ts'
import { permissionColumn, permissionEntries, permissionFacts } from './object-permission.ts'
import { paged } from './queries.ts'
import { name, names, readBody } from './read-body.ts'
import { demandReferences } from './references.ts'
import type { Rooms } from './rooms.ts'
import { demandRow, organizations as kind, type Row } from './rows.ts'
import { changeSpender, deleteSpender, makeSpender, said, spenderEntries, spenderFacts } from './spender.ts'
import { deleteTeam } from './teams.ts'

const entries = { ...spenderEntries, ...permissionEntries, budget_id: v.nullish(name) }
const newOrganization = v.strictObject({
  ...entries,
  organization_id: v.nullish(name),
  organization_alias: name,
})
const changedOrganization = v.strictObject({
  ...entries,
  organization_id: name,
  organization_alias: v.nullish(name),
})
const namedOrganizations = v.strictObject({ organization_ids: names })
const oneOrganization = v.strictObject({ organization_id: name })
const listing = v.strictObject({ ...listEntries, org_id: v.optional(name), org_alias: v.optional(name) })

/** Teams that belong together. All of it is for proxy admins, looking for viewers. */
export interface Organizations {
  create(body: unknown, by: Actor): Promise<JsonObject>
  /** Changes what a body speaks of, and leaves all else. */
  update(body: unknown, by: Actor): Promise<JsonObject>
  /** Takes organizations away with their teams and all keys of these; all of them, or none when one is not there. */
  delete(body: unknown, by: Actor): Promise<JsonObject>
  /** An organization and its teams. */
  info(query: unknown, by: Actor): Promise<JsonObject>
  /** A page, the newest first. */
  list(query: unknown, by: Actor): Promise<JsonObject>
}

/** The organizations of a store. Each rejects with GatewayError `invalid_request`, `permission_denied` or `not_found`. */
export function createOrganizations(rooms: Rooms): Organizations {
  return {
    create: (body, by) => createOrganization(rooms, body, by),
    update: (body, by) => updateOrganization(rooms, body, by),
    delete: (body, by) => deleteOrganizations(rooms, body, by),
    info: (query, by) => organizationInfo(rooms, query, by),
    list: (query, by) => listOrganizations(rooms, query, by),
  }
}

async function createOrganization(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const { organization_id, organization_alias, budget_id = null, ...fields } = readBody(newOrganization, body)
  await demandAuthority(rooms.store, by, 'change', {})
  return atOnce(rooms, async (inside) => {
    await demandReferences(inside, { budget_id })
    const id = organization_id ?? randomUUID()
    const own = { organization_id: id, organization_alias, budget_id, ...permissionColumn(fields) }
    await makeSpender(inside, kind, fields, own, by)
    await inside.changed()
    return told(inside, id)
  })
}

async function updateOrganization(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const { organization_id: id, ...fields } = readBody(changedOrganization, body)
  await demandAuthority(rooms.store, by, 'change', {})
  return atOnce(rooms, async (inside) => {
    await demandReferences(inside, { budget_id: fields.budget_id })
    await changeSpender(inside, kind, id, fields, {
      ...said(fields, ['organization_alias', 'budget_id']),
      ...permissionColumn(fields),
    })
    await inside.changed()
    return told(inside, id)
  })
}

async function deleteOrganizations(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const { organization_ids: ids } = readBody(namedOrganizations, body)
  await demandAuthority(rooms.store, by, 'change', {})
  return atOnce(rooms, async (inside) => {
    const { database } = inside.store
    for (const id of new Set(ids.toSorted())) {
      await deleteSpender(inside, kind, id)
      const its = await database
        .selectFrom('tianji_teams')
        .select('team_id')
        .where('organization_id', '=', id)
        .execute()
      for (const { team_id } of its) await deleteTeam(inside, team_id)
      await deleteKeysOf(inside, { organization_id: id })
    }
    await inside.changed()
    return { deleted_organizations: ids }
  })
}

async function organizationInfo(rooms: Rooms, query: unknown, by: Actor): Promise<JsonObject> {
  const { organization_id: id } = readBody(oneOrganization, query)
  await demandAuthority(rooms.store, by, 'look', {})
  const its = rooms.store.database.selectFrom('tianji_teams').select(['team_id', 'team_alias'])
  const [facts, teams] = await Promise.all([
    told(rooms, id),
    its.where('organization_id', '=', id).orderBy('team_id').execute(),
  ])
  return { ...facts, teams }
}

async function listOrganizations(rooms: Rooms, query: unknown, by: Actor): Promise<JsonObject> {
  const { org_id, org_alias, ...asked } = readBody(listing, query)
  await demandAuthority(rooms.store, by, 'look', {})
  let found = rooms.store.database.selectFrom('tianji_organizations').selectAll()
  if (org_id !== undefined) found = found.where('organization_id', '=', org_id)
  if (org_alias !== undefined) found = found.where('organization_alias', '=', org_alias)
  const page = await paged(found, pageOf(asked), (rows) =>
    rows.orderBy('created_at', 'desc').orderBy('organization_id'),
  )
  return listFacts('organizations', await factsOf(rooms, page.rows), page, asked)
}

async function told(rooms: Rooms, id: string): Promise<JsonObject> {
  const [only] = await factsOf(rooms, [await demandRow(rooms, kind, id)])
  return only!
}

async function factsOf(rooms: Rooms, rows: readonly Row<'tianji_organizations'>[]): Promise<readonly JsonObject[]> {
  const budgets = await budgetFacts(rooms, rows)
  const common = await spenderFacts(rooms, kind, rows)
  return rows.map((row, index) => ({
    organization_id: row.organization_id,
    organization_alias: row.organization_alias,
    budget_id: row.budget_id,
    ...permissionFacts(row),
    ...common[index],
    litellm_budget_table: budgets.get(row) ?? null,
  }))
}
