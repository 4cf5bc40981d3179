import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createGrantor, type FromGrantor, type ToGrantor } from '../src/grantor.ts'
import { createLeasedLimiter } from '../src/leased.ts'
import { createLocalLimiter } from '../src/local.ts'
import { type HouseOfWorkers, houseOfWorkers, type Outcome } from './house.ts'

const WORKERS = 3
const limit = { perMinute: 60 }
/** Large enough for leases of a hundred. */
const large = { perMinute: 6_000 }

const worker = fc.nat(WORKERS - 1)
const cost = fc.oneof(fc.constant(1), fc.integer({ min: 20, max: 110 }), fc.integer({ min: 5_800, max: 6_000 }))
const direction = fc.constantFrom('toGrantor' as const, 'fromGrantor' as const)
const pause = fc.oneof(fc.nat(20), fc.nat(2_000), fc.nat(40_000))

type Move = (house: HouseOfWorkers) => void

/** Anything that may happen, in any order. */
const chaos: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.tuple(worker, cost).map(
        ([by, much]): Move =>
          (house) =>
            house.take(by, much),
      ),
    },
    {
      weight: 10,
      arbitrary: fc.tuple(worker, direction).map(
        ([to, way]): Move =>
          (house) =>
            house.deliver(to, way),
      ),
    },
    {
      weight: 3,
      arbitrary: pause.map(
        (time): Move =>
          (house) =>
            house.step(time),
      ),
    },
    {
      weight: 1,
      arbitrary: worker.map(
        (dead): Move =>
          (house) =>
            house.die(dead),
      ),
    },
  ),
  { minLength: 20, maxLength: 150 },
)

/** The same where nobody dies, for what somebody was about to tell is lost then, and where much is used unasked. */
const charges: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(worker, cost).map(
        ([by, much]): Move =>
          (house) =>
            house.take(by, much),
      ),
    },
    {
      weight: 4,
      arbitrary: fc.tuple(worker, cost).map(
        ([by, much]): Move =>
          (house) =>
            house.charge(by, much),
      ),
    },
    {
      weight: 10,
      arbitrary: fc.tuple(worker, direction).map(
        ([to, way]): Move =>
          (house) =>
            house.deliver(to, way),
      ),
    },
    {
      weight: 4,
      arbitrary: pause.map(
        (time): Move =>
          (house) =>
            house.step(time),
      ),
    },
  ),
  { minLength: 20, maxLength: 150 },
)

async function live(house: HouseOfWorkers, moves: readonly Move[]): Promise<void> {
  for (const move of moves) {
    move(house)
    // Who waited gets to know before time goes on.
    await Promise.resolve()
    await Promise.resolve()
  }
}

/** By how much the allowed takes of any window exceed what the bucket's size and its refill allow. */
function mostExcess(outcomes: readonly Outcome[]): number {
  const allowed = outcomes.filter(({ taken }) => taken.isAllowed)
  let most = Number.NEGATIVE_INFINITY
  for (const [first, { time: start }] of allowed.entries()) {
    let sum = 0
    for (const { time, cost: much } of allowed.slice(first)) {
      sum += much
      most = Math.max(most, sum - large.perMinute - ((time - start) * large.perMinute) / 60_000)
    }
  }
  return most
}

