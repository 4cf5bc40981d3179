import { GatewayError, type JsonObject } from '@tianjillm/core'
import { type TeamMemberTable, toDollars } from '@tianjillm/store'
import type { Insertable, Selectable } from 'kysely'
import * as v from 'valibot'
import type { Actor } from './actor.ts'
import { atOnce } from './at-once.ts'
import { demandAuthority, forAdmin } from './authority.ts'
import { budgetFacts } from './budgets.ts'
import { email, ensureUser, findUserId, type UserName } from './ensure-user.ts'
import { deleteKeysOf } from './key-row.ts'
import { limitColumns, limitFacts, noLimits } from './limits.ts'
import { isTaken } from './queries.ts'
import { limitEntries, name, type Optional, readBody } from './read-body.ts'
import { demandReferences } from './references.ts'
import type { Rooms } from './rooms.ts'
import { demandRow, type Hold, held, teams } from './rows.ts'
import { forgetSpent, spentBy } from './spent.ts'

/** What somebody is in a team, as the store has it. */
export type MemberRow = Selectable<TeamMemberTable>

const MOST_MEMBERS = 1_000

const role = v.picklist(['admin', 'user'], 'expected admin or user')
const member = v.strictObject(
  { role: v.nullish(role), user_id: v.nullish(name), user_email: v.nullish(email) },
  'expected an object with role and user_id',
)

/** Members of a team that is made, or a member. */
export interface NewMember extends UserName {
  readonly role?: 'admin' | 'user' | null | undefined
}

/** People and what they are. */
export const newMembers: v.GenericSchema<unknown, NewMember[]> = v.pipe(
  v.unknown(),
  v.transform((value) => (Array.isArray(value) ? value : [value])),
  v.array(member),
  v.minLength(1, 'must name somebody'),
  v.maxLength(MOST_MEMBERS, `must name at most ${MOST_MEMBERS} people`),
)

/** What a member is held to within the team. */
const heldTo: {
  readonly max_budget_in_team: Optional<number>
  readonly budget_duration: Optional<string>
  readonly rpm_limit: Optional<number>
  readonly tpm_limit: Optional<number>
  readonly max_parallel_requests: Optional<number>
  readonly budget_id: Optional<string>
} = {
  max_budget_in_team: limitEntries.max_budget,
  budget_duration: limitEntries.budget_duration,
  rpm_limit: limitEntries.rpm_limit,
  tpm_limit: limitEntries.tpm_limit,
  max_parallel_requests: limitEntries.max_parallel_requests,
  budget_id: v.nullish(name),
}
const addedMembers = v.strictObject({ ...heldTo, team_id: name, member: newMembers })
const named = { team_id: name, user_id: v.nullish(name), user_email: v.nullish(email) }
const changedMember = v.strictObject({ ...heldTo, ...named, role: v.nullish(role) })
const namedMember = v.strictObject(named)

type HeldTo = { readonly [Name in keyof typeof heldTo]?: v.InferOutput<(typeof heldTo)[Name]> }

/** Adds people to a team, all or none of them, and gives the team's id and theirs. Who is not there is made. */
export async function addMembers(
  rooms: Rooms,
  body: unknown,
  by: Actor,
): Promise<{ readonly teamId: string; readonly userIds: readonly string[] }> {
  const { team_id: teamId, member: people, ...limits } = readBody(addedMembers, body)
  return atOnce(rooms, async (inside) => {
    await demandMemberChange(inside, teamId, limits, by)
    const userIds = await insertMembers(inside, teamId, people, by, limits)
    await inside.changed()
    return { teamId, userIds }
  })
}

/** Changes what a body speaks of, and leaves all else. */
export async function updateMember(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const { team_id: teamId, user_id, user_email, role, ...limits } = readBody(changedMember, body)
  return atOnce(rooms, async (inside) => {
    await demandMemberChange(inside, teamId, limits, by)
    const userId = await demandMember(inside, teamId, { user_id, user_email })
    const columns = { ...columnsOf(limits, inside.now()), ...(role != null && { role }) }
    if (Object.keys(columns).length > 0)
      await inside.store.database
        .updateTable('tianji_team_members')
        .set(columns)
        .where('team_id', '=', teamId)
        .where('user_id', '=', userId)
        .execute()
    await inside.changed()
    const [only] = await memberFacts(inside, await membersOf(inside, { team_id: teamId, user_id: userId }))
    return only!
  })
}

