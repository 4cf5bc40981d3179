import type { Insertable, Transaction } from 'kysely'
import { addToCounters, type Counter } from './budgets.ts'
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

/** Calls of one transaction. SQLite works on this very thread, and others must not wait for it long. */
export const callsAtOnce: Readonly<Record<Dialect, number>> = { sqlite: 100, postgres: 500 }
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
  const most = callsAtOnce[dialect]
  for (let start = 0; start < entries.length; start += most) {
    const some = entries.slice(start, start + most)
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
  const isNew = new Set(await insertLogs(transaction, dialect, logs))
  return entries.filter(({ log }) => isNew.delete(log.request_id))
}

async function addUp(transaction: Transaction<Tables>, entries: readonly SpendEntry[], holder: string): Promise<void> {
  const logs = entries.map(({ log }) => log)
  await addToDays(transaction, logs)
  const costs = entries.flatMap(({ log, counters }) => counters.map((counter) => ({ counter, amount: log.spend ?? 0 })))
  await addToCounters(transaction, costs, holder)
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
    ...named.flatMap(([kind, id]) => (id == null ? [] : [[kind, id] as const])),
    // They were written from a list of texts.
    ...(JSON.parse(log.tags) as readonly string[]).map((tag) => ['tag', tag] as const),
  ]
}

async function addToDays(transaction: Transaction<Tables>, logs: readonly SpendLog[]): Promise<void> {
  const sums = new Map<string, DailySpendTable>()
  for (const log of logs) {
    const day = new Date(log.start_time).toISOString().slice(0, 10)
    const { provider } = log
    const hasFailed = log.status === 'failure'
    // Whoever asks for models that there are not must not make a row of each.
    const model = hasFailed && provider == null ? 'unknown' : log.model_group
    for (const [kind, id] of accountsOf(log)) {
      const name = `${day} ${kind} ${provider}\n${model}\n${id}`
      let sum = sums.get(name)
      if (sum === undefined) {
        sum = emptyDay(day, kind, id, model, provider ?? '')
        sums.set(name, sum)
      }
      sum.requests++
      if (hasFailed) sum.failures++
      if (log.spend == null) sum.unpriced++
      sum.prompt_tokens += log.prompt_tokens
      sum.completion_tokens += log.completion_tokens
      sum.spend += log.spend ?? 0
    }
  }
  const counters = ['requests', 'failures', 'unpriced', 'prompt_tokens', 'completion_tokens', 'spend'] as const
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
              counters.map((name) => [name, eb(ref(`tianji_daily_spend.${name}`), '+', ref(`excluded.${name}`))]),
            ),
          ),
      )
      .execute()
}

function emptyDay(day: string, kind: string, id: string, model_group: string, provider: string): DailySpendTable {
  const counters = { requests: 0, failures: 0, unpriced: 0, prompt_tokens: 0, completion_tokens: 0, spend: 0 }
  return { day, kind, id, model_group, provider, ...counters }
}