describe('limiters with leases of one bucket', () => {
  it('never allow more than the bucket holds and what flows in, whatever gets lost or late', () =>
    fc.assert(
      fc.asyncProperty(chaos, async (moves) => {
        const house = houseOfWorkers(WORKERS, large)
        await live(house, moves)
        expect(mostExcess(house.outcomes)).toBeLessThan(1e-3)
      }),
      { numRuns: 2_000 },
    ))

  it('never allow more than that because of what was used unasked, whatever is late', () =>
    fc.assert(
      fc.asyncProperty(charges, async (moves) => {
        const house = houseOfWorkers(WORKERS, large)
        await live(house, moves)
        expect(mostExcess(house.outcomes)).toBeLessThan(1e-3)
      }),
      { numRuns: 1_000 },
    ))

  it('count what was used unasked as if it had been asked for, once all know of it', () =>
    fc.assert(
      fc.asyncProperty(charges, worker, fc.integer({ min: 1, max: 110 }), pause, async (moves, last, much, wait) => {
        const house = houseOfWorkers(WORKERS, large)
        await live(house, moves)
        await house.quieten()
        house.step(wait)
        if (!(await house.ask(last, much)).isAllowed) return
        const end = house.outcomes.at(-1)!.time
        const used = [...house.outcomes.filter(({ taken }) => taken.isAllowed), ...house.charges]
        for (const { time: start } of used) {
          const sum = used.reduce((sum, { time, cost: one }) => (time < start ? sum : sum + one), 0)
          expect(sum - large.perMinute - ((end - start) * large.perMinute) / 60_000).toBeLessThan(1e-3)
        }
      }),
      { numRuns: 1_000 },
    ))

  it('decide as one limiter would, also of what is used unasked or given back, when messages are quick', () => {
    const used = fc.oneof(fc.constant(undefined), fc.integer({ min: -20, max: 90 }))
    const turns = fc.array(fc.tuple(worker, fc.integer({ min: 1, max: 4 }), fc.nat(8_000), used), { maxLength: 25 })
    return fc.assert(
      fc.asyncProperty(turns, async (all) => {
        let time = 0
        const local = createLocalLimiter(() => time)
        const house = houseOfWorkers(WORKERS, limit)
        local.take('key', limit, limit.perMinute)
        await house.ask(0, limit.perMinute)
        for (const [by, much, wait, unasked] of all) {
          time += wait
          house.step(wait)
          await house.quieten()
          if (unasked !== undefined) {
            local.charge('key', limit, unasked)
            house.charge(by, unasked)
            await house.quieten()
          }
          const expected = local.take('key', limit, much)
          const { isAllowed } = await house.ask(by, much)
          // Who was refused may not know yet that another has given back.
          const isSame =
            isAllowed === expected.isAllowed || (expected.isAllowed && all.some(([, , , one]) => (one ?? 0) < 0))
          expect(isSame).toBe(true)
          if (expected.isAllowed && !isAllowed) return
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('decide as one limiter would, when messages are quick', () => {
    const takes = fc.array(fc.tuple(worker, fc.integer({ min: 1, max: 4 }), fc.nat(800)), { maxLength: 25 })
    return fc.assert(
      fc.asyncProperty(takes, async (all) => {
        let time = 0
        const local = createLocalLimiter(() => time)
        const house = houseOfWorkers(WORKERS, limit)
        // A bucket that is full overflows; from empty on every token counts.
        local.take('key', limit, limit.perMinute)
        await house.ask(0, limit.perMinute)
        for (const [by, much, wait] of all) {
          time += wait
          house.step(wait)
          const { isAllowed, retryAfter } = await house.ask(by, much)
          const expected = local.take('key', limit, much)
          expect(isAllowed).toBe(expected.isAllowed)
          // A worker that was refused before knows when enough may be there, not what others took since.
          expect(retryAfter).toBeLessThan(expected.retryAfter + 1e-3)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('refuse at one worker only what all others refuse, once it is quiet', () =>
    fc.assert(
      fc.asyncProperty(chaos, worker, worker, cost, async (moves, one, other, much) => {
        const house = houseOfWorkers(WORKERS, large)
        await live(house, moves)
        await house.quieten()
        // Questions that the dead or the slow left open are given up.
        house.step(1_000)
        await house.quieten()
        const { isAllowed } = await house.ask(one, much)
        if (!isAllowed) expect((await house.ask(other, much)).isAllowed).toBe(false)
      }),
      { numRuns: 500 },
    ))

  it('lose nothing for good: a minute later all of the limit is there again', () =>
    fc.assert(
      fc.asyncProperty(chaos, worker, async (moves, last) => {
        const house = houseOfWorkers(WORKERS, large)
        await live(house, moves)
        for (const wait of [0, 1_000, 1_000, 60_000]) {
          await house.quieten()
          house.step(wait)
        }
        expect((await house.ask(last, large.perMinute)).isAllowed).toBe(true)
        expect((await house.ask(last, 1)).isAllowed).toBe(false)
      }),
      { numRuns: 500 },
    ))

  it('have no more than the limit, however much is given back', async () => {
    const house = houseOfWorkers(2, large)
    await house.ask(0, 10)
    for (const worker of [0, 1, 0]) {
      house.charge(worker, -6_000)
      await house.quieten()
    }
    // A lease keeps its place in the bucket until it is known what became of it.
    expect(await house.ask(0, 5_990)).toMatchObject({ isAllowed: true })
    expect(await house.ask(0, 11)).toMatchObject({ isAllowed: false })
    expect(await house.ask(1, 11)).toMatchObject({ isAllowed: false })
  })

  it('take back what others hold when more was used than there is', async () => {
    const house = houseOfWorkers(2, large)
    await house.ask(0, 1)
    await house.ask(1, 1)
    house.charge(1, 6_100)
    expect(await house.ask(0, 1)).toMatchObject({ isAllowed: false })
    house.step(1_020)
    expect(await house.ask(0, 1)).toMatchObject({ isAllowed: false })
    house.step(10)
    expect(await house.ask(0, 1)).toMatchObject({ isAllowed: true })
  })

  it('find the last token wherever it is', async () => {
    const house = houseOfWorkers(2, large)
    await house.ask(0, 1)
    await house.ask(1, 1)
    expect(await house.ask(0, 5_998)).toMatchObject({ isAllowed: true, remaining: 0, retryAfter: 0 })
    expect(await house.ask(1, 1)).toMatchObject({ isAllowed: false, remaining: 0, retryAfter: 10, resetAfter: 60_000 })
  })

  it('rarely need a message under a large limit', async () => {
    const house = houseOfWorkers(2, { perMinute: 60_000 })
    for (let count = 0; count < 5_000; count++) expect((await house.ask(count % 2, 1)).isAllowed).toBe(true)
    expect(house.messages()).toBeLessThan(50)
  })

  it('need no message for a key that is hammered over its limit', async () => {
    const house = houseOfWorkers(2, limit)
    await house.ask(0, 60)
    expect((await house.ask(0, 1)).isAllowed).toBe(false)
    const before = house.messages()
    for (let count = 0; count < 99; count++) {
      house.step(10)
      expect((await house.ask(0, 1)).retryAfter).toBeCloseTo(990 - count * 10)
    }
    expect(house.messages()).toBe(before)
    house.step(10)
    expect((await house.ask(0, 1)).isAllowed).toBe(true)
  })

  it('forfeit what a worker held that dies', async () => {
    const house = houseOfWorkers(2, large)
    await house.ask(0, 1)
    house.die(0)
    expect(await house.ask(1, 6_000)).toMatchObject({ isAllowed: false })
    house.step(1_010)
    expect(await house.ask(1, 6_000)).toMatchObject({ isAllowed: true })
  })

  it('refuse for ever what is more than the limit', async () => {
    const house = houseOfWorkers(2, limit)
    expect(await house.ask(0, 61)).toMatchObject({ isAllowed: false, retryAfter: Number.POSITIVE_INFINITY })
    expect(house.messages()).toBe(0)
  })
})

describe('a limiter with leases', () => {
  /** One whose messages are read, and answered, by hand. */
  function alone() {
    const clock = { time: 0 }
    const sent: ToGrantor[] = []
    const limiter = createLeasedLimiter({ now: () => clock.time, send: (message) => sent.push(message), most: 3 })
    const grant = (tokens: number, name = 'key') =>
      limiter.receive({ kind: 'grant', name, serial: 1, tokens, total: 50 } satisfies FromGrantor)
    const step = (milliseconds: number) => {
      clock.time += milliseconds
      limiter.tick()
    }
    return { limiter, sent, grant, step }
  }

  it('asks once for all that wait, and serves them in their turn', async () => {
    const { limiter, sent, grant } = alone()
    const takes = [limiter.take('key', limit, 2), limiter.take('key', limit, 3), limiter.take('key', limit, 1)]
    expect(sent).toEqual([{ kind: 'ask', name: 'key', serial: 0, left: 0, limit, need: 2, want: 2 }])
    grant(5)
    expect(await takes[0]).toMatchObject({ isAllowed: true, remaining: 48 })
    expect(await takes[1]).toMatchObject({ isAllowed: true, remaining: 45 })
    expect(sent.at(-1)).toMatchObject({ serial: 1, left: 0, need: 1, want: 1 })
  })

  it('takes from its lease without waiting', async () => {
    const { limiter, grant } = alone()
    const first = limiter.take('key', limit)
    grant(3)
    await first
    expect(limiter.take('key', limit)).toMatchObject({ isAllowed: true })
  })

  it('hands back a lease that nobody used for a second', async () => {
    const { limiter, sent, grant, step } = alone()
    void limiter.take('key', limit)
    grant(5)
    step(999)
    expect(sent).toHaveLength(1)
    step(1)
    expect(sent.slice(1)).toEqual([{ kind: 'return', name: 'key', serial: 1, left: 4 }])
  })

  it('hands back what comes too late', async () => {
    const { limiter, sent, grant, step } = alone()
    const taken = limiter.take('key', limit)
    step(1_000)
    expect(await taken).toMatchObject({ isAllowed: false, retryAfter: 1_000 })
    step(1_000)
    grant(5)
    step(1_000)
    expect(sent.at(-1)).toEqual({ kind: 'return', name: 'key', serial: 1, left: 5 })
  })

  it('remembers a refusal as of its question, for tokens flow in while the answer is on its way', async () => {
    const { limiter, sent, step } = alone()
    const taken = limiter.take('key', limit)
    step(500)
    limiter.receive({ kind: 'refuse', name: 'key', total: 0 })
    expect(await taken).toMatchObject({ isAllowed: false, retryAfter: 500 })
    step(499)
    expect(limiter.take('key', limit)).toMatchObject({ isAllowed: false })
    step(1)
    void limiter.take('key', limit)
    expect(sent).toHaveLength(2)
  })

  it('refuses rather than let more than a thousand wait', async () => {
    const { limiter } = alone()
    for (let count = 0; count < 1_000; count++) void limiter.take('key', limit)
    expect(limiter.take('key', limit)).toMatchObject({ isAllowed: false, retryAfter: 1_000 })
  })

  it('keeps few names, and hands back the lease of one that it forgets', () => {
    const { limiter, sent, grant } = alone()
    for (const name of ['a', 'b', 'c', 'd']) {
      void limiter.take(name, limit)
      grant(5, name)
    }
    expect(sent.filter(({ kind }) => kind === 'return')).toEqual([{ kind: 'return', name: 'a', serial: 1, left: 4 }])
  })

  it('asks anew when the limit has changed', async () => {
    const { limiter, sent, grant } = alone()
    void limiter.take('key', limit)
    grant(5)
    void limiter.take('key', { perMinute: 10 })
    expect(sent.slice(1)).toEqual([
      { kind: 'return', name: 'key', serial: 1, left: 4 },
      { kind: 'ask', name: 'key', serial: 0, left: 0, limit: { perMinute: 10 }, need: 1, want: 1 },
    ])
  })
})

describe('a grantor', () => {
  it('does not take a lease for spent because of a message that crossed with its grant', () => {
    const sent: (readonly [number, FromGrantor])[] = []
    const grantor = createGrantor({ workers: 2, now: () => 0, send: (to, message) => sent.push([to, message]) })
    const ask = { kind: 'ask', name: 'key', serial: 0, left: 0, limit: large, need: 1, want: 1 } as const
    grantor.receive(1, ask)
    grantor.receive(1, ask)
    expect(sent).toMatchObject([
      [1, { kind: 'grant', serial: 1, tokens: 100 }],
      [1, { kind: 'grant', serial: 2, tokens: 100 }],
    ])
    grantor.receive(1, { kind: 'return', name: 'key', serial: 1, left: 99 })
    grantor.receive(2, { ...ask, need: 5_950, want: 5_950 })
    expect(sent.at(-1)).toEqual([1, { kind: 'recall', name: 'key' }])
    grantor.receive(1, { kind: 'return', name: 'key', serial: 2, left: 100 })
    expect(sent.at(-1)).toMatchObject([2, { kind: 'grant', tokens: 5_950 }])
  })

  it('refuses when a worker does not hand its lease back in time, and says what that may still hold', () => {
    let time = 0
    const sent: FromGrantor[] = []
    const grantor = createGrantor({ workers: 2, now: () => time, send: (_to, message) => sent.push(message) })
    const ask = { kind: 'ask', name: 'key', serial: 0, left: 0, limit: large, need: 1, want: 1 } as const
    grantor.receive(1, ask)
    grantor.receive(2, { ...ask, need: 6_000, want: 6_000 })
    time = 249
    grantor.tick()
    expect(sent.map(({ kind }) => kind)).toEqual(['grant', 'recall'])
    time = 250
    grantor.tick()
    expect(sent.at(-1)).toEqual({ kind: 'refuse', name: 'key', total: 6_000 })
  })

  it('forgets a full bucket rather than keep too many', () => {
    const sent: FromGrantor[] = []
    const grantor = createGrantor({ workers: 2, now: () => 0, most: 2, send: (_to, message) => sent.push(message) })
    const take = (name: string, tokens: number, left: number) => {
      grantor.receive(1, { kind: 'ask', name, serial: 0, left: 0, limit, need: tokens, want: tokens })
      grantor.receive(1, { kind: 'return', name, serial: Number(sent.length), left })
    }
    take('used', 60, 0)
    take('full', 60, 60)
    take('new', 60, 0)
    take('used', 1, 0)
    expect(sent.map(({ kind }) => kind)).toEqual(['grant', 'grant', 'grant', 'refuse'])
  })
})
