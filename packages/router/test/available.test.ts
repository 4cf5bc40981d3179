import { describe, expect, it } from 'vitest'
import { defaultRules } from '../src/index.ts'
import { arrivals, candidate, countsOf, simulate, type Vendor } from './simulation.ts'

const broken: Vendor = { fails: 'upstream_error', latency: 0 }

describe('order', () => {
  const deployments = [
    candidate('last'),
    candidate('second', { order: 2 }),
    candidate('first-a', { order: 1 }),
    candidate('first-b', { order: 1 }),
  ]

  it('has the lowest ones asked, as long as one of them answers', async () => {
    const { answer, ids } = simulate(deployments, { 'first-a': broken })
    for (let request = 0; request < 20; request++) expect(await answer()).toBe('first-b')
    expect(new Set(ids())).toEqual(new Set(['first-a', 'first-b']))
  })

  it('has the next ones asked after their retries, and those without any last', async () => {
    const { answer, ids } = simulate(
      deployments,
      { 'first-a': broken, 'first-b': broken, second: broken },
      { numRetries: 1 },
    )
    expect(await answer()).toBe('last')
    expect(new Set(ids().slice(0, 3))).toEqual(new Set(['first-a', 'first-b']))
    expect(ids().slice(3)).toEqual(['second', 'second', 'last'])
  })

  it('has the next ones asked at once when those before cool down', async () => {
    const simulation = simulate(deployments)
    for (const id of ['first-a', 'first-b', 'second']) simulation.router.health.get(id)!.cooldownUntil = 9_000
    expect(await simulation.answer()).toBe('last')
    expect(simulation.calls).toMatchObject([{ id: 'last', at: 0 }])
  })

  it('does not help a request that is itself wrong', async () => {
    const { failure, ids } = simulate(deployments.slice(0, 3), { 'first-a': { fails: 'invalid_request' } })
    expect((await failure()).message).toBe('first-a failed.')
    expect(ids()).toHaveLength(1)
  })

  it('tells why somebody failed rather than that nobody was free', async () => {
    const busy = candidate('busy', { order: 2, maxParallelRequests: 0 })
    const { failure } = simulate([candidate('a', { order: 1 }), busy, candidate('none', { maxParallelRequests: 0 })], {
      a: broken,
    })
    expect((await failure()).message).toBe('a failed.')
  })
})

describe('calls at the same time', () => {
  it('are no more than a deployment may have', async () => {
    const { request, calls, clock } = simulate(
      [candidate('small', { maxParallelRequests: 2, weight: 1 }), candidate('large', { weight: 0 })],
      { small: { lasts: 1_000 } },
    )
    await clock.run(Promise.all(Array.from({ length: 10 }, () => request())))
    expect(countsOf(calls.map(({ id }) => id))).toEqual({ small: 2, large: 8 })
  })

  it('count until the whole answer is there', async () => {
    const { request, calls, clock } = simulate([candidate('a', { maxParallelRequests: 1 })], {
      a: { latency: 100, lasts: 900 },
    })
    const at = (time: number) =>
      clock.wait(time).then(() =>
        request().then(
          () => 'answered',
          (error) => error.facts.code,
        ),
      )
    expect(await clock.run(Promise.all([at(0), at(999), at(1_001)]))).toEqual([
      'answered',
      'no_deployments_available',
      'answered',
    ])
    expect(calls).toHaveLength(2)
  })
})

describe('limits of a minute', () => {
  const enforced = { enforcesLimits: true }

  it('keep requests from a deployment until the next minute', async () => {
    const { request, clock, calls } = simulate([candidate('a', { rpm: 3 })], {}, enforced)
    const sendFive = () => Promise.allSettled(Array.from({ length: 5 }, () => request()))
    await clock.run(sendFive())
    expect(calls).toHaveLength(3)
    await clock.run(clock.wait(59_000).then(sendFive))
    expect(calls).toHaveLength(3)
    await clock.run(clock.wait(60_000 - clock.now).then(sendFive))
    expect(calls).toHaveLength(6)
  })

  it('count tokens when an answer has ended', async () => {
    const { answer, failure } = simulate([candidate('a', { tpm: 100 })], { a: { tokens: 50 } }, enforced)
    await answer()
    await answer()
    expect((await failure()).facts.code).toBe('no_deployments_available')
  })

  it('take a request to a deployment that has room', async () => {
    const simulation = simulate([candidate('a', { rpm: 10 }), candidate('b', { rpm: 20 })], {}, enforced)
    await simulation.clock.run(arrivals(simulation, 30, 10))
    expect(countsOf(simulation.ids())).toEqual({ a: 10, b: 20 })
  })

  it.each([
    { limit: 'rpm', traits: { rpm: 1 } },
    { limit: 'tpm', traits: { tpm: 50 } },
  ])('of $limit that are used up say how long the minute still lasts', async ({ traits }) => {
    const { request, failure, clock } = simulate([candidate('a', traits)], { a: { tokens: 50 } }, enforced)
    await clock.run(clock.wait(20_000).then(() => request()))
    const { message, facts } = await failure()
    expect(facts.retryAfter).toBe(40)
    expect(message).toContain('Try again in 40 seconds.')
  })

  it('say when the first of several has room again', async () => {
    const simulation = simulate([candidate('a', { rpm: 0 }), candidate('b', { rpm: 5 })], {}, enforced)
    simulation.router.health.get('b')!.cooldownUntil = 7_000
    expect((await simulation.failure()).facts.retryAfter).toBe(7)
  })

  it('are shares only, unless they are enforced', async () => {
    const simulation = simulate([candidate('a', { rpm: 3, tpm: 1 })], { a: { tokens: 10 } })
    await simulation.clock.run(arrivals(simulation, 20, 10))
    expect(simulation.ids()).toHaveLength(20)
  })
})

