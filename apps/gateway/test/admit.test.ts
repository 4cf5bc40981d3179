import { createLocalLimiter, type Limiter, type Taken } from '@tianjillm/limits'
import { describe, expect, it } from 'vitest'
import { admit } from '../src/admission/admit.ts'
import type { Holds } from '../src/admission/holds.ts'

const limit = { kind: 'requests' as const, name: 'key:1', owner: 'the key "ci"', perMinute: 600 }
const taken: Taken = { isAllowed: true, limit, remaining: 5, retryAfter: 0, resetAfter: 0 }
const holds: Holds = { rates: [limit], tokens: [], parallel: [], budgets: [] }

const limiterOf = (take: Limiter['take']): Limiter => ({ take, charge: () => {} })
const enter = (limiter: Limiter, headers: string[] = [], what = holds) =>
  admit({ limiter, ledger: undefined }, what, headers)

describe('letting a call in', () => {
  it.each([
    [0, '0ms'],
    [0.2, '1ms'],
    [20, '20ms'],
    [999.5, '1s'],
    [1_000, '1s'],
    [1_001, '2s'],
    [59_999, '1m0s'],
    [360_000, '6m0s'],
    [61_500, '1m2s'],
  ])('tells %d ms as %s', (resetAfter, told) => {
    const headers: string[] = []
    enter(
      limiterOf(() => ({ ...taken, resetAfter })),
      headers,
    )
    expect(headers.slice(-2)).toEqual(['x-ratelimit-reset-requests', told])
  })

  it('waits for nothing when the limiter answers at once', () => {
    expect(enter(limiterOf(() => taken))).toBeUndefined()
  })

  it('waits for a limiter that answers later', async () => {
    const headers: string[] = []
    await enter(
      limiterOf(async () => taken),
      headers,
    )
    expect(headers).toEqual([
      ...['x-ratelimit-limit-requests', '600'],
      ...['x-ratelimit-remaining-requests', '5'],
      ...['x-ratelimit-reset-requests', '0ms'],
    ])
  })

  it('rejects when a limiter refuses later, with whole seconds to wait', async () => {
    const refused = { ...taken, isAllowed: false, retryAfter: 1_200 }
    await expect(enter(limiterOf(async () => refused))).rejects.toMatchObject({
      kind: 'rate_limited',
      facts: { retryAfter: 2 },
    })
  })

  it('tells of the tightest of several limits, and gives back what it took when one refuses', () => {
    const limiter = createLocalLimiter(() => 0)
    const team = { kind: 'requests' as const, name: 'team:1', owner: 'the team "t"', perMinute: 2 }
    const both = { ...holds, rates: [limit, team] }
    const headers: string[] = []
    enter(limiter, headers, both)
    expect(headers.slice(0, 4)).toEqual([
      ...['x-ratelimit-limit-requests', '2'],
      ...['x-ratelimit-remaining-requests', '1'],
    ])
    enter(limiter, [], both)
    expect(() => enter(limiter, [], both)).toThrow(/rpm_limit of 2 requests a minute for the team "t" is used up/)
    expect(limiter.take('key:1', limit, 0).remaining).toBe(598)
  })

  it('holds to tokens under their own names', () => {
    const limiter = createLocalLimiter(() => 0)
    const tokens = { kind: 'tokens' as const, name: 'key:1:tokens', owner: 'the key "ci"', perMinute: 1_000 }
    const what = { ...holds, rates: [tokens], tokens: [tokens] }
    const headers: string[] = []
    enter(limiter, headers, what)
    expect(headers.slice(0, 2)).toEqual(['x-ratelimit-limit-tokens', '1000'])
    limiter.charge(tokens.name, tokens, 1_999)
    expect(() => enter(limiter, [], what)).toThrow(/tpm_limit of 1000 tokens a minute .* Try again in 61 s/)
  })
})
