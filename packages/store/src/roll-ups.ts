import type { Transaction } from 'kysely'
import { addingTo, type Insert, insertInto } from './insert-into.ts'
import type { Dialect } from './migrate.ts'
import type { SpendLog } from './spend.ts'
import type { SpendSums, Tables } from './tables.ts'

/** All that sums are kept apart by. */
interface Place {
  readonly kind: string
  readonly day: string
  readonly week: string
  readonly id: string
  readonly model_group: string
  readonly provider: string
}

type Row = Place & SpendSums

/** A table of sums, with a row for each place as far as its key goes. */
interface RollUp {
  readonly key: readonly (keyof Place)[]
  readonly has: (place: Place) => boolean
  readonly insert: Insert<Row>
}

const summed = ['requests', 'failures', 'unpriced', 'prompt_tokens', 'completion_tokens', 'spend'] as const

const rollUps: readonly RollUp[] = [
  rollUp('tianji_daily_spend', ['kind', 'day', 'id', 'model_group', 'provider']),
  rollUp('tianji_daily_totals', ['kind', 'day', 'id']),
  rollUp('tianji_weekly_spend', ['kind', 'week', 'id', 'model_group'], ({ kind }) => kind === 'key'),
]

function rollUp(table: keyof Tables, key: RollUp['key'], has: RollUp['has'] = () => true): RollUp {
  return { key, has, insert: insertInto<Row>(table, [...key, ...summed], addingTo(table, key, summed)) }
}

/** Adds calls to all sums that they belong to. */
export async function addToRollUps(
  transaction: Transaction<Tables>,
  dialect: Dialect,
  logs: readonly SpendLog[],
): Promise<void> {
  const placed = [...placedSums(logs)]
  for (const { key, has, insert } of rollUps) {
    const rows = new Map<string, Row>()
    for (const one of placed) {
      if (!has(one)) continue
      const name = key.map((part) => one[part]).join(END)
      const row = rows.get(name)
      if (row === undefined) rows.set(name, { ...one })
      else for (const column of summed) row[column] += one[column]
    }
    // In one order, for two that write at the same time must not wait for each other.
    const sorted = [...rows].sort(([one], [other]) => (one < other ? -1 : 1))
    await insert(
      transaction,
      dialect,
      sorted.map(([, row]) => row),
    )
  }
}

function* placedSums(logs: readonly SpendLog[]): Iterable<Row> {
  for (const { log, ...rest } of kindsOf(logs))
    for (const [kind, id] of accountsOf(log)) yield { kind, id, provider: log.provider ?? '', ...rest }
}

/** Calls that are put down to the same accounts, on the same day, for the same model. */
interface Alike extends SpendSums, Pick<Place, 'day' | 'week' | 'model_group'> {
  readonly log: SpendLog
}

const DAY = 86_400_000
/** No text that is kept has it. */
const END = '\0'

/** Calls of one transaction are mostly of few kinds: each is added to its kind, and only kinds to all their accounts. */
function kindsOf(logs: readonly SpendLog[]): Iterable<Alike> {
  const kinds = new Map<string, Alike>()
  for (const log of logs) {
    const { key_hash, user_id, team_id, organization_id, end_user_id, provider, tags } = log
    const hasFailed = log.status === 'failure'
    // Whoever asks for models that there are not must not make a row of each.
    const model_group = hasFailed && provider == null ? 'unknown' : log.model_group
    const day = Math.floor(log.start_time / DAY)
    const name = [day, provider, model_group, key_hash, user_id, team_id, organization_id, end_user_id, tags].join(END)
    let kind = kinds.get(name)
    if (kind === undefined) {
      kind = { log, day: dayText(day), week: dayText(day - weekday(day)), model_group, ...nothing() }
      kinds.set(name, kind)
    }
    kind.requests++
    if (hasFailed) kind.failures++
    if (log.spend == null) kind.unpriced++
    kind.prompt_tokens += log.prompt_tokens
    kind.completion_tokens += log.completion_tokens
    kind.spend += log.spend ?? 0
  }
  return kinds.values()
}

/** A day by its number since the epoch. */
function dayText(day: number): string {
  return new Date(day * DAY).toISOString().slice(0, 10)
}

/** Days since Monday; the first day was a Thursday. */
function weekday(day: number): number {
  return (day + 3) % 7
}

/** To whom a call is put down. */
function accountsOf(log: SpendLog): readonly (readonly [kind: string, id: string])[] {
  const named = [
    ['key', log.key_hash],
    ['user', log.user_id],
    ['team', log.team_id],
    ['organization', log.organization_id],
    ['end_user', log.end_user_id],
  ] as const
  return [
    ['all', ''],
    ...named.flatMap(([kind, id]) => (id ? [[kind, id] as const] : [])),
    // They were written from a list of texts.
    ...(JSON.parse(log.tags) as readonly string[]).map((tag) => ['tag', tag] as const),
  ]
}

function nothing(): SpendSums {
  return { requests: 0, failures: 0, unpriced: 0, prompt_tokens: 0, completion_tokens: 0, spend: 0 }
}
