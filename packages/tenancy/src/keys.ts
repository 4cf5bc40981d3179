import { hash, randomBytes } from 'node:crypto'
import { GatewayError, type JsonObject } from '@tianjillm/core'
import { type KeyTable, type Store, toDollars, toNano } from '@tianjillm/store'
import type { Insertable, Selectable } from 'kysely'
import * as v from 'valibot'
import { after } from './duration.ts'
import { limitColumns, limitFacts, timeText } from './limits.ts'
import { count, dollars, limitEntries, metadata, name, names, readBody } from './read-body.ts'

/** A key as the store has it. */
export type KeyRow = Selectable<KeyTable>

/** Bytes of chance in a key. */
const KEY_BYTES = 24
const LARGEST_PAGE = 100

const fieldEntries = {
  ...limitEntries,
  key_alias: v.nullish(name),
  duration: v.nullish(name),
  models: v.nullish(names),
  user_id: v.nullish(name),
  team_id: v.nullish(name),
  organization_id: v.nullish(name),
  budget_id: v.nullish(name),
  metadata: v.nullish(metadata),
  tags: v.nullish(names),
  allowed_routes: v.nullish(names),
  blocked: v.nullish(v.boolean('expected true or false')),
  spend: v.nullish(dollars),
}
const newKey = v.strictObject({
  ...fieldEntries,
  key: v.nullish(v.pipe(name, v.startsWith('sk-', 'must begin with sk-'))),
})
const changedKey = v.strictObject({ ...fieldEntries, key: name })
const namedKeys = v.strictObject({ keys: v.optional(names), key_aliases: v.optional(names) })
const oneKey = v.strictObject({ key: name })
const listing = v.strictObject({
  page: v.optional(count, 1),
  size: v.optional(count, 10),
  user_id: v.optional(name),
  team_id: v.optional(name),
  organization_id: v.optional(name),
  key_alias: v.optional(name),
  key_hash: v.optional(name),
  return_full_object: v.optional(v.boolean(), false),
})

/** What keys are made and changed with. */
export interface KeyRooms {
  readonly store: Store
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Told of every key, by its hash, that is no longer what it was. */
  readonly changed: (keyHash: string) => void
}

/** All that is done to keys, each as the function of its name has it. */
export interface Keys {
  generate(body: unknown, by: string | null): Promise<JsonObject>
  update(body: unknown): Promise<JsonObject>
  info(key: string): Promise<JsonObject>
  delete(body: unknown): Promise<JsonObject>
  setBlocked(body: unknown, isBlocked: boolean): Promise<JsonObject>
  regenerate(key: string, body: unknown): Promise<JsonObject>
  list(query: unknown): Promise<JsonObject>
}

/** The keys of a store. */
export function createKeys(rooms: KeyRooms): Keys {
  return {
    generate: (body, by) => generateKey(rooms, body, by),
    update: (body) => updateKey(rooms, body),
    info: (key) => keyInfo(rooms, key),
    delete: (body) => deleteKeys(rooms, body),
    setBlocked: (body, isBlocked) => setBlocked(rooms, body, isBlocked),
    regenerate: (key, body) => regenerateKey(rooms, key, body),
    list: (query) => listKeys(rooms, query),
  }
}

/** The hash under which a key is kept. */
export function hashOf(key: string): string {
  return hash('sha256', key)
}

/** Makes a key; the answer is the only place where it is ever told. Throws GatewayError `invalid_request`. */
async function generateKey(rooms: KeyRooms, body: unknown, by: string | null): Promise<JsonObject> {
  const fields = readBody(newKey, body)
  const key = fields.key ?? newSecret()
  const now = rooms.now()
  const row: Insertable<KeyTable> = {
    ...emptyKey,
    ...columnsOf(fields, now),
    key_hash: hashOf(key),
    key_name: nameOf(key),
    created_at: now,
    updated_at: now,
    created_by: by,
  }
  await insert(rooms, row)
  const facts = keyFacts(await demandKey(rooms.store, row.key_hash))
  return { ...facts, key, token_id: row.key_hash }
}