describe('tags', () => {
  const deployments = [
    candidate('paid', { tags: ['paid', 'eu'] }),
    candidate('free', { tags: ['free'] }),
    candidate('open', { tags: ['default'] }),
    candidate('plain'),
  ]
  const answers = async (tags: readonly string[], { matchesAny = true, without = '' } = {}) => {
    const rules = { tags: { isOn: true, matchesAny } }
    const { answer } = simulate(
      deployments.filter(({ id }) => id !== without),
      {},
      rules,
    )
    const ids = new Set<string>()
    for (let request = 0; request < 40; request++) ids.add(await answer({ tags }))
    return [...ids].sort()
  }

  it.each([
    { tags: ['paid'], ids: ['paid'] },
    { tags: ['paid', 'free'], ids: ['free', 'paid'] },
    { tags: ['eu', 'unknown'], ids: ['paid'] },
    { tags: ['unknown'], ids: ['open'] },
    { tags: [], ids: ['open'] },
  ])('$tags go to $ids when one in common is enough', async ({ tags, ids }) => {
    expect(await answers(tags)).toEqual(ids)
  })

  it.each([
    { tags: ['paid', 'eu'], ids: ['paid'] },
    { tags: ['paid', 'free'], ids: ['open'] },
  ])('$tags go to $ids when all are wanted', async ({ tags, ids }) => {
    expect(await answers(tags, { matchesAny: false })).toEqual(ids)
  })

  it('are not needed when no deployment is for those without', async () => {
    expect(await answers([], { without: 'open' })).toEqual(['free', 'paid', 'plain'])
  })

  it('that fit nowhere are refused', async () => {
    const rules = {
      tags: { isOn: true, matchesAny: true },
      fallbacks: { ...defaultRules.fallbacks, others: ['other'] },
    }
    const { failure, ids } = simulate([deployments[0]!, candidate('other', {}, 'other')], {}, rules)
    const error = await failure({ tags: ['unknown'] })
    expect(error.kind).toBe('permission_denied')
    expect(error.message).toContain('Not allowed to access model due to tags configuration')
    expect(ids()).toEqual([])
  })

  it('mean nothing when they are off', async () => {
    const { answer } = simulate([deployments[0]!])
    expect(await answer({ tags: ['unknown'] })).toBe('paid')
  })
})

describe('tag patterns', () => {
  const rules = { tags: { isOn: true, matchesAny: true } }
  const deployments = [
    candidate('programs', { tagPatterns: [/^User-Agent: claude-code\//, /bot/] }),
    candidate('paid', { tags: ['paid'] }),
    candidate('open', { tags: ['default'] }),
  ]

  it.each([
    { userAgent: 'claude-code/2.0', tags: [], ids: ['programs'] },
    { userAgent: 'a bot', tags: [], ids: ['programs'] },
    { userAgent: 'not claude-code/2.0', tags: [], ids: ['open'] },
    { userAgent: undefined, tags: [], ids: ['open'] },
    { userAgent: 'claude-code/2.0', tags: ['paid'], ids: ['paid', 'programs'] },
  ])('send $userAgent with $tags to $ids', async ({ userAgent, tags, ids }) => {
    const { answer } = simulate(deployments, {}, rules)
    const answered = new Set<string>()
    for (let request = 0; request < 40; request++) answered.add(await answer({ tags, userAgent }))
    expect([...answered].sort()).toEqual(ids)
  })

  it('mean nothing when tags are off', async () => {
    const { answer } = simulate(deployments.slice(0, 1))
    expect(await answer({ userAgent: 'curl/8' })).toBe('programs')
  })
})

describe('a request that is checked', () => {
  const deployments = [
    candidate('eu', { region: 'eu-central-1', maxInputTokens: 1_000 }),
    candidate('us', { region: 'us-east-1', maxInputTokens: 8_000 }),
  ]
  const checked = { checksRequests: true }

  it('goes to its region', async () => {
    const { answer } = simulate(deployments, {}, checked)
    for (let request = 0; request < 20; request++) expect(await answer({ region: 'eu' })).toBe('eu')
  })

  it('may go to a deployment of which the region is unknown', async () => {
    const { answer } = simulate([candidate('somewhere')], {}, checked)
    expect(await answer({ region: 'eu' })).toBe('somewhere')
  })

  it('is refused when its region has none', async () => {
    const { failure } = simulate(deployments, {}, checked)
    expect((await failure({ region: 'ap' })).message).toBe('No deployment of model is in the region ap.')
  })

  it('goes to a deployment that it is not too long for', async () => {
    const { answer } = simulate(deployments, {}, checked)
    for (let request = 0; request < 20; request++) expect(await answer({ countTokens: () => 1_001 })).toBe('us')
  })

  it('fits when it has exactly as many tokens as allowed', async () => {
    const { answer } = simulate(deployments, {}, checked)
    expect(await answer({ region: 'eu', countTokens: () => 1_000 })).toBe('eu')
  })

  it('is refused when it is too long for all', async () => {
    const { failure } = simulate(deployments, {}, checked)
    expect((await failure({ countTokens: () => 8_001 })).kind).toBe('context_length_exceeded')
  })

  it('is not counted where no deployment has a limit', async () => {
    const { answer } = simulate([candidate('a')], {}, checked)
    const countTokens = () => {
      throw new Error('Nobody needs to know.')
    }
    expect(await answer({ countTokens })).toBe('a')
  })

  it('goes anywhere when it is not', async () => {
    const { answer } = simulate(deployments.slice(0, 1))
    expect(await answer({ region: 'us', countTokens: () => 9_999 })).toBe('eu')
  })
})
