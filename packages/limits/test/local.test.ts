import { describe, expect, test } from 'vitest'
import { createLocalLimiter } from '../src/index.ts'

const limit = { perMinute: 2 }

describe('the local limiter', () => {
  test('has a bucket for each name', () => {
    const limiter = createLocalLimiter(() => 0)
    const allowed = ['a', 'a', 'a', 'b'].map((name) => limiter.take(name, limit).isAllowed)
    expect(allowed).toEqual([true, true, false, true])
  })

  test('takes as much as it is told', () => {
    const limiter = createLocalLimiter(() => 0)
    expect(limiter.take('a', { perMinute: 10 }, 7).remaining).toBe(3)
  })

  test('goes by its clock', () => {
    let now = 0
    const limiter = createLocalLimiter(() => now)
    limiter.take('a', limit, 2)
    now = limiter.take('a', limit).retryAfter
    expect(now).toBe(30_000)
    expect(limiter.take('a', limit).isAllowed).toBe(true)
  })

  test('heeds a limit that changed', () => {
    const limiter = createLocalLimiter(() => 0)
    limiter.take('a', { perMinute: 100 })
    expect(limiter.take('a', limit).remaining).toBe(1)
  })

  test('forgets a full bucket for a new one, and keeps those that owe', () => {
    let now = 0
    const limiter = createLocalLimiter(() => now, 2)
    limiter.take('owing', limit, 2)
    limiter.take('rested', { perMinute: 600_000 })
    now = 1_000
    limiter.take('new', limit)
    expect(limiter.take('owing', limit).isAllowed).toBe(false)
  })

  test('forgets one that owes rather than keep more than it may', () => {
    const limiter = createLocalLimiter(() => 0, 20)
    const names = Array.from({ length: 40 }, (_, index) => `name-${index}`)
    for (const name of names) limiter.take(name, limit, 2)
    // A name whose empty bucket is remembered is refused.
    const remembered = names.filter((name) => !limiter.take(name, limit).isAllowed)
    expect(remembered.length).toBeLessThanOrEqual(20)
  })
})
