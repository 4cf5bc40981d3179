import { GatewayError, type JsonObject } from '@tianjillm/core'
import { type Tables, toDollars } from '@tianjillm/store'
import type { Kysely } from 'kysely'
import * as v from 'valibot'
import { type Actor, seesAll } from '../actor.ts'
import { name, readBody } from '../read-body.ts'
import { type AccountKind, added, counters, daysOf, metricsOf, NOTHING, type Selection, type Sums } from './daily.ts'
import { demandOrder, keyHash, nameList, pageEntries, pageOf, rangeEntries } from './query.ts'
import { type DaySums, rankedByDay } from './ranked.ts'
import { scopeOf } from './scope.ts'
import type { SpendTable } from './spend-table.ts'

/** Whose days are told: of users with their keys, or of all of a kind. */
export type ActivityKind = 'user' | 'team' | 'organization' | 'end_user' | 'tag'

const SIZES = { usual: 50, largest: 400 }
/** Keys, models, teams of one day that are told, those that cost most. */
const MOST_OF_A_DAY = 100
const ROWS_AT_ONCE = 1_000

/** Minutes by which LiteLLM's days may begin later. */
const utc = v.literal(0, 'expected 0, for days are in UTC')

const common = { ...rangeEntries, ...pageEntries, model: v.optional(name), timezone: v.optional(utc) }
const userQuery = v.strictObject({ ...common, user_id: v.optional(name), api_key: v.optional(keyHash) })

/** The parameter that names some of a kind. */
const named = {
  team: 'team_ids',
  organization: 'organization_ids',
  end_user: 'end_user_ids',
  tag: 'tags',
} as const

/**
 * Each day with its sums, and what they are made of; the newest day first.
 * https://docs.litellm.ai/docs/proxy/cost_tracking#daily-spend-breakdown-api
 */
export async function activityIn(
  database: Kysely<Tables>,
  kind: ActivityKind,
  query: unknown,
  actor: Actor,
): Promise<JsonObject> {
  const { selection, page: asked } = await selectionOf(database, kind, query, actor)
  const { current, most, offset } = pageOf(asked, SIZES)
  const days = await daysOf(database, selection, 'day')
    .select(({ fn }) => ['day', ...counters.map((counter) => fn.sum<number>(counter).as(counter))])
    .groupBy('day')
    .orderBy('day', 'desc')
    .execute()
  const told = days.slice(offset, offset + most)
  const breakdown = await breakdownOf(database, selection, told)
  const pages = Math.max(1, Math.ceil(days.length / most))
  return {
    results: told.map(({ day, ...sums }) => ({ date: day, metrics: metricsOf(sums), breakdown: breakdown(day) })),
    metadata: {
      ...totals(days.reduce<Sums>((total, one) => added(total, one), NOTHING)),
      page: current,
      total_pages: pages,
      has_more: current < pages,
      api_key_limit: MOST_OF_A_DAY,
    },
  }
}

/** The same without the keys: a row for each day, model and provider. */
export async function activityTable(
  database: Kysely<Tables>,
  kind: ActivityKind,
  query: unknown,
  actor: Actor,
): Promise<SpendTable> {
  const { selection } = await selectionOf(database, kind, query, actor)
  const isSplit = kind !== 'user' || selection.kind !== 'all'
  const columns = [
    'date',
    ...(isSplit ? [selection.kind] : []),
    'model',
    'provider',
    ...Object.keys(metricsOf(NOTHING)),
  ]
  async function* pages(): AsyncGenerator<readonly JsonObject[]> {
    let found = daysOf(database, selection, 'provider')
    while (true) {
      const rows = await found
        .select([...place, ...counters])
        .orderBy('day')
        .orderBy('id')
        .orderBy('model_group')
        .orderBy('provider')
        .limit(ROWS_AT_ONCE)
        .execute()
      yield rows.map(({ day: date, id, model_group: model, provider, ...sums }) => ({
        ...{ date, [selection.kind]: id, model, provider },
        ...metricsOf(sums),
      }))
      if (rows.length < ROWS_AT_ONCE) return
      // From where the last page ended, in the order of the rows in the table, so that no page has to sort them.
      const { day, id, model_group, provider } = rows.at(-1)!
      found = daysOf(database, { ...selection, start_date: day }, 'provider').where(({ eb, refTuple, tuple }) =>
        eb(refTuple(...place), '>', tuple(day, id, model_group, provider)),
      )
    }
  }
  return { columns, pages: pages() }
}

const place = ['day', 'id', 'model_group', 'provider'] as const

interface Asked {
  readonly selection: Selection
  readonly page: v.InferOutput<typeof userQuery>
}

async function selectionOf(database: Kysely<Tables>, kind: ActivityKind, query: unknown, actor: Actor): Promise<Asked> {
  if (kind === 'user') return userSelection(database, readBody(userQuery, query), actor)
  const field = named[kind]
  const { [field]: ids, ...page } = readBody(
    v.strictObject({ ...common, [field]: v.optional(nameList) }),
    query,
  ) as v.InferOutput<typeof userQuery> & { readonly [Name in typeof field]?: readonly string[] }
  demandOrder(page)
  if (!seesAll(actor)) await demandLead(database, kind, ids, actor)
  const { start_date, end_date, model } = page
  return { selection: { kind, ids, start_date, end_date, model }, page }
}

