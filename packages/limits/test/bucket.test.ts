import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Bucket, chargeTo, createBucket, fill, isFull, takeFrom } from '../src/index.ts'

const perMinute = fc.integer({ min: 1, max: 100_000 })
const step = fc.record({ pause: fc.integer({ min: 0, max: 90_000 }), cost: fc.integer({ min: 1, max: 50 }) })
const steps = fc.array(step, { maxLength: 200 })

/** A take, or what was used or is given back without having asked. */
const use = fc.record({
  pause: fc.integer({ min: 0, max: 90_000 }),
  cost: fc.integer({ min: 1, max: 50 }),
  charge: fc.option(fc.integer({ min: -500, max: 2_000 }), { nil: undefined }),
})
const uses = fc.array(use, { maxLength: 200 })

describe('a bucket that is charged', () => {
  test('allows only what is within its size and what flowed in, with all that was charged', () => {
    fc.assert(
      fc.property(perMinute, uses, (perMinute, uses) => {
        const limit = { perMinute }
        const bucket = createBucket(limit, 0)
        const used: { readonly time: number; readonly cost: number }[] = []
        let time = 0
        for (const { pause, cost, charge } of uses) {
          time += pause
          if (charge !== undefined) {
            chargeTo(bucket, limit, charge, time)
            used.push({ time, cost: charge })
          } else if (takeFrom(bucket, limit, cost, time).isAllowed) {
            used.push({ time, cost })
            let sum = 0
            for (const { time: start, cost: one } of used.toReversed()) {
              sum += one
              expect(sum).toBeLessThanOrEqual(perMinute + ((time - start) * perMinute) / 60_000 + 1e-5)
            }
          }
          expect(bucket.level).toBeLessThanOrEqual(perMinute)
        }
      }),
    )
  })

  test('reckons exactly: it neither refuses too early nor allows before a debt has flowed in', () => {
    fc.assert(
      fc.property(perMinute, uses, (perMinute, uses) => {
        const limit = { perMinute }
        const bucket = createBucket(limit, 0)
        let exact = perMinute * 60_000
        let now = 0
        for (const { pause, cost, charge } of uses) {
          now += pause
          exact = Math.min(perMinute * 60_000, exact + pause * perMinute)
          if (charge !== undefined) {
            chargeTo(bucket, limit, charge, now)
            exact = Math.min(perMinute * 60_000, exact - charge * 60_000)
          } else {
            expect(takeFrom(bucket, limit, cost, now).isAllowed).toBe(exact >= cost * 60_000)
            if (exact >= cost * 60_000) exact -= cost * 60_000
          }
        }
      }),
    )
  })

  test('lets nobody in until what is owed has flowed in', () => {
    fc.assert(
      fc.property(fc.integer({ min: 50, max: 100_000 }), fc.integer({ min: 1, max: 1_000_000 }), (perMinute, debt) => {
        const limit = { perMinute }
        const bucket = createBucket(limit, 0)
        chargeTo(bucket, limit, perMinute + debt, 0)
        const wait = ((debt + 1) * 60_000) / perMinute
        const { isAllowed, retryAfter } = takeFrom(bucket, limit, 1, 0)
        expect(isAllowed).toBe(false)
        expect(retryAfter).toBeCloseTo(wait, 3)
        expect(takeFrom({ ...bucket }, limit, 1, wait - 0.5).isAllowed).toBe(false)
        expect(takeFrom({ ...bucket }, limit, 1, wait + 0.5).isAllowed).toBe(true)
      }),
    )
  })

  test('is no fuller than full, whatever is given back, nor while its clock goes back', () => {
    const limit = { perMinute: 10 }
    const bucket = createBucket(limit, 1_000)
    chargeTo(bucket, limit, -100, 1_000)
    expect(bucket.level).toBe(10)
    chargeTo(bucket, limit, 15, 0)
    expect(bucket.level).toBe(-5)
    chargeTo(bucket, limit, -2, 0)
    expect(bucket.level).toBe(-3)
  })
})

