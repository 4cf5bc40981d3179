import { GatewayError, type Log } from '@tianjillm/core'
import { type Counter, type Lease, type LeaseRequest, leaseLife, type Nano, toDollars } from '@tianjillm/store'
import type { Budget, BudgetState } from './budget.ts'
import { periodAt } from './period.ts'

/** Where budgets are kept, for one gateway or for several. */
export interface BudgetBook {
  /** Has what is settled here written, as far as that can be done now. */
  settle(): Promise<void>
  /** Gives a part of each budget. */
  lease(requests: readonly LeaseRequest[]): Promise<readonly Lease[]>
  /** Takes leases back that are not used any more. */
  takeBack(counters: readonly Counter[]): Promise<void>
}

/** Holds calls to budgets. */
export interface Ledger {
  /**
   * Lets a call in, or throws, or rejects with, GatewayError `budget_exceeded`. A promise only where the book has to be
   * asked. What a call costs is known when it is over, so those under way when a budget is used up come to their end.
   */
  admit(budgets: readonly Budget[]): Promise<void> | undefined
  /** Whether nothing is left of a budget, as far as is known here. Never waits: the book is asked for the next time. */
  isSpent(budget: Budget): boolean
  /** Puts a cost down to budgets, and gives the counters that it has to be added to. */
  settle(budgets: readonly Budget[], cost: Nano): readonly Counter[]
  /** So much of what was settled is in the book now. */
  written(counter: Counter, amount: Nano): void
  /** What is known of a budget, without asking; undefined when nothing is. */
  stateOf(budget: Budget): BudgetState | undefined
  /** Gives all leases back. */
  close(): Promise<void>
}

/** What a ledger lives on. */
export interface LedgerSettings {
  readonly book: BudgetBook
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds, of a clock that does not go back. */
  readonly clock: () => number
  /** Whether calls are let in while nothing is known of their budgets, for the book does not answer. Default false. */
  readonly admitsUnknown?: boolean
}

/** Milliseconds for which a lease is used, which is less than it holds. */
const LEASE_USE = 0.7 * leaseLife
/** Milliseconds until the book is asked again about a budget that is used up, or after it did not answer. */
const PAUSE = 1_000
/** Milliseconds after which a lease that nobody uses goes back, and after which all about its budget is forgotten. */
const IDLE = 1_500
const FORGOTTEN = 120_000
/** Milliseconds between two looks at what is idle. */
const TICK = 500
/** For a budget that is only warned of. */
const NO_END = Number.MAX_SAFE_INTEGER

/** One period of a budget, as this process has it. */
interface Holding {
  budget: Budget
  readonly counter: Counter
  /** May be spent without asking; below 0 when calls under way cost more. */
  allowance: Nano
  /** Until when, by the clock, what the book said holds. */
  until: number
  /** Whether the book had nothing to give. */
  isSpent: boolean
  /** All that is spent, here and elsewhere, as far as is known. */
  spend: Nano | undefined
  /** What was settled here since the beginning, and what of it is not in the book yet. */
  settled: Nano
  unwritten: Nano
  usedAt: number
  asking: Promise<void> | undefined
  hasWarned: boolean
  hasRefused: boolean
}

