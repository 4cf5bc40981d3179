import { randomUUID } from 'node:crypto'
import { GatewayError } from '@tianjillm/core'
import * as v from 'valibot'
import type { Actor } from './actor.ts'
import { isTaken } from './queries.ts'
import { name } from './read-body.ts'
import type { Rooms } from './rooms.ts'
import { findRow, users } from './rows.ts'
import { commonRow } from './spender.ts'

/** An e-mail address; in small letters, so that it is one however it is written. */
export const email: v.GenericSchema<string> = v.pipe(
  name,
  v.regex(/^[^\s@]+@[^\s@]+$/, 'must be an e-mail address'),
  v.toLowerCase(),
)

/** How bodies name a user. */
export interface UserName {
  readonly user_id?: string | null | undefined
  readonly user_email?: string | null | undefined
}

/** The id of the user that is named; of one by an address undefined when there is none. */
export async function findUserId({ store }: Rooms, { user_id, user_email }: UserName): Promise<string | undefined> {
  if (user_id != null) return user_id
  if (user_email == null)
    throw new GatewayError('invalid_request', 'Name a `user_id` or `user_email`.', { param: 'user_id' })
  const found = store.database.selectFrom('tianji_users').select('user_id').where('user_email', '=', user_email)
  return (await found.executeTakeFirst())?.user_id
}

/**
 * The id of the user that is named, who is made when there is none, and may change nothing then. Is there until the end
 * of the transaction.
 */
export async function ensureUser(inside: Rooms, named: UserName, by: Actor): Promise<string> {
  const id = (await findUserId(inside, named)) ?? randomUUID()
  if ((await findRow(inside, users, id, 'there')) !== undefined) return id
  const { user_email = null } = named
  await inside.store.database
    .insertInto('tianji_users')
    .values({ ...commonRow({}, inside.now(), by), user_id: id, user_email, user_role: 'internal_user_viewer' })
    // Somebody else may have made the same one meanwhile.
    .onConflict((conflict) => conflict.column('user_id').doNothing())
    .execute()
    .catch((error: unknown) => {
      if (!isTaken(error)) throw error
      throw new GatewayError('invalid_request', '`user_email`: it is the address of another user.', {
        param: 'user_email',
      })
    })
  return id
}
