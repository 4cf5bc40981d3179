import { type ErrorKind, GatewayError } from '@tianjillm/core'
import { describe, expect, it } from 'vitest'
import { attempt, createRouter, defaultRules } from '../src/index.ts'
import { candidate, failureOf, simulate, type Vendor } from './simulation.ts'

const broken: Vendor = { fails: 'upstream_error', latency: 0 }

describe('a failure', () => {
  it('takes the request to those not asked yet, at once and all of them', async () => {
    const names = ['a', 'b', 'c', 'd', 'e']
    const vendors = Object.fromEntries(names.map((name) => [name, broken]))
    const { failure, calls } = simulate(
      names.map((name) => candidate(name)),
      vendors,
    )
    await failure({ numRetries: 1 })
    expect(calls.slice(0, 5).map(({ id }) => id)).toEqual(expect.arrayContaining(names))
    expect(calls.slice(0, 5).every(({ at }) => at === 0)).toBe(true)
    expect(calls).toHaveLength(6)
  })

  it('is gone when the next one answers', async () => {
    const { answer, ids } = simulate([candidate('a', { weight: 1 }), candidate('b', { weight: 0 })], { a: broken })
    expect(await answer()).toBe('b')
    expect(ids()).toEqual(['a', 'b'])
  })

  it.each<ErrorKind>(['invalid_request', 'unsupported_parameter', 'content_policy_violation', 'internal'])(
    'is the end when it is %s',
    async (kind) => {
      const { failure, ids } = simulate([candidate('a', { weight: 1 }), candidate('b', { weight: 0 })], {
        a: { fails: kind },
      })
      expect((await failure()).kind).toBe(kind)
      expect(ids()).toEqual(['a'])
    },
  )

  it('is told as the last one had it', async () => {
    const { failure } = simulate([candidate('a', { weight: 1 }), candidate('b', { weight: 0 })], {
      a: { fails: 'rate_limited' },
      b: { fails: 'upstream_auth_failed' },
    })
    expect((await failure()).message).toBe('b failed.')
  })
})

describe('the same deployment', () => {
  it('is asked again as often as the rules say', async () => {
    const { failure, ids } = simulate([candidate('a')], { a: broken }, { numRetries: 3 })
    await failure()
    expect(ids()).toHaveLength(4)
  })

  it('is asked again as often as the request says', async () => {
    const { failure, ids } = simulate([candidate('a')], { a: broken }, { numRetries: 3 })
    await failure({ numRetries: 1 })
    expect(ids()).toHaveLength(2)
  })

  it('answers in the end', async () => {
    const { answer, ids } = simulate([candidate('a')], { a: ({ now }) => (now < 500 ? broken : {}) })
    expect(await answer()).toBe('a')
    expect(ids()).toHaveLength(3)
  })

  it('is given twice as long each time, up to eight seconds and spread by chance', async () => {
    const pauses = new Set<number>()
    for (let seed = 0; seed < 50; seed++) {
      const { failure, calls } = simulate([candidate('a')], { a: broken }, { numRetries: 6 }, seed)
      await failure()
      for (let retry = 0; retry < 6; retry++) {
        const pause = calls[retry + 1]!.at - calls[retry]!.at
        const longest = Math.min(8_000, 500 * 2 ** retry)
        expect(pause).toBeGreaterThanOrEqual(longest / 2)
        expect(pause).toBeLessThanOrEqual(longest)
        pauses.add(pause)
      }
    }
    expect(pauses.size).toBeGreaterThan(200)
  })

  it('is given as long as the rules say at least', async () => {
    const { failure, calls } = simulate([candidate('a')], { a: broken }, { numRetries: 1, retryAfter: 3_000 })
    await failure()
    expect(calls.map(({ at }) => at)).toEqual([0, 3_000])
  })

  it('is given as long as it asks for', async () => {
    const vendor: Vendor = { fails: 'rate_limited', retryAfter: 4, latency: 0 }
    const { failure, calls } = simulate([candidate('a')], { a: vendor }, { numRetries: 2, retryAfter: 1_000 })
    await failure()
    expect(calls.map(({ at }) => at)).toEqual([0, 4_000, 8_000])
  })

  it('is given as long as the rules say when it asks for less', async () => {
    const vendor: Vendor = { fails: 'rate_limited', retryAfter: 1, latency: 0 }
    const { failure, calls } = simulate([candidate('a')], { a: vendor }, { numRetries: 1, retryAfter: 3_000 })
    await failure()
    expect(calls.map(({ at }) => at)).toEqual([0, 3_000])
  })

  it('is given up when it asks for too long', async () => {
    const { failure, ids, clock } = simulate([candidate('a')], { a: { fails: 'rate_limited', retryAfter: 9 } })
    expect((await failure()).facts.retryAfter).toBe(9)
    expect(ids()).toHaveLength(1)
    expect(clock.now).toBe(100)
  })

  it('is not asked again when it has filled up meanwhile', async () => {
    const { request, clock, calls } = simulate([candidate('a', { maxParallelRequests: 1 })], {
      a: ({ now }) => (now === 0 ? broken : { latency: 10_000 }),
    })
    const failing = failureOf(request())
    const answering = clock.wait(100).then(() => request())
    await clock.run(Promise.all([failing, answering]))
    expect((await failing).message).toBe('a failed.')
    expect(calls.map((call) => call.request)).toEqual([0, 1])
  })

  it('is not asked again when another is back', async () => {
    const simulation = simulate([candidate('a', { weight: 1 }), candidate('b', { weight: 0 })], { a: broken })
    simulation.router.health.get('b')!.cooldownUntil = 200
    expect(await simulation.answer()).toBe('b')
    expect(simulation.ids()).toEqual(['a', 'b'])
  })
})