/** Takes somebody out of a team, with the keys that they had for it, and gives the team's id. */
export async function removeMember(rooms: Rooms, body: unknown, by: Actor): Promise<string> {
  const { team_id: teamId, ...person } = readBody(namedMember, body)
  return atOnce(rooms, async (inside) => {
    await demandMemberChange(inside, teamId, {}, by)
    const userId = await demandMember(inside, teamId, person)
    await deleteMembersOf(inside, { team_id: teamId, user_id: userId })
    await deleteKeysOf(inside, { team_id: teamId, user_id: userId })
    await inside.changed()
    return teamId
  })
}

/** Puts people into a team that is there, and gives their ids. Rejects with GatewayError `invalid_request`. */
export async function insertMembers(
  inside: Rooms,
  teamId: string,
  people: readonly NewMember[],
  by: Actor,
  limits: HeldTo = {},
): Promise<readonly string[]> {
  const userIds: string[] = []
  for (const { role, ...person } of people) {
    const userId = await ensureUser(inside, person, by)
    const row: Insertable<TeamMemberTable> = {
      ...noLimits,
      ...columnsOf(limits, inside.now()),
      ...{ team_id: teamId, user_id: userId, role: role ?? 'user', created_at: inside.now() },
    }
    const added = inside.store.database.insertInto('tianji_team_members').values(row).execute()
    await added.catch((error: unknown) => {
      throw isTaken(error) ? isIn(userId) : error
    })
    userIds.push(userId)
  }
  return userIds
}

/** Takes people out of teams, and what was counted for them there. */
export async function deleteMembersOf({ store }: Rooms, owner: Belonging): Promise<void> {
  let found = store.database.deleteFrom('tianji_team_members')
  for (const [column, id] of Object.entries(owner)) found = found.where(column as keyof Belonging, '=', id)
  for (const row of await found.returning(['team_id', 'user_id']).execute())
    await forgetSpent(store, 'member', memberId(row))
}

/** A team's members, a user's memberships, or the one of both. */
export type Belonging = Partial<Record<'team_id' | 'user_id', string>>

/** Who belongs to a team, or to which a user does, in the order in which they came. */
export async function membersOf({ store }: Rooms, owner: Belonging, hold?: Hold): Promise<readonly MemberRow[]> {
  let found = held(store.database.selectFrom('tianji_team_members').selectAll(), store.dialect, hold)
  for (const [column, id] of Object.entries(owner)) found = found.where(column as keyof Belonging, '=', id)
  return found.orderBy('created_at').orderBy('user_id').execute()
}

/** Memberships as they are told, in the same order. */
export async function memberFacts(rooms: Rooms, rows: readonly MemberRow[]): Promise<readonly JsonObject[]> {
  const time = rooms.now()
  const budgets = await budgetFacts(rooms, rows)
  const spent = await spentBy(rooms.store, 'member', rows, memberId, time)
  return rows.map((row) => ({
    team_id: row.team_id,
    user_id: row.user_id,
    role: row.role,
    budget_id: row.budget_id,
    spend: toDollars(spent.get(memberId(row)) ?? 0),
    max_budget_in_team: toDollars(row.max_budget),
    ...limitFacts(row, time),
    litellm_budget_table: budgets.get(row) ?? null,
  }))
}

/** The team's admin changes members; but a budget with a name is a proxy admin's to give. */
async function demandMemberChange(inside: Rooms, teamId: string, limits: HeldTo, by: Actor): Promise<void> {
  await demandAuthority(inside.store, by, 'change', { teamId })
  if (by.role !== 'proxy_admin' && limits.budget_id != null) throw forAdmin('budget_id', 'member')
  await demandRow(inside, teams, teamId, 'there')
  await demandReferences(inside, { budget_id: limits.budget_id })
}

async function demandMember(inside: Rooms, teamId: string, person: UserName): Promise<string> {
  const userId = await findUserId(inside, person)
  const [row] = userId === undefined ? [] : await membersOf(inside, { team_id: teamId, user_id: userId }, 'still')
  if (row === undefined)
    throw new GatewayError('not_found', 'There is no such member of this team.', { param: 'user_id' })
  return row.user_id
}

function columnsOf({ max_budget_in_team: max_budget, budget_id, ...limits }: HeldTo, now: number) {
  return { ...limitColumns({ ...limits, max_budget }, now), ...(budget_id !== undefined && { budget_id }) }
}

function isIn(userId: string): GatewayError {
  return new GatewayError('invalid_request', `\`member\`: the user "${userId}" is in this team already.`, {
    param: 'member',
  })
}

/** By which the spend of a member is counted. */
function memberId({ team_id, user_id }: Pick<MemberRow, 'team_id' | 'user_id'>): string {
  return JSON.stringify([team_id, user_id])
}
