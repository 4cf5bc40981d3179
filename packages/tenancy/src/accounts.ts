import { randomUUID } from 'node:crypto'
import type { CallReport, Log } from '@tianjillm/core'
import { type Counter, leaseBudgets, returnLeases, type Store, sweepBudgets, toNano } from '@tianjillm/store'
import { type BudgetBook, createLedger, type Ledger } from './ledger.ts'
import { createMemoryBook } from './memory-book.ts'
import { createSpendWriter } from './spend-writer.ts'

/** Where finished calls are put down, and budgets are kept by. */
export interface Accounts {
  readonly ledger: Ledger
  /** Puts a call down, and its cost to these counters. */
  write(report: CallReport, counters: readonly Counter[]): void
  /** Writes what waits. Never rejects: what cannot be written now goes on waiting. */
  flush(): Promise<void>
  /** Gives up what still waits, and all leases; to be called before the store is closed. */
  close(): Promise<void>
}

/** What accounts live on. */
export interface AccountSettings {
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds, of a clock that does not go back. */
  readonly clock: () => number
  /** Whether calls are let in while nothing is known of their budgets, for the store does not answer. */
  readonly admitsUnknown?: boolean
}

/** Milliseconds between two sweeps, and after which what is over is swept. */
const SWEEP = 3_600_000
const OVER = 86_400_000

/** Accounts in a store, which several gateways may share. `keepsLogs`: whether calls are kept one by one. */
export function accountsIn(store: Store, settings: AccountSettings & { readonly keepsLogs?: boolean }): Accounts {
  const { log, now, keepsLogs = true } = settings
  const holder = randomUUID()
  const book: BudgetBook = {
    settle: () => writer.flush(),
    lease: (requests) => leaseBudgets(store, holder, requests),
    takeBack: (counters) => returnLeases(store, holder, counters),
  }
  const ledger = createLedger({ ...settings, book })
  const writer = createSpendWriter({
    ...{ store, log, now, holder, keepsLogs },
    settled: ({ log: { spend }, counters }) => {
      for (const counter of counters) if (counter.isLeased) ledger.written(counter, spend ?? 0)
    },
  })
  const sweeping = setInterval(() => void sweepBudgets(store, now() - OVER).catch(() => {}), SWEEP).unref()
  return {
    ledger,
    write: (report, counters) => writer.add(report, counters),
    flush: () => writer.flush(),
    async close() {
      clearInterval(sweeping)
      writer.close()
      await ledger.close()
    },
  }
}

/** Accounts of one process alone, which begin anew with it. */
export function accountsInMemory(settings: AccountSettings): Accounts {
  const book = createMemoryBook(settings.now)
  const ledger = createLedger({ ...settings, book })
  return {
    ledger,
    write({ cost }, counters) {
      const amount = toNano(cost) ?? 0
      for (const counter of counters) {
        if (!counter.isLeased) continue
        book.add(counter, amount)
        ledger.written(counter, amount)
      }
    },
    flush: async () => {},
    close: () => ledger.close(),
  }
}