async function userSelection(
  database: Kysely<Tables>,
  page: v.InferOutput<typeof userQuery>,
  actor: Actor,
): Promise<Asked> {
  demandOrder(page)
  const { start_date, end_date, model } = page
  const { userId, keyHash: key } = await scopeOf(database, { userId: page.user_id, keyHash: page.api_key }, actor)
  const range = { start_date, end_date, model }
  if (key !== undefined) return { selection: { ...range, kind: 'key', ids: [key] }, page }
  if (userId !== undefined) return { selection: { ...range, kind: 'user', ids: [userId] }, page }
  return { selection: { ...range, kind: 'all' }, page }
}

/** Who leads a team may see all of it. */
async function demandLead(
  database: Kysely<Tables>,
  kind: ActivityKind,
  ids: readonly string[] | undefined,
  { userId }: Actor,
): Promise<void> {
  const message = 'Only who leads a team may see what it spent; name it in `team_ids`.'
  const refused = new GatewayError('permission_denied', message, { param: 'team_ids' })
  if (kind !== 'team' || ids === undefined || userId === undefined) throw refused
  const led = await database
    .selectFrom('tianji_team_members')
    .select('team_id')
    .where('user_id', '=', userId)
    .where('role', '=', 'admin')
    .where('team_id', 'in', [...ids])
    .execute()
  if (new Set(ids).size > led.length) throw refused
}

/** What the sums of days are made of. */
async function breakdownOf(
  database: Kysely<Tables>,
  selection: Selection,
  days: readonly { readonly day: string }[],
): Promise<(day: string) => JsonObject> {
  if (days.length === 0) return () => ({})
  const these = { ...selection, start_date: days.at(-1)!.day, end_date: days[0]!.day }
  const [models, providers, keys, entities] = await Promise.all([
    rankedByDay(database, these, 'model_group', MOST_OF_A_DAY),
    rankedByDay(database, these, 'provider', MOST_OF_A_DAY),
    keysOf(database, these),
    isNamed(selection.kind) ? rankedByDay(database, these, 'id', MOST_OF_A_DAY) : [],
  ])
  const facts = await keyFacts(database, [...new Set(keys.map((row) => row.name))])
  const parts = [models, providers, keys, entities].map((rows) => Map.groupBy(rows, ({ day }) => day))
  return (day) => {
    const [ofModels, ofProviders, ofKeys, ofEntities] = parts.map((rows) => rows.get(day) ?? [])
    return {
      models: byName(ofModels!),
      model_groups: byName(ofModels!),
      providers: byName(ofProviders!.map((row) => ({ ...row, name: row.name || 'unknown' }))),
      api_keys: byName(ofKeys!, (key) => facts.get(key)),
      ...(isNamed(selection.kind) && { entities: byName(ofEntities!) }),
    }
  }
}

function isNamed(kind: AccountKind): boolean {
  return kind !== 'all' && kind !== 'user' && kind !== 'key'
}

/** Columns of a key by which it belongs to somebody. */
const owners: Readonly<Partial<Record<AccountKind, 'user_id' | 'team_id' | 'organization_id'>>> = {
  user: 'user_id',
  team: 'team_id',
  organization: 'organization_id',
}

/** What keys spent that belong, today, to whom the selection is about; nothing where keys do not belong to such. */
async function keysOf(database: Kysely<Tables>, selection: Selection): Promise<readonly DaySums[]> {
  const { kind, ids } = selection
  if (kind === 'all' || kind === 'key') return rankedByDay(database, { ...selection, kind: 'key' }, 'id', MOST_OF_A_DAY)
  const owner = owners[kind]
  if (owner === undefined || ids === undefined) return []
  const keys = await database
    .selectFrom('tianji_keys')
    .select('key_hash')
    .where(owner, 'in', ids.length > 0 ? [...ids] : [''])
    .limit(MOST_KEYS)
    .execute()
  const hashes = keys.map(({ key_hash }) => key_hash)
  return rankedByDay(database, { ...selection, kind: 'key', ids: hashes }, 'id', MOST_OF_A_DAY)
}

/** Parameters that a statement may have. */
const MOST_KEYS = 10_000

async function keyFacts(database: Kysely<Tables>, hashes: readonly string[]): Promise<ReadonlyMap<string, JsonObject>> {
  if (hashes.length === 0) return new Map()
  const rows = await database
    .selectFrom('tianji_keys')
    .select(['key_hash', 'key_alias', 'team_id', 'user_id'])
    .where('key_hash', 'in', [...hashes])
    .execute()
  return new Map(rows.map(({ key_hash, ...facts }) => [key_hash, facts]))
}

function byName(rows: readonly DaySums[], factsOf?: (name: string) => JsonObject | undefined): JsonObject {
  return Object.fromEntries(
    rows.map(({ name, day: _, ...sums }) => [name, { metrics: metricsOf(sums), metadata: factsOf?.(name) ?? {} }]),
  )
}

function totals(sums: Sums): JsonObject {
  const { spend, requests, failures, prompt_tokens, completion_tokens } = sums
  return {
    total_spend: toDollars(spend),
    total_prompt_tokens: prompt_tokens,
    total_completion_tokens: completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    total_api_requests: requests,
    total_successful_requests: requests - failures,
    total_failed_requests: failures,
  }
}
