import { type Kysely, sql, type Transaction } from 'kysely'
import { timeIn } from './clock.ts'
import type { Nano, Time } from './columns.ts'
import { addingTo, insertInto } from './insert-into.ts'
import type { Dialect } from './migrate.ts'
import type { Store } from './open.ts'
import type { BudgetCounterTable, Tables } from './tables.ts'

/** Where spend is added up: by whom or on what, and in which period. */
export interface Counter {
  readonly kind: string
  readonly id: string
  /** When the period began; 0: all time. */
  readonly period: Time
  /** When it ends; null: never. */
  readonly endsAt: Time | null
  /** Whether the one who writes has leased a part of its budget. */
  readonly isLeased?: boolean
}

/** A question for a part of a budget. */
export interface LeaseRequest {
  readonly counter: Counter
  readonly max: Nano
  /** What the one who asks has spent and not written yet. */
  readonly unwritten: Nano
}

/** What came of it. */
export interface Lease {
  /** As it is written. */
  readonly spend: Nano
  /** May be spent without asking again, within `leaseLife`; 0: nothing is left. */
  readonly granted: Nano
}

/** Milliseconds for which a lease holds. Who holds it should give it up some time before. */
export const leaseLife = 10_000

/** The part of what is left that one lease has, and the smallest, as a part of the whole budget. */
const PART = 4
const SMALLEST_PART = 500

const insertCounters = insertInto<BudgetCounterTable>(
  'tianji_budget_counters',
  ['kind', 'id', 'period', 'spend', 'ends_at'],
  addingTo('tianji_budget_counters', ['kind', 'id', 'period'], ['spend']),
)

/**
 * Leases a part of each of these budgets. What is written, what is spent and not yet written by those who hold leases,
 * and all leases together never exceed a budget but by the cost of calls that were under way when it was used up. All
 * is one transaction.
 */
export async function leaseBudgets(
  { database, dialect }: Store,
  holder: string,
  requests: readonly LeaseRequest[],
): Promise<readonly Lease[]> {
  const leases = new Map<LeaseRequest, Lease>()
  await database.transaction().execute(async (transaction) => {
    // In one order, for two that ask at the same time must not wait for each other.
    for (const request of requests.toSorted((one, other) => order(one.counter, other.counter)))
      leases.set(request, await lease(transaction, dialect, holder, request))
  })
  return requests.map((request) => leases.get(request)!)
}

async function lease(
  transaction: Transaction<Tables>,
  dialect: Dialect,
  holder: string,
  { counter, max, unwritten }: LeaseRequest,
): Promise<Lease> {
  const { kind, id, period } = counter
  // Writing first keeps all others out of this counter, and of the file of SQLite, until the end.
  const { spend } = await transaction
    .insertInto('tianji_budget_counters')
    .values({ kind, id, period, spend: 0, ends_at: counter.endsAt })
    .onConflict((conflict) =>
      conflict
        .columns(['kind', 'id', 'period'])
        .doUpdateSet(({ ref }) => ({ spend: ref('tianji_budget_counters.spend') })),
    )
    .returning('spend')
    .executeTakeFirstOrThrow()
  const now = await clock(transaction, dialect)
  const { elsewhere } = await transaction
    .selectFrom('tianji_budget_leases')
    .select(({ fn }) => fn.coalesce(fn.sum<number>('amount'), sql<number>`0`).as('elsewhere'))
    .where('kind', '=', kind)
    .where('id', '=', id)
    .where('period', '=', period)
    .where('holder', '!=', holder)
    .where('expires_at', '>', now)
    .executeTakeFirstOrThrow()
  const free = max - spend - unwritten - elsewhere
  const granted = free <= 0 ? 0 : Math.min(free, Math.ceil(Math.max(free / PART, max / SMALLEST_PART)))
  const row = { kind, id, period, holder, amount: unwritten + granted, expires_at: now + leaseLife }
  await transaction
    .insertInto('tianji_budget_leases')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['kind', 'id', 'period', 'holder'])
        .doUpdateSet({ amount: row.amount, expires_at: row.expires_at }),
    )
    .execute()
  return { spend, granted }
}

/** Gives leases back that are not used any more. */
export async function returnLeases({ database }: Store, holder: string, counters: readonly Counter[]): Promise<void> {
  for (const { kind, id, period } of counters)
    await database
      .deleteFrom('tianji_budget_leases')
      .where('kind', '=', kind)
      .where('id', '=', id)
      .where('period', '=', period)
      .where('holder', '=', holder)
      .execute()
}

/** Takes away counters of periods that ended before `before`, and leases that hold no more. */
export async function sweepBudgets({ database }: Store, before: Time): Promise<void> {
  await database.deleteFrom('tianji_budget_counters').where('ends_at', '<', before).execute()
  await database.deleteFrom('tianji_budget_leases').where('expires_at', '<', before).execute()
}

/** Adds to counters, and takes what is spent out of the leases of `holder`. */
export async function addToCounters(
  transaction: Transaction<Tables>,
  dialect: Dialect,
  costs: ReadonlyMap<Counter, Nano>,
  holder: string,
): Promise<void> {
  const sums = new Map<string, { readonly counter: Counter; amount: Nano }>()
  for (const [counter, amount] of costs) {
    const name = `${counter.kind} ${counter.period} ${counter.id}`
    const sum = sums.get(name)
    if (sum === undefined) sums.set(name, { counter, amount })
    else sum.amount += amount
  }
  const sorted = [...sums.values()].sort((one, other) => order(one.counter, other.counter))
  await insertCounters(transaction, dialect, sorted.map(rowOf))
  for (const { counter, amount } of sorted)
    if (counter.isLeased) await takeFromLease(transaction, counter, amount, holder)
}

async function takeFromLease(
  transaction: Transaction<Tables>,
  { kind, id, period }: Counter,
  amount: Nano,
  holder: string,
): Promise<void> {
  await transaction
    .updateTable('tianji_budget_leases')
    .set({ amount: sql<number>`case when amount > ${amount} then amount - ${amount} else 0 end` })
    .where('kind', '=', kind)
    .where('id', '=', id)
    .where('period', '=', period)
    .where('holder', '=', holder)
    .execute()
}

function rowOf({
  counter: { kind, id, period, endsAt },
  amount,
}: {
  readonly counter: Counter
  readonly amount: Nano
}): BudgetCounterTable {
  return { kind, id, period, spend: amount, ends_at: endsAt }
}

function order(one: Counter, other: Counter): number {
  return compare(one.kind, other.kind) || compare(one.id, other.id) || one.period - other.period
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other)
}

async function clock(database: Kysely<Tables>, dialect: Dialect): Promise<Time> {
  const { now } = await database.selectNoFrom(timeIn(dialect).as('now')).executeTakeFirstOrThrow()
  return now
}
