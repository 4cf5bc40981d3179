import { randomUUID } from 'node:crypto'
import { GatewayError, type JsonObject } from '@tianjillm/core'
import { sql } from '@tianjillm/store'
import * as v from 'valibot'
import { type Actor, seesAll } from './actor.ts'
import { atOnce } from './at-once.ts'
import { demandAuthority } from './authority.ts'
import { email, findUserId } from './ensure-user.ts'
import { deleteKeysOf } from './key-row.ts'
import { createKeys, tellKeys } from './keys.ts'
import { listEntries, listFacts, pageOf } from './listing.ts'
import { deleteMembersOf, insertMembers, membersOf } from './members.ts'
import { permissionColumn, permissionEntries, permissionFacts } from './object-permission.ts'
import { paged } from './queries.ts'
import { name, names, readBody } from './read-body.ts'
import { demandReferences } from './references.ts'
import type { Rooms } from './rooms.ts'
import { demandRow, users as kind, type Row } from './rows.ts'
import { changeSpender, deleteSpender, makeSpender, said, spenderEntries, spenderFacts } from './spender.ts'
import { tellTeams } from './teams.ts'

/** Keys that the answer about a user tells of; the list of keys has all. */
const MOST_KEYS = 1_000

const role = v.picklist(
  ['proxy_admin', 'proxy_admin_viewer', 'internal_user', 'internal_user_viewer'],
  'expected proxy_admin, proxy_admin_viewer, internal_user or internal_user_viewer',
)
const entries = {
  ...spenderEntries,
  ...permissionEntries,
  user_id: v.nullish(name),
  user_email: v.nullish(email),
  user_alias: v.nullish(name),
  user_role: v.nullish(role),
  budget_id: v.nullish(name),
}
const newUser = v.strictObject({
  ...entries,
  teams: v.nullish(names),
  auto_create_key: v.nullish(v.boolean('expected true or false'), true),
  key_alias: v.nullish(name),
  duration: v.nullish(name),
})
const changedUser = v.strictObject(entries)
const namedUsers = v.strictObject({ user_ids: names })
const oneUser = v.strictObject({ user_id: v.optional(name) })
const listing = v.strictObject({
  ...listEntries,
  role: v.optional(role),
  user_ids: v.optional(
    v.pipe(
      v.string('expected ids with commas between them'),
      v.transform((ids) => ids.split(',')),
      names,
    ),
  ),
  user_email: v.optional(name),
  team: v.optional(name),
})

/** People, and programs that act as one; each as LiteLLM's route of that name has it. */
export interface Users {
  /** Makes a user and, unless `auto_create_key` is false, a key, which is told only here. */
  create(body: unknown, by: Actor): Promise<JsonObject>
  /** Changes what a body speaks of, and leaves all else. */
  update(body: unknown, by: Actor): Promise<JsonObject>
  /** Takes users away with their keys, and out of their teams; all of them, or none when one is not there. */
  delete(body: unknown, by: Actor): Promise<JsonObject>
  /** A user with its keys and teams; without a `user_id` the one who asks. */
  info(query: unknown, by: Actor): Promise<JsonObject>
  /** A page, the newest first; who is no admin is told of itself. */
  list(query: unknown, by: Actor): Promise<JsonObject>
  setBlocked(body: unknown, isBlocked: boolean, by: Actor): Promise<JsonObject>
}

/** The users of a store. Each rejects with GatewayError `invalid_request`, `permission_denied` or `not_found`. */
export function createUsers(rooms: Rooms): Users {
  return {
    create: (body, by) => createUser(rooms, body, by),
    update: (body, by) => updateUser(rooms, body, by),
    delete: (body, by) => deleteUsers(rooms, body, by),
    info: (query, by) => userInfo(rooms, query, by),
    list: (query, by) => listUsers(rooms, query, by),
    setBlocked: (body, isBlocked, by) => setBlocked(rooms, body, isBlocked, by),
  }
}

async function createUser(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const asked = readBody(newUser, body)
  await demandAuthority(rooms.store, by, 'change', {})
  const { user_id, user_email = null, user_alias = null, user_role, budget_id = null, ...rest } = asked
  const { teams, auto_create_key, key_alias, duration, ...fields } = rest
  const id = user_id ?? randomUUID()
  return atOnce(rooms, async (inside) => {
    await demandReferences(inside, { budget_id })
    const own = {
      ...{ user_id: id, user_email, user_alias, user_role: user_role ?? 'internal_user_viewer', budget_id },
      ...permissionColumn(fields),
    }
    await makeSpender(inside, kind, fields, own, by)
    for (const team_id of new Set(teams)) {
      await demandReferences(inside, { team_id }, 'teams')
      await insertMembers(inside, team_id, [{ user_id: id }], by)
    }
    await inside.changed()
    const facts = await told(inside, id)
    if (!auto_create_key) return facts
    const { key, token, expires } = await createKeys(inside).generate({ user_id: id, key_alias, duration }, by)
    return { ...facts, key, token, expires }
  })
}