/** Changes what a body speaks of, and leaves all else. */
async function updateKey(rooms: KeyRooms, body: unknown): Promise<JsonObject> {
  const { key, ...fields } = readBody(changedKey, body)
  const known = await demandKey(rooms.store, key)
  const columns = { ...columnsOf(fields, rooms.now(), known.model_limits), updated_at: rooms.now() }
  await change(rooms, known.key_hash, columns)
  return { key, ...keyFacts(await demandKey(rooms.store, key)) }
}

/** Everything of a key but the key. `key` may be the key itself or its hash. */
async function keyInfo({ store }: KeyRooms, key: string): Promise<JsonObject> {
  const row = await demandKey(store, key)
  return { key: row.key_hash, info: keyFacts(row) }
}

/** Takes keys away, by themselves, their hashes or their aliases; all of them, or none when one is not there. */
async function deleteKeys(rooms: KeyRooms, body: unknown): Promise<JsonObject> {
  const { keys = [], key_aliases: aliases = [] } = readBody(namedKeys, body)
  const { database } = rooms.store
  if (keys.length + aliases.length === 0)
    throw new GatewayError('invalid_request', 'Name `keys` or `key_aliases` to delete.', { param: 'keys' })
  const hashes = await database.transaction().execute(async (transaction) => {
    const found = new Set<string>()
    for (const key of keys) found.add((await demandKey({ database: transaction }, key)).key_hash)
    for (const alias of aliases) {
      const row = await transaction
        .selectFrom('tianji_keys')
        .select('key_hash')
        .where('key_alias', '=', alias)
        .executeTakeFirst()
      if (row === undefined) throw noKey()
      found.add(row.key_hash)
    }
    for (const keyHash of found) await transaction.deleteFrom('tianji_keys').where('key_hash', '=', keyHash).execute()
    return [...found]
  })
  for (const keyHash of hashes) rooms.changed(keyHash)
  return { deleted_keys: keys.length > 0 ? keys : hashes }
}

/** Blocks a key, or lets it in again. */
async function setBlocked(rooms: KeyRooms, body: unknown, isBlocked: boolean): Promise<JsonObject> {
  const { key } = readBody(oneKey, body)
  const { key_hash } = await demandKey(rooms.store, key)
  await change(rooms, key_hash, { blocked: Number(isBlocked), updated_at: rooms.now() })
  return keyFacts(await demandKey(rooms.store, key_hash))
}

/** Gives a key a new secret and, where the body says so, other fields; the old secret is good for nothing from then on. */
async function regenerateKey(rooms: KeyRooms, key: string, body: unknown): Promise<JsonObject> {
  const fields = readBody(v.strictObject({ ...fieldEntries, new_key: newKey.entries.key }), body)
  const { new_key: given, ...rest } = fields
  const known = await demandKey(rooms.store, key)
  const secret = given ?? newSecret()
  const columns = { ...columnsOf(rest, rooms.now(), known.model_limits), updated_at: rooms.now() }
  const own = { key_hash: hashOf(secret), key_name: nameOf(secret) }
  await change(rooms, known.key_hash, { ...columns, ...own })
  return { ...keyFacts(await demandKey(rooms.store, own.key_hash)), key: secret, token_id: own.key_hash }
}

