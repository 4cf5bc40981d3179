import type { Insertable, Transaction } from 'kysely'
import { addToCounters, type Counter } from './budgets.ts'
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

/** Rows of one statement; SQLite takes at most 32,766 parameters. */
const ROWS_AT_ONCE = 500

/**
 * Writes finished calls down, and what they cost to its counters: all of it or nothing. A call that is there already is
 * left out of every sum, so that writing again what may have been written is safe; without logs nobody can tell.
 */
export async function writeSpend(
  { database }: Store,
  entries: readonly SpendEntry[],
  { holder = '', keepsLogs = true }: SpendSettings = {},
): Promise<void> {
  for (let start = 0; start < entries.length; start += ROWS_AT_ONCE) {
    const some = entries.slice(start, start + ROWS_AT_ONCE)
    await database.transaction().execute((transaction) => writeSome(transaction, some, holder, keepsLogs))
  }
}

async function writeSome(
  transaction: Transaction<Tables>,
  entries: readonly SpendEntry[],
  holder: string,
  keepsLogs: boolean,
): Promise<void> {
  const fresh = keepsLogs ? await writeLogs(transaction, entries) : entries
  if (fresh.length === 0) return
  await addToDays(
    transaction,
    fresh.map(({ log }) => log),
  )
  const costs = fresh.flatMap(({ log, counters }) => counters.map((counter) => ({ counter, amount: log.spend ?? 0 })))
  await addToCounters(transaction, costs, holder)
}

/** Those of them that were not there already. */
async function writeLogs(
  transaction: Transaction<Tables>,
  entries: readonly SpendEntry[],
): Promise<readonly SpendEntry[]> {
  const written = await transaction
    .insertInto('tianji_spend_logs')
    .values(entries.map(({ log }) => log))
    .onConflict((conflict) => conflict.column('request_id').doNothing())
    .returning('request_id')
    .execute()
  const isNew = new Set(written.map(({ request_id }) => request_id))
  return entries.filter(({ log }) => isNew.delete(log.request_id))
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
    for (const [kind, id] of accountsOf(log)) {
      const { model_group, provider } = log
      const name = JSON.stringify([day, kind, id, model_group, provider])
      const sum = sums.get(name) ?? emptyDay(day, kind, id, model_group, provider ?? '')
      sums.set(name, {
        ...sum,
        requests: sum.requests + 1,
        failures: sum.failures + (log.status === 'failure' ? 1 : 0),
        unpriced: sum.unpriced + (log.spend == null ? 1 : 0),
        prompt_tokens: sum.prompt_tokens + log.prompt_tokens,
        completion_tokens: sum.completion_tokens + log.completion_tokens,
        spend: sum.spend + (log.spend ?? 0),
      })
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
