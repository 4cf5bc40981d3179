import type { Taken } from '@tianjillm/limits'
import { describe, expect, it } from 'vitest'
import { takeRequest } from '../src/http/request-limit.ts'

const limit = { name: 'key:1', owner: 'the key "ci"', perMinute: 600 }
const taken: Taken = { isAllowed: true, limit, remaining: 5, retryAfter: 0, resetAfter: 0 }

describe('taking a request', () => {
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
    takeRequest({ take: () => ({ ...taken, resetAfter }) }, limit, headers)
    expect(headers.slice(-2)).toEqual(['x-ratelimit-reset-requests', told])
  })

  it('waits for nothing when the limiter answers at once', () => {
    expect(takeRequest({ take: () => taken }, limit, [])).toBeUndefined()
  })

  it('waits for a limiter that answers later', async () => {
    const headers: string[] = []
    await takeRequest({ take: async () => taken }, limit, headers)
    expect(headers).toEqual([
      ...['x-ratelimit-limit-requests', '600'],
      ...['x-ratelimit-remaining-requests', '5'],
      ...['x-ratelimit-reset-requests', '0ms'],
    ])
  })

  it('rejects when a limiter refuses later, with whole seconds to wait', async () => {
    const refused = { ...taken, isAllowed: false, retryAfter: 1_200 }
    await expect(takeRequest({ take: async () => refused }, limit, [])).rejects.toMatchObject({
      kind: 'rate_limited',
      facts: { retryAfter: 2 },
    })
  })
})