describe('a retry policy', () => {
  it('counts by what went wrong', async () => {
    const retryPolicy = { upstream_timeout: 0, upstream_error: 4, invalid_request: 1 }
    const callsAfter = async (kind: ErrorKind) => {
      const { failure, ids } = simulate([candidate('a')], { a: { fails: kind, latency: 0 } }, { retryPolicy })
      await failure()
      return ids().length
    }
    expect(await callsAfter('upstream_timeout')).toBe(1)
    expect(await callsAfter('upstream_error')).toBe(5)
    expect(await callsAfter('invalid_request')).toBe(2)
    expect(await callsAfter('overloaded')).toBe(3)
  })

  it('of a group comes before the general one', async () => {
    const { failure, ids } = simulate(
      [candidate('a'), candidate('z', {}, 'other')],
      { a: broken, z: broken },
      { retryPolicy: { upstream_error: 4 }, groupRetryPolicy: new Map([['model', { upstream_error: 1 }]]) },
    )
    await failure()
    expect(ids()).toHaveLength(2)
    await failure({ model: 'other' })
    expect(ids()).toHaveLength(2 + 5)
  })
})

describe('by wildcard', () => {
  it('a group has the retries of the longest that fits', async () => {
    const { failure, ids } = simulate(
      [candidate('a', {}, 'openai/*')],
      { a: broken },
      {
        groupRetryPolicy: new Map([
          ['*', { upstream_error: 5 }],
          ['openai/*', { upstream_error: 1 }],
          ['openai/other-*', { upstream_error: 3 }],
        ]),
      },
    )
    await failure({ model: 'openai/gpt' })
    expect(ids()).toHaveLength(2)
  })
})

describe('retries of a deployment', () => {
  const own = [candidate('a', { numRetries: 4 })]

  it('come before those of all', async () => {
    const { failure, ids } = simulate(own, { a: broken }, { numRetries: 1 })
    await failure()
    expect(ids()).toHaveLength(5)
  })

  it('come after those that the request wants', async () => {
    const { failure, ids } = simulate(own, { a: broken }, { numRetries: 1 })
    await failure({ numRetries: 2 })
    expect(ids()).toHaveLength(3)
  })

  it('come after those that a policy has', async () => {
    const { failure, ids } = simulate(own, { a: broken }, { retryPolicy: { upstream_error: 0 } })
    await failure()
    expect(ids()).toHaveLength(1)
  })
})

describe('a deadline', () => {
  const fallbacks = { ...defaultRules.fallbacks, others: ['spare'] }

  it('is not slept through: what fails is told at once', async () => {
    const { failure, ids, clock } = simulate([candidate('a')], { a: broken }, { numRetries: 5, retryAfter: 1_000 })
    expect((await failure({ deadline: 2_500 })).message).toBe('a failed.')
    expect(ids()).toHaveLength(3)
    expect(clock.now).toBe(2_000)
  })

  it('lets another group stand in while there is time', async () => {
    const deployments = [candidate('a'), candidate('b', {}, 'spare')]
    const vendors = { a: { fails: 'rate_limited', retryAfter: 5, latency: 0 } } as const
    const { answer, clock } = simulate(deployments, vendors, { fallbacks })
    expect(await answer({ deadline: 1_000 })).toBe('b')
    expect(clock.now).toBeLessThan(1_000)
  })
})

describe('without retries', () => {
  it('one deployment of a group is asked', async () => {
    const { failure, ids } = simulate([candidate('a'), candidate('b')], { a: broken, b: broken }, { numRetries: 0 })
    await failure()
    expect(ids()).toHaveLength(1)
  })
})

describe('a client that goes away', () => {
  const vendors: Readonly<Record<string, Vendor>> = { a: broken, b: { latency: 1_000 } }

  it('ends the wait for the next try', async () => {
    const { failure, ids, clock } = simulate([candidate('a')], vendors)
    await failure({}, 50)
    expect(ids()).toEqual(['a'])
    expect(clock.now).toBe(50)
  })

  it('is asked for by nobody else any more', async () => {
    const { failure, ids, router, clock } = simulate(
      [candidate('b', { weight: 1 }), candidate('c', { weight: 0 })],
      vendors,
    )
    expect((await failure({}, 400)).kind).toBe('client_closed')
    expect(ids()).toEqual(['b'])
    expect(clock.now).toBe(400)
    expect(router.health.get('b')).toMatchObject({ inFlight: 0, cooldownUntil: 0 })
  })

  it('says nothing of the deployment that it did not wait for', async () => {
    const router = createRouter([candidate('a'), candidate('b')])
    const asking = attempt(router.plan({ model: 'model', tags: [] }), {
      now: () => 0,
      random: () => 0,
      wait: () => Promise.resolve(),
      isCancelled: () => true,
      settled() {},
      ask: () => Promise.reject(new GatewayError('upstream_auth_failed', 'Refused.')),
    })
    await expect(asking).rejects.toThrow('Refused.')
    for (const { cooldownUntil } of router.health.values()) expect(cooldownUntil).toBe(0)
  })

  it('is asked for by nobody else either when the vendor fails at that moment', async () => {
    const { failure, ids } = simulate([candidate('a', { weight: 1 }), candidate('b', { weight: 0 })], {
      a: { fails: 'upstream_error' },
    })
    expect((await failure({}, 50)).kind).toBe('upstream_error')
    expect(ids()).toEqual(['a'])
  })
})