async function updateUser(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const fields = readBody(changedUser, body)
  await demandAuthority(rooms.store, by, 'change', {})
  return atOnce(rooms, async (inside) => {
    const id = (await findUserId(inside, fields)) ?? ''
    await demandReferences(inside, { budget_id: fields.budget_id })
    const { user_role } = fields
    await changeSpender(inside, kind, id, fields, {
      ...said(fields, ['user_email', 'user_alias', 'budget_id']),
      ...permissionColumn(fields),
      ...(user_role != null && { user_role }),
    })
    await inside.changed()
    return { user_id: id, data: await told(inside, id) }
  })
}

async function deleteUsers(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const { user_ids: ids } = readBody(namedUsers, body)
  await demandAuthority(rooms.store, by, 'change', {})
  return atOnce(rooms, async (inside) => {
    for (const id of new Set(ids.toSorted())) {
      await deleteSpender(inside, kind, id)
      await deleteMembersOf(inside, { user_id: id })
      await deleteKeysOf(inside, { user_id: id })
    }
    await inside.changed()
    return { deleted_users: ids }
  })
}

async function userInfo(rooms: Rooms, query: unknown, by: Actor): Promise<JsonObject> {
  const { user_id: id = by.userId } = readBody(oneUser, query)
  if (id === undefined)
    throw new GatewayError('invalid_request', 'This key is no user’s: name the `user_id`.', { param: 'user_id' })
  await demandAuthority(rooms.store, by, 'look', { userId: id })
  const { database } = rooms.store
  const info = await told(rooms, id)
  const keys = database.selectFrom('tianji_keys').selectAll().where('user_id', '=', id)
  const teamIds = database.selectFrom('tianji_team_members').select('team_id').where('user_id', '=', id)
  const teams = database.selectFrom('tianji_teams').selectAll().where('team_id', 'in', teamIds)
  return {
    user_id: id,
    user_info: info,
    keys: await tellKeys(rooms, await keys.orderBy('created_at', 'desc').limit(MOST_KEYS).execute()),
    teams: await tellTeams(rooms, await teams.orderBy('team_id').execute()),
  }
}

async function listUsers(rooms: Rooms, query: unknown, by: Actor): Promise<JsonObject> {
  const asked = readBody(listing, query)
  const { role, user_ids, user_email, team } = asked
  const { database } = rooms.store
  let found = database.selectFrom('tianji_users').selectAll()
  if (role !== undefined) found = found.where('user_role', '=', role)
  if (user_ids !== undefined) found = found.where('user_id', 'in', user_ids)
  if (user_email !== undefined) found = found.where(containing('user_email', user_email.toLowerCase()))
  if (team !== undefined)
    found = found.where(
      'user_id',
      'in',
      database.selectFrom('tianji_team_members').select('user_id').where('team_id', '=', team),
    )
  if (!seesAll(by)) found = found.where('user_id', '=', by.userId ?? '')
  const page = await paged(found, pageOf(asked), (rows) => rows.orderBy('created_at', 'desc').orderBy('user_id'))
  return listFacts('users', await factsOf(rooms, page.rows), page, asked)
}

async function setBlocked(rooms: Rooms, body: unknown, isBlocked: boolean, by: Actor): Promise<JsonObject> {
  const { user_ids } = readBody(namedUsers, body)
  await demandAuthority(rooms.store, by, 'change', {})
  const ids = [...new Set(user_ids.toSorted())]
  return atOnce(rooms, async (inside) => {
    for (const id of ids) await changeSpender(inside, kind, id, { blocked: isBlocked }, {})
    await inside.changed()
    const rows = await Promise.all(ids.map((id) => demandRow(inside, kind, id)))
    return { [isBlocked ? 'blocked_users' : 'unblocked_users']: await factsOf(inside, rows) }
  })
}

/** Whether a column has a text in it, whatever signs that has. */
function containing(column: string, text: string) {
  return sql<boolean>`${sql.ref(column)} like ${`%${text.replace(/[\\%_]/g, '\\$&')}%`} escape '\\'`
}

async function told(rooms: Rooms, id: string): Promise<JsonObject> {
  const [only] = await factsOf(rooms, [await demandRow(rooms, kind, id)])
  return { ...only!, teams: (await membersOf(rooms, { user_id: id })).map(({ team_id }) => team_id) }
}

async function factsOf(rooms: Rooms, rows: readonly Row<'tianji_users'>[]): Promise<readonly JsonObject[]> {
  const common = await spenderFacts(rooms, kind, rows)
  return rows.map((row, index) => ({
    user_id: row.user_id,
    user_email: row.user_email,
    user_alias: row.user_alias,
    user_role: row.user_role,
    budget_id: row.budget_id,
    ...permissionFacts(row),
    ...common[index],
  }))
}