/** A page of keys, the newest first. */
async function listKeys({ store: { database } }: KeyRooms, query: unknown): Promise<JsonObject> {
  const { page, size, return_full_object: isWhole, ...filters } = readBody(listing, query)
  const most = Math.min(Math.max(size, 1), LARGEST_PAGE)
  const current = Math.max(page, 1)
  let found = database.selectFrom('tianji_keys')
  // The filters have the names of columns.
  for (const [column, value] of Object.entries(filters))
    if (value !== undefined) found = found.where(column as keyof typeof filters, '=', value)
  const { total } = await found.select(({ fn }) => fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
  const rows = await found
    .selectAll()
    .orderBy('created_at', 'desc')
    .orderBy('key_hash')
    .limit(most)
    .offset((current - 1) * most)
    .execute()
  return {
    keys: rows.map((row) => (isWhole ? keyFacts(row) : row.key_hash)),
    total_count: total,
    current_page: current,
    total_pages: Math.ceil(total / most),
  }
}

/** A key as it is told, in dollars and ISO times. */
function keyFacts(row: KeyRow): JsonObject {
  return {
    token: row.key_hash,
    key_name: row.key_name,
    key_alias: row.key_alias,
    user_id: row.user_id,
    team_id: row.team_id,
    organization_id: row.organization_id,
    budget_id: row.budget_id,
    models: JSON.parse(row.models),
    spend: toDollars(row.spend),
    ...limitFacts(row),
    metadata: JSON.parse(row.metadata),
    tags: JSON.parse(row.tags),
    allowed_routes: JSON.parse(row.allowed_routes),
    blocked: row.blocked === 1,
    expires: timeText(row.expires_at),
    created_at: timeText(row.created_at),
    updated_at: timeText(row.updated_at),
    created_by: row.created_by,
    last_used_at: timeText(row.last_used_at),
  }
}

const emptyKey = {
  ...{ key_alias: null, user_id: null, team_id: null, organization_id: null, budget_id: null },
  ...{ max_budget: null, soft_budget: null, budget_duration: null, budget_reset_at: null },
  ...{ rpm_limit: null, tpm_limit: null, max_parallel_requests: null, model_limits: '{}' },
  ...{ models: '[]', metadata: '{}', tags: '[]', allowed_routes: '[]' },
  ...{ spend: 0, expires_at: null, last_used_at: null },
} as const

type Fields = { readonly [Name in keyof typeof fieldEntries]?: v.InferOutput<(typeof fieldEntries)[Name]> }

function columnsOf(fields: Fields, now: number, knownLimits?: string): Partial<Insertable<KeyTable>> {
  const columns: Partial<Insertable<KeyTable>> = limitColumns(fields, now, knownLimits)
  for (const name of ['key_alias', 'user_id', 'team_id', 'organization_id', 'budget_id'] as const)
    if (fields[name] !== undefined) columns[name] = fields[name]
  for (const name of ['models', 'tags', 'allowed_routes'] as const)
    if (fields[name] !== undefined) columns[name] = JSON.stringify(fields[name] ?? [])
  if (fields.metadata !== undefined) columns.metadata = JSON.stringify(fields.metadata ?? {})
  if (fields.blocked != null) columns.blocked = Number(fields.blocked)
  if (fields.spend != null) columns.spend = toNano(fields.spend) ?? 0
  if (fields.duration !== undefined) columns.expires_at = fields.duration === null ? null : after(now, fields.duration)
  return columns
}

async function insert({ store }: KeyRooms, row: Insertable<KeyTable>): Promise<void> {
  await store.database
    .insertInto('tianji_keys')
    .values(row)
    .execute()
    .catch((error) => {
      throw isTaken(error) ? aliasTaken(row.key_alias) : error
    })
}

async function change(
  { store, changed }: KeyRooms,
  keyHash: string,
  columns: Partial<Insertable<KeyTable>>,
): Promise<void> {
  await store.database
    .updateTable('tianji_keys')
    .set(columns)
    .where('key_hash', '=', keyHash)
    .execute()
    .catch((error) => {
      throw isTaken(error) ? aliasTaken(columns.key_alias) : error
    })
  changed(keyHash)
}

/** The key of that name: the key itself, or its hash. Throws GatewayError `not_found`. */
async function demandKey({ database }: Pick<Store, 'database'>, key: string): Promise<KeyRow> {
  const keyHash = /^[0-9a-f]{64}$/.test(key) ? key : hashOf(key)
  const row = await database.selectFrom('tianji_keys').selectAll().where('key_hash', '=', keyHash).executeTakeFirst()
  if (row === undefined) throw noKey()
  return row
}

function noKey(): GatewayError {
  return new GatewayError('not_found', 'There is no such key.', { code: 'token_not_found_in_db', param: 'key' })
}

function aliasTaken(alias: string | null | undefined): GatewayError {
  const message = alias == null ? 'This key is there already.' : `The alias "${alias}" or the key is there already.`
  return new GatewayError('invalid_request', message, { param: alias == null ? 'key' : 'key_alias' })
}

/** SQLite's and PostgreSQL's words for a row that would be there twice. */
function isTaken(error: unknown): boolean {
  return error instanceof Error && /unique constraint/i.test(error.message)
}

function newSecret(): string {
  return `sk-${randomBytes(KEY_BYTES).toString('base64url')}`
}

function nameOf(key: string): string {
  return `sk-...${key.slice(-4)}`
}