/** A ledger over a book. */
export function createLedger(settings: LedgerSettings): Ledger {
  const { book, log, now, clock, admitsUnknown = false } = settings
  const holdings = new Map<string, Holding>()
  let timer: ReturnType<typeof setInterval> | undefined

  const open = (name: string, budget: Budget): Holding => {
    const { start, end } = periodAt(now(), budget.duration, budget.startedAt ?? null)
    const counter = { kind: budget.kind, id: budget.id, period: start, endsAt: end, isLeased: true }
    const holding: Holding = {
      ...{ budget, counter, allowance: 0, until: 0, isSpent: false, spend: undefined, settled: 0, unwritten: 0 },
      ...{ usedAt: clock(), asking: undefined, hasWarned: false, hasRefused: false },
    }
    holdings.set(name, holding)
    timer ??= setInterval(tick, TICK).unref()
    return holding
  }

  const holdingOf = (budget: Budget): Holding => {
    const name = nameOf(budget)
    const known = holdings.get(name)
    if (known === undefined || isOver(known, now()) || !hasSamePeriods(known.budget, budget)) return open(name, budget)
    if (known.budget !== budget) {
      if (known.budget.max !== budget.max) known.until = 0
      known.budget = budget
    }
    return known
  }

  /** Asks the book about those that it is not being asked about. */
  const ask = (some: readonly Holding[]): Promise<unknown> => {
    const unasked = some.filter(({ asking }) => asking === undefined)
    if (unasked.length > 0) {
      const asking = lease(unasked).finally(() => {
        for (const holding of unasked) holding.asking = undefined
      })
      // Whoever waits hears of it; when nobody does, it is no failure.
      asking.catch(() => {})
      for (const holding of unasked) holding.asking = asking
    }
    return Promise.all(some.map(({ asking }) => asking))
  }

  const lease = async (some: readonly Holding[]) => {
    try {
      await book.settle()
      const asked = some.map(({ counter, budget, unwritten, settled }) => ({
        request: { counter, max: budget.max ?? NO_END, unwritten },
        settled,
      }))
      const leases = await book.lease(asked.map(({ request }) => request))
      for (const [index, holding] of some.entries()) {
        const { spend, granted } = leases[index]!
        const { request, settled } = asked[index]!
        const since = holding.settled - settled
        holding.allowance = granted - since
        holding.spend = spend + request.unwritten + since
        holding.isSpent = granted <= 0
        holding.until = clock() + (granted > 0 ? LEASE_USE : PAUSE)
        warn(holding)
      }
    } catch (cause) {
      for (const holding of some) goOnWithout(holding, cause)
    }
  }

  /** Holds on to what is known here, as long as the book does not answer. */
  const goOnWithout = (holding: Holding, cause: unknown) => {
    const { spend, budget } = holding
    if (spend === undefined && !admitsUnknown) throw unknown(cause)
    holding.allowance = (budget.max ?? NO_END) - (spend ?? holding.settled)
    holding.isSpent = holding.allowance <= 0
    holding.until = clock() + PAUSE
  }

  const warn = (holding: Holding) => {
    const { budget, spend, hasWarned } = holding
    if (hasWarned || budget.soft === undefined || spend === undefined || spend < budget.soft) return
    holding.hasWarned = true
    log.warn(`${capital(budget.owner)} has spent its soft budget of ${money(budget.soft)}.`, { spend: money(spend) })
  }

  const refuse = (holding: Holding): never => {
    const error = exceeded(holding)
    if (!holding.hasRefused) log.warn(error.message)
    holding.hasRefused = true
    throw error
  }

  const tick = () => {
    const time = clock()
    const idle: Holding[] = []
    for (const [name, holding] of holdings) {
      const rest = time - holding.usedAt
      if (holding.asking !== undefined || holding.unwritten > 0 || rest < IDLE) continue
      if (holding.allowance > 0 && holding.until > time) idle.push(holding)
      if (rest >= FORGOTTEN) holdings.delete(name)
    }
    giveBack(idle)
    if (holdings.size > 0) return
    clearInterval(timer)
    timer = undefined
  }

  const giveBack = (some: readonly Holding[]) => {
    for (const holding of some) {
      holding.allowance = 0
      holding.until = 0
    }
    // One that does not come back ends by itself.
    return some.length === 0 ? undefined : book.takeBack(some.map(({ counter }) => counter)).catch(() => {})
  }

  return {
    admit(budgets) {
      let unsure: Holding[] | undefined
      for (const budget of budgets) {
        const holding = holdingOf(budget)
        const time = clock()
        holding.usedAt = time
        if (holding.until > time && holding.allowance > 0) continue
        if (holding.until > time && holding.isSpent) refuse(holding)
        unsure ??= []
        unsure.push(holding)
      }
      if (unsure === undefined) return undefined
      const waiting = unsure
      return ask(waiting).then(() => {
        for (const holding of waiting) if (holding.allowance <= 0) refuse(holding)
      })
    },
    isSpent(budget) {
      const holding = holdingOf(budget)
      const time = clock()
      holding.usedAt = time
      if (holding.until <= time || (holding.allowance <= 0 && !holding.isSpent)) void ask([holding]).catch(() => {})
      return holding.isSpent || (holding.spend ?? 0) >= (budget.max ?? NO_END)
    },
    settle: (budgets, cost) =>
      budgets.map((budget) => {
        const holding = holdingOf(budget)
        holding.allowance -= cost
        holding.settled += cost
        holding.unwritten += cost
        if (holding.spend !== undefined) holding.spend += cost
        warn(holding)
        return holding.counter
      }),
    written(counter, amount) {
      const holding = holdings.get(nameOf(counter))
      if (holding?.counter.period === counter.period) holding.unwritten = Math.max(0, holding.unwritten - amount)
    },
    stateOf(budget) {
      const holding = holdings.get(nameOf(budget))
      if (holding?.spend === undefined || isOver(holding, now())) return undefined
      return { spend: holding.spend, endsAt: holding.counter.endsAt }
    },
    async close() {
      clearInterval(timer)
      const all = [...holdings.values()].filter(({ allowance }) => allowance > 0)
      holdings.clear()
      await giveBack(all)
    },
  }
}

function nameOf({ kind, id }: Pick<Budget, 'kind' | 'id'>): string {
  return `${kind} ${id}`
}

function isOver({ counter: { period, endsAt } }: Holding, time: number): boolean {
  return time < period || (endsAt !== null && time >= endsAt)
}

function hasSamePeriods(one: Budget, other: Budget): boolean {
  return one === other || (one.duration === other.duration && one.startedAt === other.startedAt)
}

function exceeded({ budget, spend, counter }: Holding): GatewayError {
  const spent = spend === undefined ? '' : ` (${money(spend)} are spent)`
  const end = counter.endsAt === null ? '' : ` It begins anew on ${new Date(counter.endsAt).toISOString()}.`
  const message = `The budget of ${money(budget.max ?? 0)} of ${budget.owner} is used up${spent}.${end}`
  return new GatewayError('budget_exceeded', message, { code: 'budget_exceeded' })
}

function unknown(cause: unknown): GatewayError {
  const message = 'The gateway cannot reach its database to look a budget up. Try again in a few seconds.'
  return new GatewayError('overloaded', message, { retryAfter: 5, cause })
}

/** `$0.25`: at least two places, and as many as there are of a millionth. */
function money(nano: Nano): string {
  const text = (toDollars(nano) ?? 0).toFixed(6)
  return `$${text.replace(/0{1,4}$/, '')}`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
