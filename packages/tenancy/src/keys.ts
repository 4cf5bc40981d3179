import { randomUUID } from 'node:crypto'
import { GatewayError, type JsonObject } from '@tianjillm/core'
import { type KeyTable, toNano } from '@tianjillm/store'
import type { Insertable } from 'kysely'
import * as v from 'valibot'
import { type Actor, nameOf, seesAll } from './actor.ts'
import { atOnce } from './at-once.ts'
import { demandAuthority, forAdmin } from './authority.ts'
import { ensureUser } from './ensure-user.ts'
import {
  emptyKey,
  findKey,
  hashOf,
  type KeyFields,
  type KeyRow,
  keyColumns,
  keyEntries,
  keyFacts,
  newSecret,
  noKey,
  ownKey,
  shortened,
} from './key-row.ts'
import { forgetTokens } from './mcp-tokens.ts'
import { isTaken, paged, pageEntries } from './queries.ts'
import { name, names, readBody } from './read-body.ts'
import { demandReferences } from './references.ts'
import type { Rooms } from './rooms.ts'
import { forgetSpent, moveSpent, setSpent, spentBy } from './spent.ts'

const newKey = v.strictObject({ ...keyEntries, key: ownKey })
const changedKey = v.strictObject({ ...keyEntries, key: name })
const renewedKey = v.strictObject({ ...keyEntries, new_key: ownKey })
const namedKeys = v.strictObject({ keys: v.optional(names), key_aliases: v.optional(names) })
const oneKey = v.strictObject({ key: name })
const listing = v.strictObject({
  ...pageEntries,
  user_id: v.optional(name),
  team_id: v.optional(name),
  organization_id: v.optional(name),
  key_alias: v.optional(name),
  key_hash: v.optional(name),
  return_full_object: v.optional(v.boolean('expected true or false'), false),
})

/** All that is done to keys, each as LiteLLM's route of that name has it. */
export interface Keys {
  /** Makes a key; the answer is the only place where it is ever told. */
  generate(body: unknown, by: Actor): Promise<JsonObject>
  /** Changes what a body speaks of, and leaves all else. */
  update(body: unknown, by: Actor): Promise<JsonObject>
  /** Everything of a key but the key. `key` may be the key itself or its hash. */
  info(key: string, by: Actor): Promise<JsonObject>
  /** Takes keys away, by themselves, their hashes or their aliases; all of them, or none when one is not there. */
  delete(body: unknown, by: Actor): Promise<JsonObject>
  setBlocked(body: unknown, isBlocked: boolean, by: Actor): Promise<JsonObject>
  /** Gives a key a new secret and, where the body says so, other fields; the old secret is good for nothing from then on. */
  regenerate(key: string, body: unknown, by: Actor): Promise<JsonObject>
  /** A page of keys, the newest first. */
  list(query: unknown, by: Actor): Promise<JsonObject>
}

/** The keys of a store. Each rejects with GatewayError `invalid_request`, `permission_denied` or `not_found`. */
export function createKeys(rooms: Rooms): Keys {
  return {
    generate: (body, by) => generateKey(rooms, body, by),
    update: (body, by) => updateKey(rooms, body, by),
    info: (key, by) => keyInfo(rooms, key, by),
    delete: (body, by) => deleteKeys(rooms, body, by),
    setBlocked: (body, isBlocked, by) => setBlocked(rooms, body, isBlocked, by),
    regenerate: (key, body, by) => regenerateKey(rooms, key, body, by),
    list: (query, by) => listKeys(rooms, query, by),
  }
}

async function generateKey(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const asked = readBody(newKey, body)
  // Who makes keys for nobody else makes them for itself.
  const isForSelf = by.role !== 'proxy_admin' && asked.user_id == null && asked.team_id == null
  const fields = isForSelf ? { ...asked, user_id: by.userId } : asked
  await demandAuthority(rooms.store, by, 'change', { userId: fields.user_id, teamId: fields.team_id })
  demandOrdinary(fields, by)
  demandOwnName(fields.user_id, by)
  const key = fields.key ?? newSecret()
  const now = rooms.now()
  const row: Insertable<KeyTable> = {
    ...emptyKey,
    ...keyColumns(fields, now),
    key_hash: hashOf(key),
    key_id: randomUUID(),
    key_name: shortened(key),
    created_at: now,
    updated_at: now,
    created_by: nameOf(by),
  }
  return atOnce(rooms, async (inside) => {
    await demandBelongings(inside, fields, by)
    await inside.store.database
      .insertInto('tianji_keys')
      .values(row)
      .execute()
      .catch((error) => {
        throw isTaken(error) ? aliasTaken(row.key_alias) : error
      })
    await spendAsTold(inside, fields, row.key_hash)
    await inside.changed(row.key_hash)
    return { ...(await told(inside, row.key_hash)), key, token_id: row.key_hash }
  })
}

