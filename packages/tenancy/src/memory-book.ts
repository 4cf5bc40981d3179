import type { Counter, Nano } from '@tianjillm/store'
import type { BudgetBook } from './ledger.ts'

/** A book that one process keeps for itself, and forgets when it ends. */
export interface MemoryBook extends BudgetBook {
  add(counter: Counter, amount: Nano): void
}

/** An empty book. */
export function createMemoryBook(now: () => number): MemoryBook {
  const spent = new Map<string, { amount: Nano; readonly endsAt: number | null }>()
  const nameOf = ({ kind, id, period }: Counter) => `${kind} ${period} ${id}`
  const sweep = () => {
    for (const [name, { endsAt }] of spent) if (endsAt !== null && endsAt < now()) spent.delete(name)
  }
  return {
    settle: async () => {},
    takeBack: async () => {},
    lease: async (requests) =>
      requests.map(({ counter, max, unwritten }) => {
        const spend = spent.get(nameOf(counter))?.amount ?? 0
        return { spend, granted: Math.max(0, max - spend - unwritten) }
      }),
    add(counter, amount) {
      const name = nameOf(counter)
      const known = spent.get(name)
      if (known !== undefined) known.amount += amount
      else {
        sweep()
        spent.set(name, { amount, endsAt: counter.endsAt })
      }
    },
  }
}
