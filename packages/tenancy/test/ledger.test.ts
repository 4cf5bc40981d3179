import { isGatewayError } from '@tianjillm/core'
import { type Counter, leaseBudgets, openStore, returnLeases, type Store, writeSpend } from '@tianjillm/store'
import { describeOnBoth } from '@tianjillm/testing'
import fc from 'fast-check'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { type Budget, type BudgetBook, createLedger, type Ledger } from '../src/index.ts'
import { createMemoryBook } from '../src/memory-book.ts'
import { spendLog } from './spend-log.ts'

const silentLog = { debug() {}, info() {}, warn() {}, error() {} }
const budget: Budget = { kind: 'key', id: 'k', owner: 'the key "ci"', max: 1_000_000_000 }

/** A ledger of one gateway over a store, with what it has settled and not written. */
function gatewayOn(store: Store, holder: string, clock: { time: number }) {
  const waiting: { readonly counters: readonly Counter[]; readonly cost: number }[] = []
  let serial = 0
  const settle = async () => {
    const some = waiting.splice(0)
    const entries = some.map(({ counters, cost }) => ({
      log: { ...spendLog, request_id: `${holder}-${serial++}`, spend: cost },
      counters,
    }))
    await writeSpend(store, entries, { holder })
    for (const { counters, cost } of some) for (const counter of counters) ledger.written(counter, cost)
  }
  const book: BudgetBook = {
    settle,
    lease: (requests) => leaseBudgets(store, holder, requests),
    takeBack: (counters) => returnLeases(store, holder, counters),
  }
  const ledger = createLedger({ book, log: silentLog, now: () => clock.time, clock: () => clock.time })
  return {
    ledger,
    settle,
    finish(cost: number, of: readonly Budget[] = [budget]) {
      waiting.push({ counters: ledger.settle(of, cost), cost })
    },
  }
}

const isIn = async (ledger: Ledger, of: readonly Budget[] = [budget]) => {
  try {
    await ledger.admit(of)
    return true
  } catch (error) {
    if (isGatewayError(error) && error.kind === 'budget_exceeded') return false
    throw error
  }
}

describeOnBoth('a budget that several gateways share', (newUrl) => {
  it('is never overspent by more than what was under way, whoever spends when', async () => {
    const store = await openStore({ url: newUrl() })
    onTestFinished(() => store.close())
    const step = fc.record({
      gateway: fc.nat(2),
      act: fc.constantFrom('begin', 'begin', 'begin', 'end', 'end', 'write', 'rest'),
      cost: fc.integer({ min: 1, max: 400 }),
    })
    let round = 0
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3_000 }), fc.array(step, { maxLength: 60 }), async (max, steps) => {
        const own: Budget = { ...budget, id: `law-${round++}`, max }
        const clock = { time: Date.now() }
        const gateways = ['a', 'b', 'c'].map((name) => gatewayOn(store, `${name}-${round}`, clock))
        const underWay: number[][] = [[], [], []]
        let spent = 0
        // The most that was ever under way at one time, at each of them.
        const atOnce = [0, 0, 0]
        for (const { gateway, act, cost } of steps) {
          const { ledger, finish, settle } = gateways[gateway]!
          const calls = underWay[gateway]!
          if (act === 'begin' && (await isIn(ledger, [own]))) calls.push(cost)
          if (act === 'end' && calls.length > 0) {
            const last = calls.shift()!
            finish(last, [own])
            spent += last
          }
          if (act === 'write') await settle()
          if (act === 'rest') clock.time += 500
          atOnce[gateway] = Math.max(
            atOnce[gateway]!,
            calls.reduce((sum, one) => sum + one, 0),
          )
        }
        expect(spent).toBeLessThanOrEqual(max + atOnce[0]! + atOnce[1]! + atOnce[2]!)
        // Once all is written and all leases are back, there is exactly what was not spent.
        for (const { settle } of gateways) await settle()
        for (const { ledger } of gateways) await ledger.close()
        const later = gatewayOn(store, `later-${round}`, clock)
        expect(await isIn(later.ledger, [own])).toBe(spent < max)
      }),
      { numRuns: 60 },
    )
  })

  it('lets calls that are made one after the other overspend by less than one of them for each gateway', async () => {
    const store = await openStore({ url: newUrl() })
    onTestFinished(() => store.close())
    let round = 0
    const facts = fc.record({
      max: fc.integer({ min: 1, max: 5_000 }),
      costs: fc.array(fc.nat(300), { minLength: 80, maxLength: 80 }),
    })
    await fc.assert(
      fc.asyncProperty(facts, async ({ max, costs }) => {
        const own: Budget = { ...budget, id: `one-by-one-${round++}`, max }
        const clock = { time: Date.now() }
        const gateways = ['a', 'b'].map((name) => gatewayOn(store, `${name}-${round}`, clock))
        let spent = 0
        for (const [index, cost] of costs.entries()) {
          const { ledger, finish } = gateways[index % 2]!
          if (!(await isIn(ledger, [own]))) continue
          finish(cost, [own])
          spent += cost
        }
        expect(spent).toBeLessThanOrEqual(max + 2 * 300)
        for (const { settle } of gateways) await settle()
        const row = await store.database
          .selectFrom('tianji_budget_counters')
          .select('spend')
          .where('id', '=', own.id)
          .executeTakeFirst()
        expect(row?.spend ?? 0).toBe(spent)
      }),
      { numRuns: 15 },
    )
  })

  it('comes back whole from a gateway that died', async () => {
    const store = await openStore({ url: newUrl() })
    onTestFinished(() => store.close())
    const clock = { time: Date.now() }
    const [dead, alive] = ['dead', 'alive'].map((name) => gatewayOn(store, name, clock))
    expect(await isIn(dead!.ledger)).toBe(true)
    await store.database
      .updateTable('tianji_budget_leases')
      .set({ expires_at: Date.now() - 1 })
      .execute()
    expect(await isIn(alive!.ledger)).toBe(true)
    const [lease] = await store.database
      .selectFrom('tianji_budget_leases')
      .selectAll()
      .where('holder', '=', 'alive')
      .execute()
    expect(lease).toMatchObject({ amount: 250_000_000 })
  })
})

