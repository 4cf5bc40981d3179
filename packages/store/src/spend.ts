import type { Insertable, Transaction } from 'kysely'
import { addToCounters, type Counter } from './budgets.ts'
import type { Nano } from './columns.ts'
import { insertLogs } from './insert-logs.ts'
import type { Dialect } from './migrate.ts'
import type { Store } from './open.ts'
import type { DailySpendTable, SpendLogTable, Tables } from './tables.ts'

/** A finished call, to be written down. */
export type SpendLog = Insertable<SpendLogTable>

/** A finished call, and the counters that its cost is added to. */
export interface SpendEntry {
  readonly log: SpendLog
  readonly counters: readonly Counter[]
}

/** How spend is written. */
export interface SpendSettings {
  /** Who leased the counters that are. Default: nobody did. */
  readonly holder?: string | undefined
  /** Whether calls are kept one by one, and not in sums alone. Default true. */
  readonly keepsLogs?: boolean
}

/** Calls of one transaction. SQLite works on this very thread for some milliseconds then, and others wait for it. */
export const CALLS_AT_ONCE = 500
/** Rows of one statement; SQLite takes at most 32,766 parameters. */
const ROWS_AT_ONCE = 500

/**
 * Writes finished calls down, and what they cost to its counters: all of it or nothing. A call that is there already is
 * left out of every sum, so that writing again what may have been written is safe; without logs nobody can tell.
 */
export async function writeSpend(
  { database, dialect }: Store,
  entries: readonly SpendEntry[],
  { holder = '', keepsLogs = true }: SpendSettings = {},
): Promise<void> {
  for (let start = 0; start < entries.length; start += CALLS_AT_ONCE) {
    const some = entries.slice(start, start + CALLS_AT_ONCE)
    await database.transaction().execute(async (transaction) => {
      const fresh = keepsLogs ? await notWritten(transaction, dialect, some) : some
      if (fresh.length > 0) await addUp(transaction, fresh, holder)
    })
  }
}

/** Writes those down that were not there already, and gives them. */
async function notWritten(
  transaction: Transaction<Tables>,
  dialect: Dialect,
  entries: readonly SpendEntry[],
): Promise<readonly SpendEntry[]> {
  const logs = entries.map(({ log }) => log)
  const written = await insertLogs(transaction, dialect, logs)
  if (written.length === entries.length) return entries
  const isNew = new Set(written)
  return entries.filter(({ log }) => isNew.delete(log.request_id))
}

async function addUp(transaction: Transaction<Tables>, entries: readonly SpendEntry[], holder: string): Promise<void> {
  await addToDays(
    transaction,
    entries.map(({ log }) => log),
  )
  const costs = new Map<Counter, Nano>()
  for (const { log, counters } of entries)
    for (const counter of counters) costs.set(counter, (costs.get(counter) ?? 0) + (log.spend ?? 0))
  await addToCounters(transaction, costs, holder)
}

/** Sums of calls. */
type Sums = Pick<DailySpendTable, (typeof summed)[number]>
const summed = ['requests', 'failures', 'unpriced', 'prompt_tokens', 'completion_tokens', 'spend'] as const

/** Calls that are put down to the same accounts, on the same day, for the same model. */
interface Alike extends Sums {
  readonly log: SpendLog
  readonly day: string
  readonly model: string
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
    const model = hasFailed && provider == null ? 'unknown' : log.model_group
    const number = Math.floor(log.start_time / DAY)
    const name = [number, provider, model, key_hash, user_id, team_id, organization_id, end_user_id, tags].join(END)
    let kind = kinds.get(name)
    if (kind === undefined) {
      kind = { log, day: new Date(log.start_time).toISOString().slice(0, 10), model, ...nothing() }
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

/** To whom a call is put down in the sums of days. */
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

async function addToDays(transaction: Transaction<Tables>, logs: readonly SpendLog[]): Promise<void> {
  const sums = new Map<string, DailySpendTable>()
  for (const alike of kindsOf(logs)) {
    const { log, day, model } = alike
    const provider = log.provider ?? ''
    for (const [kind, id] of accountsOf(log)) {
      const name = [day, kind, provider, model, id].join(END)
      let sum = sums.get(name)
      if (sum === undefined) {
        sum = { day, kind, id, model_group: model, provider, ...nothing() }
        sums.set(name, sum)
      }
      for (const column of summed) sum[column] += alike[column]
    }
  }
  // In one order, for two that write at the same time must not wait for each other.
  const rows = [...sums.entries()].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, sum]) => sum)
  for (let start = 0; start < rows.length; start += ROWS_AT_ONCE)
    await transaction
      .insertInto('tianji_daily_spend')
      .values(rows.slice(start, start + ROWS_AT_ONCE))
      .onConflict((conflict) =>
        conflict
          .columns(['kind', 'day', 'id', 'model_group', 'provider'])
          .doUpdateSet(({ ref, eb }) =>
            Object.fromEntries(
              summed.map((name) => [name, eb(ref(`tianji_daily_spend.${name}`), '+', ref(`excluded.${name}`))]),
            ),
          ),
      )
      .execute()
}

function nothing(): { -readonly [Column in keyof Sums]: number } {
  return { requests: 0, failures: 0, unpriced: 0, prompt_tokens: 0, completion_tokens: 0, spend: 0 }
}
