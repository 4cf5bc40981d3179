import { GatewayError } from '@tianjillm/core'
import type { Store } from '@tianjillm/store'
import { type Actor, seesAll } from './actor.ts'

/** Whose something is. */
export interface Ownership {
  readonly keyHash?: string | null | undefined
  readonly userId?: string | null | undefined
  readonly teamId?: string | null | undefined
}

/**
 * Throws GatewayError `permission_denied` unless somebody may look at, or change, what belongs to these. Admins may all,
 * their viewers look at all. A key may look at itself, its user and its team, a user at the teams it is in. An
 * `internal_user` may also change what is its own, and the admin of a team what is the team's. Says the same whether or
 * not there is such a thing.
 */
export async function demandAuthority(
  store: Pick<Store, 'database'>,
  actor: Actor,
  act: 'look' | 'change',
  owner: Ownership,
): Promise<void> {
  if (actor.role === 'proxy_admin' || (act === 'look' && seesAll(actor))) return
  if (await (act === 'look' ? mayLook(store, actor, owner) : mayChange(store, actor, owner))) return
  throw new GatewayError('permission_denied', 'This key may not do that: it is for a proxy admin, or for its owner.')
}

/** For who sets something that is not theirs to set. */
export function forAdmin(param: string, noun: string): GatewayError {
  return new GatewayError('permission_denied', `Only a proxy admin may set \`${param}\` of this ${noun}.`, { param })
}

async function mayLook(store: Pick<Store, 'database'>, actor: Actor, owner: Ownership): Promise<boolean> {
  if (isSame(owner.keyHash, actor.keyHash) || isSame(owner.userId, actor.userId)) return true
  const isOfAll = owner.keyHash == null && owner.userId == null
  if (isOfAll && isSame(owner.teamId, actor.teamId)) return true
  const role = await teamRole(store, actor, owner)
  return role === 'admin' || (isOfAll && role !== undefined)
}

async function mayChange(store: Pick<Store, 'database'>, actor: Actor, owner: Ownership): Promise<boolean> {
  const role = await teamRole(store, actor, owner)
  if (role === 'admin') return true
  const isOwn = actor.role === 'internal_user' && isSame(owner.userId, actor.userId)
  // Whoever is not in a team must not spend what is the team's.
  return isOwn && (owner.teamId == null || role !== undefined)
}

/** What somebody is in a team: `admin`, `user`, or undefined. */
async function teamRole(
  { database }: Pick<Store, 'database'>,
  { userId }: Actor,
  { teamId }: Ownership,
): Promise<string | undefined> {
  if (userId === undefined || teamId == null) return undefined
  const member = await database
    .selectFrom('tianji_team_members')
    .select('role')
    .where('team_id', '=', teamId)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return member?.role
}

function isSame(one: string | null | undefined, other: string | null | undefined): boolean {
  return one != null && one === other
}