describe('a ledger', () => {
  afterEach(() => vi.restoreAllMocks())

  const inMemory = (more: Partial<Parameters<typeof createLedger>[0]> = {}) => {
    const clock = { time: 0 }
    const now = () => clock.time
    const book = createMemoryBook(now)
    const ledger = createLedger({ book, log: silentLog, now, clock: now, ...more })
    onTestFinished(() => ledger.close())
    const spend = (cost: number, of: readonly Budget[] = [budget]) => {
      for (const counter of ledger.settle(of, cost)) {
        book.add(counter, cost)
        ledger.written(counter, cost)
      }
    }
    return { clock, ledger, spend }
  }

  it('asks nobody while a lease lasts', async () => {
    const { ledger, spend } = inMemory()
    expect(ledger.admit([budget])).toBeInstanceOf(Promise)
    await ledger.admit([budget])
    spend(10)
    expect(ledger.admit([budget])).toBeUndefined()
  })

  it('says whose budget it is, how much is spent and when it begins anew', async () => {
    const { ledger, spend, clock } = inMemory()
    const daily = { ...budget, duration: '1d' }
    clock.time = Date.UTC(2026, 10, 21, 12)
    await ledger.admit([daily])
    spend(1_250_000_000, [daily])
    await expect(ledger.admit([daily])).rejects.toThrow(
      'The budget of $1.00 of the key "ci" is used up ($1.25 are spent). It begins anew on 2026-11-22T00:00:00.000Z.',
    )
    clock.time = Date.UTC(2026, 10, 22)
    expect(await isIn(ledger, [daily])).toBe(true)
  })

  it('holds a call to each of its budgets', async () => {
    const { ledger, spend } = inMemory()
    const team: Budget = { kind: 'team', id: 't', owner: 'the team "t"', max: 100 }
    await ledger.admit([budget, team])
    spend(100, [budget, team])
    expect(await isIn(ledger, [budget])).toBe(true)
    await expect(ledger.admit([budget, team])).rejects.toThrow(/the team "t" is used up/)
    expect(ledger.isSpent(team)).toBe(true)
    expect(ledger.isSpent(budget)).toBe(false)
  })

  it('lets in again when the budget is raised', async () => {
    const { ledger, spend } = inMemory()
    await ledger.admit([budget])
    spend(2_000_000_000)
    expect(await isIn(ledger)).toBe(false)
    expect(await isIn(ledger, [{ ...budget, max: 3_000_000_000 }])).toBe(true)
  })

  it('warns once of a soft budget, and refuses nobody', async () => {
    const warn = vi.fn()
    const { ledger, spend } = inMemory({ log: { ...silentLog, warn } })
    const soft: Budget = { kind: 'key', id: 's', owner: 'the key "soft"', soft: 50 }
    await ledger.admit([soft])
    for (const cost of [40, 20, 1_000]) spend(cost, [soft])
    expect(await isIn(ledger, [soft])).toBe(true)
    expect(warn.mock.calls.map(([message]) => message)).toEqual(['The key "soft" has spent its soft budget of $0.00.'])
  })

  const broken: BudgetBook = {
    settle: async () => {},
    lease: () => Promise.reject(new Error('the database is away')),
    takeBack: async () => {},
  }

  it('keeps strangers out while the book does not answer, unless it is told otherwise', async () => {
    const { ledger } = inMemory({ book: broken })
    await expect(ledger.admit([budget])).rejects.toMatchObject({ kind: 'overloaded' })
    const lax = inMemory({ book: broken, admitsUnknown: true })
    expect(await isIn(lax.ledger)).toBe(true)
    lax.spend(2_000_000_000)
    expect(await isIn(lax.ledger)).toBe(false)
  })

  it('goes on with what it knows when the book stops answering', async () => {
    const memory = createMemoryBook(() => 0)
    let isBroken = false
    const { ledger, spend, clock } = inMemory({
      book: { ...memory, lease: (requests) => (isBroken ? broken : memory).lease(requests) },
    })
    await ledger.admit([budget])
    isBroken = true
    clock.time = 8_000
    expect(await isIn(ledger)).toBe(true)
    spend(1_000_000_000)
    expect(await isIn(ledger)).toBe(false)
  })

  it('asks the book once for many who come at the same time', async () => {
    const memory = createMemoryBook(() => 0)
    const lease = vi.fn(memory.lease)
    const { ledger } = inMemory({ book: { ...memory, lease } })
    await Promise.all(Array.from({ length: 500 }, () => ledger.admit([budget])))
    expect(lease).toHaveBeenCalledTimes(1)
  })
})
