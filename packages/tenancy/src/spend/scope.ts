import { GatewayError } from '@tianjillm/core'
import type { Tables } from '@tianjillm/store'
import type { Kysely } from 'kysely'
import { type Actor, seesAll } from '../actor.ts'

/** Whose spend is told; what is undefined is not asked for. */
export interface Scope {
  readonly userId: string | undefined
  readonly keyHash: string | undefined
}

/**
 * Whose spend a request may be told of: whose it asks for, or for want of a role the actor's own. Rejects with
 * GatewayError `permission_denied`, in the same words whether what is asked for exists or not.
 */
export async function scopeOf(database: Kysely<Tables>, asked: Scope, actor: Actor): Promise<Scope> {
  if (seesAll(actor)) return asked
  const { userId, keyHash } = actor
  if (asked.userId !== undefined && asked.userId !== userId) throw refused('user_id')
  if (userId === undefined && keyHash === undefined) throw refused('user_id')
  const isOwn = asked.keyHash === undefined || asked.keyHash === keyHash
  if (!isOwn && !(await isKeyOf(database, asked.keyHash, userId))) throw refused('api_key')
  return { userId, keyHash: userId === undefined ? keyHash : asked.keyHash }
}

async function isKeyOf(database: Kysely<Tables>, keyHash: string, userId: string | undefined): Promise<boolean> {
  if (userId === undefined) return false
  const found = await database
    .selectFrom('tianji_keys')
    .select('key_hash')
    .where('key_hash', '=', keyHash)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return found !== undefined
}

function refused(param: string): GatewayError {
  return new GatewayError('permission_denied', 'This key may see what was spent by its own user, or with itself.', {
    param,
  })
}
