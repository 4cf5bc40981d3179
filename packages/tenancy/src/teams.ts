import { randomUUID } from 'node:crypto'
import type { JsonObject } from '@tianjillm/core'
import * as v from 'valibot'
import { type Actor, seesAll } from './actor.ts'
import { atOnce } from './at-once.ts'
import { demandAuthority, forAdmin } from './authority.ts'
import { deleteKeysOf } from './key-row.ts'
import { tellKeys } from './keys.ts'
import { listEntries, listFacts, pageOf } from './listing.ts'
import {
  addMembers,
  deleteMembersOf,
  insertMembers,
  memberFacts,
  membersOf,
  newMembers,
  removeMember,
  updateMember,
} from './members.ts'
import { permissionColumn, permissionEntries, permissionFacts } from './object-permission.ts'
import { paged } from './queries.ts'
import { name, names, readBody } from './read-body.ts'
import { demandReferences } from './references.ts'
import type { Rooms } from './rooms.ts'
import { demandRow, teams as kind, type Row } from './rows.ts'
import { changeSpender, deleteSpender, makeSpender, said, spenderEntries, spenderFacts } from './spender.ts'

/** Keys that the answer about a team tells of; the list of keys has all. */
const MOST_KEYS = 1_000

const entries = {
  ...spenderEntries,
  ...permissionEntries,
  team_alias: v.nullish(name),
  organization_id: v.nullish(name),
  tags: v.nullish(names),
}
const newTeam = v.strictObject({ ...entries, team_id: v.nullish(name), members_with_roles: v.nullish(newMembers) })
const changedTeam = v.strictObject({ ...entries, team_id: name })
const namedTeams = v.strictObject({ team_ids: names })
const oneTeam = v.strictObject({ team_id: name })
const listing = v.strictObject({
  ...listEntries,
  user_id: v.optional(name),
  team_id: v.optional(name),
  team_alias: v.optional(name),
  organization_id: v.optional(name),
})

/** People who share keys and budgets, and who they are; each as LiteLLM's route of that name has it. */
export interface Teams {
  create(body: unknown, by: Actor): Promise<JsonObject>
  /** Changes what a body speaks of, and leaves all else. A team's admin may change its alias only. */
  update(body: unknown, by: Actor): Promise<JsonObject>
  /** Takes teams away with their keys; all of them, or none when one is not there. */
  delete(body: unknown, by: Actor): Promise<JsonObject>
  /** A team, its keys and its members; who is no admin is told of its own keys and membership. */
  info(query: unknown, by: Actor): Promise<JsonObject>
  /** A page, the newest first; who is no admin is told of its own teams. */
  list(query: unknown, by: Actor): Promise<JsonObject>
  setBlocked(body: unknown, isBlocked: boolean, by: Actor): Promise<JsonObject>
  /** Adds people, all or none of them. Who is not there is made. */
  addMembers(body: unknown, by: Actor): Promise<JsonObject>
  /** Changes what somebody is in a team, or is held to there. */
  updateMember(body: unknown, by: Actor): Promise<JsonObject>
  /** Takes somebody out of a team, with the keys that they had for it. */
  removeMember(body: unknown, by: Actor): Promise<JsonObject>
}

/** The teams of a store. Each rejects with GatewayError `invalid_request`, `permission_denied` or `not_found`. */
export function createTeams(rooms: Rooms): Teams {
  return {
    create: (body, by) => createTeam(rooms, body, by),
    update: (body, by) => updateTeam(rooms, body, by),
    delete: (body, by) => deleteTeams(rooms, body, by),
    info: (query, by) => teamInfo(rooms, query, by),
    list: (query, by) => listTeams(rooms, query, by),
    setBlocked: (body, isBlocked, by) => setBlocked(rooms, body, isBlocked, by),
    async addMembers(body, by) {
      const { teamId, userIds } = await addMembers(rooms, body, by)
      const added = (await membersOf(rooms, { team_id: teamId })).filter(({ user_id }) => userIds.includes(user_id))
      return { ...(await told(rooms, teamId)), updated_team_memberships: await memberFacts(rooms, added) }
    },
    updateMember: (body, by) => updateMember(rooms, body, by),
    removeMember: async (body, by) => told(rooms, await removeMember(rooms, body, by)),
  }
}

/** Takes a team away with its members and keys. Rejects with GatewayError `not_found`. */
export async function deleteTeam(inside: Rooms, id: string): Promise<void> {
  // It goes first: whoever is about to belong to it waits until it is gone.
  await deleteSpender(inside, kind, id)
  await deleteMembersOf(inside, { team_id: id })
  await deleteKeysOf(inside, { team_id: id })
}

/** Teams as they are told, in the same order. */
export async function tellTeams(rooms: Rooms, rows: readonly Row<'tianji_teams'>[]): Promise<readonly JsonObject[]> {
  const common = await spenderFacts(rooms, kind, rows)
  const members = await rolesIn(
    rooms,
    rows.map(({ team_id }) => team_id),
  )
  return rows.map((row, index) => ({
    team_id: row.team_id,
    team_alias: row.team_alias,
    organization_id: row.organization_id,
    // Written from a list.
    tags: JSON.parse(row.tags),
    ...permissionFacts(row),
    ...common[index],
    members_with_roles: (members.get(row.team_id) ?? []).map(({ team_id: _, ...member }) => member),
  }))
}