async function updateKey(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const { key, ...fields } = readBody(changedKey, body)
  return atOnce(rooms, async (inside) => {
    const known = await demandKey(inside, key, by, 'change')
    await demandChange(inside, known, fields, by)
    await demandBelongings(inside, fields, by)
    await change(inside, known.key_hash, keyColumns(fields, rooms.now(), known.model_limits))
    await spendAsTold(inside, fields, known.key_hash)
    return { key, ...(await told(inside, known.key_hash)) }
  })
}

async function keyInfo(rooms: Rooms, key: string, by: Actor): Promise<JsonObject> {
  const row = await demandKey(rooms, key, by, 'look')
  return { key: row.key_hash, info: await told(rooms, row.key_hash) }
}

async function deleteKeys(rooms: Rooms, body: unknown, by: Actor): Promise<JsonObject> {
  const { keys = [], key_aliases: aliases = [] } = readBody(namedKeys, body)
  if (keys.length + aliases.length === 0)
    throw new GatewayError('invalid_request', 'Name `keys` or `key_aliases` to delete.', { param: 'keys' })
  return atOnce(rooms, async (inside) => {
    const found = new Set<string>()
    for (const key of keys) found.add((await demandKey(inside, key, by, 'change')).key_hash)
    for (const alias of aliases) found.add((await demandAlias(inside, alias, by)).key_hash)
    for (const keyHash of found) {
      await inside.store.database.deleteFrom('tianji_keys').where('key_hash', '=', keyHash).execute()
      await forgetSpent(inside.store, 'key', keyHash)
      await forgetTokens(inside.store, 'key', keyHash)
      await inside.changed(keyHash)
    }
    return { deleted_keys: keys.length > 0 ? keys : [...found] }
  })
}

async function setBlocked(rooms: Rooms, body: unknown, isBlocked: boolean, by: Actor): Promise<JsonObject> {
  const { key } = readBody(oneKey, body)
  const known = await demandKey(rooms, key, by, 'change')
  // Whoever made a key may let it in again; others might undo what an admin did.
  if (!isBlocked) await demandChange(rooms, known, { blocked: false }, by)
  const { key_hash } = known
  await change(rooms, key_hash, { blocked: Number(isBlocked) })
  return told(rooms, key_hash)
}

async function regenerateKey(rooms: Rooms, key: string, body: unknown, by: Actor): Promise<JsonObject> {
  const { new_key: given, ...fields } = readBody(renewedKey, body)
  const secret = given ?? newSecret()
  const own = { key_hash: hashOf(secret), key_name: shortened(secret) }
  return atOnce(rooms, async (inside) => {
    const known = await demandKey(inside, key, by, 'change')
    await demandChange(inside, known, fields, by)
    demandOwnName(known.user_id, by)
    await demandBelongings(inside, fields, by)
    await change(inside, known.key_hash, { ...keyColumns(fields, rooms.now(), known.model_limits), ...own })
    await moveSpent(inside.store, 'key', known.key_hash, own.key_hash)
    // They open for the key that they were sealed for.
    if (own.key_hash !== known.key_hash) await forgetTokens(inside.store, 'key', known.key_hash)
    await spendAsTold(inside, fields, own.key_hash)
    await inside.changed(own.key_hash)
    return { ...(await told(inside, own.key_hash)), key: secret, token_id: own.key_hash }
  })
}

async function listKeys(rooms: Rooms, query: unknown, by: Actor): Promise<JsonObject> {
  const { page, size, return_full_object: isWhole, ...filters } = readBody(listing, query)
  let found = rooms.store.database.selectFrom('tianji_keys')
  // The filters have the names of columns.
  for (const [column, value] of Object.entries(filters))
    if (value !== undefined) found = found.where(column as keyof typeof filters, '=', value)
  if (!seesAll(by) && filters.team_id !== undefined)
    await demandAuthority(rooms.store, by, 'change', { teamId: filters.team_id })
  else if (!seesAll(by))
    found =
      by.userId === undefined ? found.where('key_hash', '=', by.keyHash ?? '') : found.where('user_id', '=', by.userId)
  const { rows, ...place } = await paged(found.selectAll(), { page, size }, (rows) =>
    rows.orderBy('created_at', 'desc').orderBy('key_hash'),
  )
  const keys = isWhole ? await tellKeys(rooms, rows) : rows.map(({ key_hash }) => key_hash)
  return { keys, ...place }
}

