import type { Insertable, Transaction } from 'kysely'
import { addToCounters, type Counter } from './budgets.ts'
import type { Nano } from './columns.ts'
import { insertLogs } from './insert-logs.ts'
import type { Dialect } from './migrate.ts'
import type { Store } from './open.ts'
import { addToRollUps } from './roll-ups.ts'
import type { SpendLogTable, Tables } from './tables.ts'

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
      if (fresh.length > 0) await addUp(transaction, dialect, fresh, holder)
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

async function addUp(
  transaction: Transaction<Tables>,
  dialect: Dialect,
  entries: readonly SpendEntry[],
  holder: string,
): Promise<void> {
  const logs = entries.map(({ log }) => log)
  await addToRollUps(transaction, dialect, logs)
  const costs = new Map<Counter, Nano>()
  for (const { log, counters } of entries)
    for (const counter of counters) costs.set(counter, (costs.get(counter) ?? 0) + (log.spend ?? 0))
  await addToCounters(transaction, dialect, costs, holder)
}