describe('a bucket', () => {
  test('never gives more than its size and what flowed in, in whatever window', () => {
    fc.assert(
      fc.property(perMinute, steps, (perMinute, steps) => {
        const taken = play(perMinute, steps)
        for (let first = 0; first < taken.length; first++) {
          let sum = 0
          for (const { time, cost } of taken.slice(first)) {
            sum += cost
            const most = perMinute + ((time - taken[first]!.time) * perMinute) / 60_000
            expect(sum).toBeLessThanOrEqual(most + 1e-5)
          }
        }
      }),
    )
  })

  test('never refuses while there is enough, and tells how much there is', () => {
    fc.assert(
      fc.property(perMinute, steps, (perMinute, steps) => {
        const limit = { perMinute }
        const bucket = createBucket(limit, 0)
        // The same in whole numbers: thousandths of a sixtieth.
        let exact = perMinute * 60_000
        let now = 0
        for (const { pause, cost } of steps) {
          now += pause
          exact = Math.min(perMinute * 60_000, exact + pause * perMinute)
          const { isAllowed, remaining } = takeFrom(bucket, limit, cost, now)
          expect(isAllowed).toBe(exact >= cost * 60_000)
          if (isAllowed) exact -= cost * 60_000
          expect(remaining).toBe(Math.floor(exact / 60_000))
        }
      }),
    )
  })

  test('says to half a millisecond when there is enough', () => {
    fc.assert(
      fc.property(fc.integer({ min: 50, max: 100_000 }), steps, (perMinute, steps) => {
        const limit = { perMinute }
        const bucket: Bucket = { level: 0, time: 0 }
        let now = 0
        for (const { pause, cost } of steps) {
          now += pause
          const { isAllowed, retryAfter } = takeFrom(bucket, limit, cost, now)
          if (isAllowed) continue
          expect(retryAfter).toBeGreaterThan(0)
          expect(takeFrom({ ...bucket }, limit, cost, now + retryAfter).isAllowed).toBe(true)
          expect(takeFrom({ ...bucket }, limit, cost, now + retryAfter - 0.5).isAllowed).toBe(false)
        }
      }),
    )
  })

  test('is full again when it said', () => {
    fc.assert(
      fc.property(perMinute, fc.integer({ min: 1, max: 1_000 }), (perMinute, cost) => {
        fc.pre(cost <= perMinute)
        const limit = { perMinute }
        const bucket = createBucket(limit, 0)
        const { resetAfter } = takeFrom(bucket, limit, cost, 0)
        expect(isFull(bucket, limit, resetAfter + 0.5)).toBe(true)
        expect(isFull(bucket, limit, resetAfter - 0.5)).toBe(false)
      }),
    )
  })

  test('gives its whole size at once, and then one after the other', () => {
    const limit = { perMinute: 60 }
    const bucket = createBucket(limit, 0)
    expect(takeFrom(bucket, limit, 60, 0)).toEqual({
      isAllowed: true,
      limit,
      remaining: 0,
      retryAfter: 0,
      resetAfter: 60_000,
    })
    expect(takeFrom(bucket, limit, 1, 250)).toMatchObject({ isAllowed: false, remaining: 0, retryAfter: 750 })
    expect(takeFrom(bucket, limit, 1, 1_000)).toMatchObject({ isAllowed: true, remaining: 0 })
  })

  test('keeps what flows in while it refuses', () => {
    const limit = { perMinute: 600 }
    const bucket: Bucket = { level: 0, time: 0 }
    const answers = Array.from({ length: 100 }, (_, index) => takeFrom(bucket, limit, 1, index + 1).isAllowed)
    expect(answers.indexOf(true)).toBe(99)
  })

  test('has for ever too little for what exceeds its size', () => {
    const taken = takeFrom(createBucket({ perMinute: 5 }, 0), { perMinute: 5 }, 6, 0)
    expect(taken).toMatchObject({ isAllowed: false, remaining: 5, retryAfter: Number.POSITIVE_INFINITY })
  })

  test('gives nothing where nothing is allowed', () => {
    const taken = takeFrom(createBucket({ perMinute: 0 }, 0), { perMinute: 0 }, 1, 1_000)
    expect(taken).toMatchObject({ isAllowed: false, retryAfter: Number.POSITIVE_INFINITY, resetAfter: 0 })
  })

  test('lets nothing in while the clock stands still or goes back, and goes on from there', () => {
    const limit = { perMinute: 60 }
    const bucket: Bucket = { level: 0, time: 10_000 }
    expect(takeFrom(bucket, limit, 1, 10_000).isAllowed).toBe(false)
    expect(takeFrom(bucket, limit, 1, 4_000)).toMatchObject({ isAllowed: false, retryAfter: 1_000 })
    expect(isFull(bucket, limit, 3_000)).toBe(false)
    expect(takeFrom(bucket, limit, 1, 5_000).isAllowed).toBe(true)
  })

  test('holds no more than a limit that was lowered', () => {
    const bucket = createBucket({ perMinute: 100 }, 0)
    fill(bucket, { perMinute: 10 }, 0)
    expect(bucket.level).toBe(10)
  })
})

/** What was allowed, and when. */
function play(perMinute: number, steps: readonly { readonly pause: number; readonly cost: number }[]) {
  const limit = { perMinute }
  const bucket = createBucket(limit, 0)
  const taken: { readonly time: number; readonly cost: number }[] = []
  let time = 0
  for (const { pause, cost } of steps) {
    time += pause
    if (takeFrom(bucket, limit, cost, time).isAllowed) taken.push({ time, cost })
  }
  return taken
}