/** The key of that name, if somebody may look at it or change it. */
async function demandKey(rooms: Rooms, key: string, by: Actor, act: 'look' | 'change'): Promise<KeyRow> {
  const row = await findKey(rooms.store, key, act === 'change' ? 'still' : undefined)
  await demandAuthority(rooms.store, by, act, { keyHash: row?.key_hash, userId: row?.user_id, teamId: row?.team_id })
  if (row === undefined) throw noKey()
  return row
}

async function demandAlias(rooms: Rooms, alias: string, by: Actor): Promise<KeyRow> {
  const found = rooms.store.database.selectFrom('tianji_keys').select('key_hash').where('key_alias', '=', alias)
  const row = await found.executeTakeFirst()
  return demandKey(rooms, row?.key_hash ?? '', by, 'change')
}

/** Whoever is no proxy admin must not free a key from what an admin holds it to, nor give it to others. */
async function demandChange({ store }: Rooms, known: KeyRow, fields: KeyFields, by: Actor): Promise<void> {
  if (by.role === 'proxy_admin') return
  demandOrdinary(fields, by)
  const isTeams = known.team_id !== null && fields.team_id === undefined
  if (isTeams && known.created_by !== by.userId) await demandAuthority(store, by, 'change', { teamId: known.team_id })
  const isOwn = known.created_by !== null && known.created_by === by.userId
  if (isOwn || isTeams) {
    if (fields.user_id !== undefined || fields.team_id !== undefined)
      throw forAdmin(fields.user_id === undefined ? 'team_id' : 'user_id', 'key')
    return
  }
  // Its metadata too say what its calls may.
  const param = Object.entries(fields).find(([field, value]) => value !== undefined && field !== 'key_alias')?.[0]
  if (param !== undefined) throw forAdmin(param, 'key')
}

/** What a key belongs to is there, and stays until it does; a user who is not is made, as LiteLLM has it. */
async function demandBelongings(inside: Rooms, fields: KeyFields, by: Actor): Promise<void> {
  await demandReferences(inside, fields)
  if (fields.user_id != null) await ensureUser(inside, fields, by)
}

/** A secret lets its holder be its user, whose role may be greater: the admin of a team must not have that of another. */
function demandOwnName(userId: string | null | undefined, by: Actor): void {
  if (by.role !== 'proxy_admin' && userId != null && userId !== by.userId) throw forAdmin('user_id', 'key')
}

function demandOrdinary(fields: KeyFields, { role }: Actor): void {
  if (role === 'proxy_admin') return
  const param = (['spend', 'organization_id', 'budget_id'] as const).find((field) => fields[field] != null)
  if (param !== undefined) throw forAdmin(param, 'key')
}

async function change(rooms: Rooms, keyHash: string, columns: Partial<Insertable<KeyTable>>): Promise<void> {
  await rooms.store.database
    .updateTable('tianji_keys')
    .set({ ...columns, updated_at: rooms.now() })
    .where('key_hash', '=', keyHash)
    .execute()
    .catch((error) => {
      throw isTaken(error) ? aliasTaken(columns.key_alias) : error
    })
  await rooms.changed(keyHash)
}

async function spendAsTold(rooms: Rooms, { spend }: KeyFields, keyHash: string): Promise<void> {
  const row = spend == null ? undefined : await findKey(rooms.store, keyHash)
  if (row !== undefined) await setSpent(rooms.store, 'key', keyHash, row, toNano(spend) ?? 0, rooms.now())
}

async function told(rooms: Rooms, keyHash: string): Promise<JsonObject> {
  const row = await findKey(rooms.store, keyHash)
  if (row === undefined) throw noKey()
  const [only] = await tellKeys(rooms, [row])
  return only!
}

/** Keys as they are told, in the same order. */
export async function tellKeys({ store, now }: Rooms, rows: readonly KeyRow[]): Promise<readonly JsonObject[]> {
  const time = now()
  const spent = await spentBy(store, 'key', rows, ({ key_hash }) => key_hash, time)
  return rows.map((row) => keyFacts(row, spent.get(row.key_hash) ?? 0, time))
}

function aliasTaken(alias: string | null | undefined): GatewayError {
  const message = alias == null ? 'This key is there already.' : `The alias "${alias}" or the key is there already.`
  return new GatewayError('invalid_request', message, { param: alias == null ? 'key' : 'key_alias' })
}