async function createTeam(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const { team_id, members_with_roles: people, team_alias = null, tags, ...fields } = readBody(newTeam, body)
  await demandAuthority(rooms.store, by, 'change', {})
  const { organization_id = null } = fields
  return atOnce(rooms, async (inside) => {
    await demandReferences(inside, { organization_id })
    const id = team_id ?? randomUUID()
    const common = { team_id: id, team_alias, organization_id, tags: JSON.stringify(tags ?? []) }
    const own = { ...common, ...permissionColumn(fields) }
    await makeSpender(inside, kind, fields, own, by)
    await insertMembers(inside, id, people ?? [], by)
    await inside.changed()
    return told(inside, id)
  })
}

async function updateTeam(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const { team_id: id, ...fields } = readBody(changedTeam, body)
  return atOnce(rooms, async (inside) => {
    await demandAuthority(inside.store, by, 'change', { teamId: id })
    const { team_alias, ...guarded } = fields
    const [param] = Object.entries(guarded).find(([, value]) => value !== undefined) ?? []
    if (by.role !== 'proxy_admin' && param !== undefined) throw forAdmin(param, 'team')
    await demandReferences(inside, { organization_id: fields.organization_id })
    const { tags } = fields
    await changeSpender(inside, kind, id, fields, {
      ...said(fields, ['team_alias', 'organization_id']),
      ...permissionColumn(fields),
      ...(tags !== undefined && { tags: JSON.stringify(tags ?? []) }),
    })
    await inside.changed()
    return { team_id: id, data: await told(inside, id) }
  })
}

async function deleteTeams(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const { team_ids: ids } = readBody(namedTeams, body)
  await demandAuthority(rooms.store, by, 'change', {})
  return atOnce(rooms, async (inside) => {
    for (const id of new Set(ids.toSorted())) await deleteTeam(inside, id)
    await inside.changed()
    return { deleted_teams: ids }
  })
}

async function teamInfo(rooms: Rooms, query: unknown, by: Actor): Promise<JsonObject> {
  const { team_id: id } = readBody(oneTeam, query)
  await demandAuthority(rooms.store, by, 'look', { teamId: id })
  const info = await told(rooms, id)
  const members = await membersOf(rooms, { team_id: id })
  const isOwn = ({ user_id }: { readonly user_id: string | null }) => user_id !== null && user_id === by.userId
  const isWhole = seesAll(by) || members.some((member) => isOwn(member) && member.role === 'admin')
  let keys = rooms.store.database.selectFrom('tianji_keys').selectAll().where('team_id', '=', id)
  if (!isWhole)
    keys = keys.where(({ eb, or }) => or([eb('key_hash', '=', by.keyHash ?? ''), eb('user_id', '=', by.userId ?? '')]))
  return {
    team_id: id,
    team_info: info,
    keys: await tellKeys(rooms, await keys.orderBy('created_at', 'desc').limit(MOST_KEYS).execute()),
    team_memberships: await memberFacts(rooms, isWhole ? members : members.filter(isOwn)),
  }
}

async function listTeams(rooms: Rooms, query: unknown, by: Actor): Promise<JsonObject> {
  const { user_id, page, page_size, ...filters } = readBody(listing, query)
  const asked = { page, page_size }
  if (user_id !== undefined) await demandAuthority(rooms.store, by, 'look', { userId: user_id })
  const { database } = rooms.store
  const teamsOf = (userId: string) =>
    database.selectFrom('tianji_team_members').select('team_id').where('user_id', '=', userId)
  let found = database.selectFrom('tianji_teams').selectAll()
  // The filters have the names of columns.
  for (const [column, value] of Object.entries(filters))
    if (value !== undefined) found = found.where(column as keyof typeof filters, '=', value)
  if (user_id !== undefined) found = found.where('team_id', 'in', teamsOf(user_id))
  if (!seesAll(by))
    found = found.where(({ eb, or }) =>
      or([eb('team_id', '=', by.teamId ?? ''), eb('team_id', 'in', teamsOf(by.userId ?? ''))]),
    )
  const some = await paged(found, pageOf(asked), (rows) => rows.orderBy('created_at', 'desc').orderBy('team_id'))
  return listFacts('teams', await tellTeams(rooms, some.rows), some, asked)
}

async function setBlocked(rooms: Rooms, body: unknown, isBlocked: boolean, by: Actor): Promise<JsonObject> {
  const { team_id: id } = readBody(oneTeam, body)
  await demandAuthority(rooms.store, by, 'change', {})
  await changeSpender(rooms, kind, id, { blocked: isBlocked }, {})
  await rooms.changed()
  return told(rooms, id)
}

async function told(rooms: Rooms, id: string): Promise<JsonObject> {
  const [only] = await tellTeams(rooms, [await demandRow(rooms, kind, id)])
  return only!
}

interface Member {
  readonly team_id: string
  readonly user_id: string
  readonly user_email: string | null
  readonly role: string
}

async function rolesIn({ store }: Rooms, teamIds: readonly string[]): Promise<Map<string, Member[]>> {
  if (teamIds.length === 0) return new Map()
  const found = await store.database
    .selectFrom('tianji_team_members as members')
    .leftJoin('tianji_users as users', 'users.user_id', 'members.user_id')
    .select(['members.team_id', 'members.user_id', 'users.user_email', 'members.role'])
    .where('members.team_id', 'in', teamIds)
    .orderBy('members.created_at')
    .orderBy('members.user_id')
    .execute()
  return Map.groupBy(found, ({ team_id }) => team_id)
}
