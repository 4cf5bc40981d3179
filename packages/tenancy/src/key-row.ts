import { hash, randomBytes } from 'node:crypto'
import { GatewayError, type JsonObject } from '@tianjillm/core'
import { type KeyTable, type Nano, type Store, toDollars } from '@tianjillm/store'
import type { Insertable, Selectable } from 'kysely'
import * as v from 'valibot'
import { after } from './duration.ts'
import { limitColumns, limitFacts, noLimits, timeText } from './limits.ts'
import { forgetTokens } from './mcp-tokens.ts'
import { permissionColumn, permissionEntries, permissionFacts } from './object-permission.ts'
import { dollars, limitEntries, metadata, name, names, type Optional } from './read-body.ts'
import type { Rooms } from './rooms.ts'
import { type Hold, held } from './rows.ts'
import { forgetSpent } from './spent.ts'

/** A key as the store has it. */
export type KeyRow = Selectable<KeyTable>

/** Bytes of chance in a key. */
const KEY_BYTES = 24

/** What bodies say of keys. */
export const keyEntries: typeof limitEntries &
  typeof permissionEntries & {
    readonly key_alias: Optional<string>
    readonly duration: Optional<string>
    readonly models: Optional<string[]>
    readonly user_id: Optional<string>
    readonly team_id: Optional<string>
    readonly organization_id: Optional<string>
    readonly budget_id: Optional<string>
    readonly metadata: Optional<Record<string, unknown>>
    readonly tags: Optional<string[]>
    readonly allowed_routes: Optional<string[]>
    readonly key_type: Optional<'default' | 'llm_api' | 'management' | 'read_only'>
    readonly blocked: Optional<boolean>
    readonly spend: Optional<number>
  } = {
  ...limitEntries,
  ...permissionEntries,
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
  key_type: v.nullish(
    v.picklist(['default', 'llm_api', 'management', 'read_only'], 'expected default, llm_api, management or read_only'),
  ),
  blocked: v.nullish(v.boolean('expected true or false')),
  spend: v.nullish(dollars),
}

/** A key that somebody brings along. */
export const ownKey: Optional<string> = v.nullish(v.pipe(name, v.startsWith('sk-', 'must begin with sk-')))

/** Fields of a body that was read. */
export type KeyFields = { readonly [Name in keyof typeof keyEntries]?: v.InferOutput<(typeof keyEntries)[Name]> }

/** Routes that a kind of key is for. */
const routesOfType: Readonly<Record<string, readonly string[]>> = {
  default: [],
  llm_api: ['llm_api_routes'],
  management: ['management_routes'],
  read_only: ['info_routes'],
}

/** The columns that fields speak of. `known` are the limits of models so far. */
export function keyColumns(fields: KeyFields, now: number, known?: string): Partial<Insertable<KeyTable>> {
  const columns: Partial<Insertable<KeyTable>> = { ...limitColumns(fields, now, known), ...permissionColumn(fields) }
  for (const name of ['key_alias', 'user_id', 'team_id', 'organization_id', 'budget_id'] as const)
    if (fields[name] !== undefined) columns[name] = fields[name]
  if (fields.key_type != null) columns.allowed_routes = JSON.stringify(routesOfType[fields.key_type])
  for (const name of ['models', 'tags', 'allowed_routes'] as const)
    if (fields[name] !== undefined) columns[name] = JSON.stringify(fields[name] ?? [])
  if (fields.metadata !== undefined) columns.metadata = JSON.stringify(fields.metadata ?? {})
  if (fields.blocked != null) columns.blocked = Number(fields.blocked)
  if (fields.duration !== undefined) columns.expires_at = fields.duration === null ? null : after(now, fields.duration)
  return columns
}

/** A key that nobody has said anything of. */
export const emptyKey: Omit<
  Insertable<KeyTable>,
  'key_hash' | 'key_id' | 'key_name' | 'created_at' | 'updated_at' | 'created_by'
> = {
  ...noLimits,
  ...{ key_alias: null, user_id: null, team_id: null, organization_id: null, budget_id: null },
  ...{ models: '[]', metadata: '{}', tags: '[]', allowed_routes: '[]' },
  ...{ expires_at: null, last_used_at: null, object_permission: null },
}

/** A key as it is told, in dollars and ISO times; never the key itself. */
export function keyFacts(row: KeyRow, spend: Nano, now: number): JsonObject {
  return {
    token: row.key_hash,
    key_name: row.key_name,
    key_alias: row.key_alias,
    user_id: row.user_id,
    team_id: row.team_id,
    organization_id: row.organization_id,
    budget_id: row.budget_id,
    // They were written from lists and maps.
    models: JSON.parse(row.models),
    spend: toDollars(spend),
    ...limitFacts(row, now),
    metadata: JSON.parse(row.metadata),
    ...permissionFacts(row),
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

/** The key of that name, which is the key itself or its hash; undefined when there is none. */
export async function findKey({ database, dialect }: Store, key: string, hold?: Hold): Promise<KeyRow | undefined> {
  const keyHash = /^[0-9a-f]{64}$/.test(key) ? key : hashOf(key)
  const found = database.selectFrom('tianji_keys').selectAll().where('key_hash', '=', keyHash)
  return held(found, dialect, hold).executeTakeFirst()
}

/** Takes away all keys that belong to somebody, and what was counted for them; the logs stay. */
export async function deleteKeysOf(
  { store }: Rooms,
  owner: Partial<Record<'user_id' | 'team_id' | 'organization_id', string>>,
): Promise<void> {
  let found = store.database.deleteFrom('tianji_keys')
  for (const [column, id] of Object.entries(owner)) found = found.where(column as keyof typeof owner, '=', id)
  for (const { key_hash } of await found.returning('key_hash').execute()) {
    await forgetSpent(store, 'key', key_hash)
    await forgetTokens(store, 'key', key_hash)
  }
}

/** For who asks for a key that is not there. */
export function noKey(): GatewayError {
  return new GatewayError('not_found', 'There is no such key.', { code: 'token_not_found_in_db', param: 'key' })
}

/** The hash under which a key is kept. */
export function hashOf(key: string): string {
  return hash('sha256', key)
}

/** A key that nobody can guess. */
export function newSecret(): string {
  return `sk-${randomBytes(KEY_BYTES).toString('base64url')}`
}

/** By which its owner recognises it. */
export function shortened(key: string): string {
  return `sk-...${key.slice(-4)}`
}
