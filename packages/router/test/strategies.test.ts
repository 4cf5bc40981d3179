import { describe, expect, it } from 'vitest'
import { type Candidate, defaultRules, Health, type StrategyName } from '../src/index.ts'
import { type Contender, strategies } from '../src/strategies.ts'
import { arrivals, candidate, countsOf, seededRandom, simulate, tolerance } from './simulation.ts'

const DRAWS = 10_000

/** How often each is chosen of so many draws. */
function draw(
  strategy: StrategyName,
  contenders: readonly Contender[],
  latencyBuffer = 0,
): Readonly<Record<string, number>> {
  const random = seededRandom(7)
  const one = () =>
    strategies[strategy](contenders, { now: 0, random, arguments: { latencyBuffer, latencyMemory: 1 } }).deployment.id
  return countsOf(Array.from({ length: DRAWS }, one))
}

const contender = (id: string, traits: Candidate['traits'] = {}, health = new Health()): Contender => ({
  deployment: candidate(id, traits),
  model: id,
  health,
})

function busy(calls: number): Health {
  const health = new Health()
  for (let call = 0; call < calls; call++) health.begin(0)
  return health
}

function fast(latency: number): Health {
  const health = new Health()
  health.answered(0, latency)
  return health
}

function used(tokens: number): Health {
  const health = busy(1)
  health.end(0, tokens, false)
  return health
}

/** Checks that they are chosen in these parts. */
function expectShares(counts: Readonly<Record<string, number>>, shares: Readonly<Record<string, number>>) {
  for (const [id, share] of Object.entries(shares))
    expect(Math.abs((counts[id] ?? 0) - DRAWS * share), id).toBeLessThanOrEqual(tolerance(DRAWS, share))
}

describe('simple-shuffle', () => {
  it.each([
    { by: 'weight', traits: [{ weight: 1 }, { weight: 3 }, { weight: 6 }], shares: { a: 0.1, b: 0.3, c: 0.6 } },
    { by: 'rpm', traits: [{ rpm: 100 }, { rpm: 300 }, {}], shares: { a: 0.25, b: 0.75, c: 0 } },
    { by: 'tpm', traits: [{ tpm: 5_000 }, { tpm: 3_000 }, { tpm: 2_000 }], shares: { a: 0.5, b: 0.3, c: 0.2 } },
    { by: 'nothing', traits: [{}, {}, {}], shares: { a: 1 / 3, b: 1 / 3, c: 1 / 3 } },
    {
      by: 'weight before rpm',
      traits: [{ weight: 4, rpm: 1 }, { weight: 1, rpm: 1_000 }, { rpm: 1_000 }],
      shares: { a: 0.8, b: 0.2, c: 0 },
    },
    {
      by: 'rpm before tpm',
      traits: [
        { rpm: 9, tpm: 1 },
        { rpm: 1, tpm: 9 },
        { rpm: 0, tpm: 9 },
      ],
      shares: { a: 0.9, b: 0.1, c: 0 },
    },
    {
      by: 'weights that are all zero',
      traits: [{ weight: 0 }, { weight: 0 }, { weight: 0 }],
      shares: { a: 1 / 3, b: 1 / 3, c: 1 / 3 },
    },
  ])('shares the load by $by', ({ traits, shares }) => {
    const ids = ['a', 'b', 'c']
    const contenders = traits.map((those, index) => contender(ids[index]!, those))
    expectShares(draw('simple-shuffle', contenders), shares)
  })

  it('asks one of weight zero only when the others have failed', async () => {
    const { answer, ids } = simulate([candidate('spare', { weight: 0 }), candidate('main', { weight: 1 })], {
      main: { fails: 'upstream_error' },
    })
    expect(await answer()).toBe('spare')
    expect(ids()).toEqual(['main', 'spare'])
  })
})

describe('least-busy', () => {
  it('shares the load among those with the fewest calls under way', () => {
    const counts = draw('least-busy', [
      contender('a', {}, busy(1)),
      contender('b', {}, busy(1)),
      contender('c', {}, busy(2)),
    ])
    expectShares(counts, { a: 0.5, b: 0.5, c: 0 })
  })

  it('gives a slow deployment so much less', async () => {
    const simulation = simulate(
      [candidate('slow'), candidate('fast')],
      { slow: { latency: 900 }, fast: { latency: 100 } },
      { strategy: 'least-busy' },
    )
    await simulation.clock.run(arrivals(simulation, 1_000, 50))
    const { fast = 0, slow = 0 } = countsOf(simulation.ids())
    expect(fast + slow).toBe(1_000)
    expect(fast).toBeGreaterThan(4 * slow)
  })
})

describe('latency-based', () => {
  const some = [contender('a', {}, fast(100)), contender('b', {}, fast(140)), contender('c', {}, fast(200))]

  it('chooses the fastest', () => {
    expect(draw('latency-based', some)).toEqual({ a: DRAWS })
  })

  it('shares the load among those within the buffer', () => {
    expectShares(draw('latency-based', some, 0.5), { a: 0.5, b: 0.5, c: 0 })
  })

  it('first asks one that was never asked', () => {
    expect(draw('latency-based', [...some, contender('new')], 0.5)).toEqual({ new: DRAWS })
  })

  it('leaves a deployment that has become slow', async () => {
    const vendors = {
      changing: ({ now }: { readonly now: number }) => ({ latency: now < 30_000 ? 50 : 2_000 }),
      steady: { latency: 200 },
    }
    const simulation = simulate([candidate('changing'), candidate('steady')], vendors, {
      strategy: 'latency-based',
    })
    await simulation.clock.run(arrivals(simulation, 600, 100))
    const from = (start: number) => countsOf(simulation.calls.filter(({ at }) => at >= start).map(({ id }) => id))
    expect(from(0).changing).toBeGreaterThan(290)
    expect(from(35_000)).toEqual({ steady: 250 })
  })
})

describe('latency-based, of deployments that fail', () => {
  const strategy = { strategy: 'latency-based', numRetries: 1 } as const

  it('soon leaves one that only ever fails, though its latency is not known', async () => {
    const simulation = simulate(
      [candidate('broken'), candidate('slow')],
      { broken: { fails: 'upstream_error', latency: 1 }, slow: { latency: 3_000 } },
      { ...strategy, cooldown: { ...defaultRules.cooldown, isOn: false } },
    )
    await simulation.clock.run(arrivals(simulation, 600, 100))
    // Tried anew about every 20 seconds, when so much of the penalty has been forgotten.
    expect(countsOf(simulation.ids()).broken).toBeLessThan(10)
  })

  it('comes back to one that failed for a while', async () => {
    const simulation = simulate(
      [candidate('restarting'), candidate('slow')],
      {
        restarting: ({ now }) => (now < 5_000 ? { fails: 'upstream_unreachable' } : { latency: 50 }),
        slow: { latency: 400 },
      },
      strategy,
    )
    await simulation.clock.run(arrivals(simulation, 1_800, 100))
    const late = simulation.calls.filter(({ at }) => at >= 120_000).map(({ id }) => id)
    expect(countsOf(late)).toEqual({ restarting: late.length })
  })

  it('finds out anew what a latency is that it has not seen for long', async () => {
    const simulation = simulate(
      [candidate('recovered'), candidate('steady')],
      { recovered: ({ now }) => ({ latency: now < 1_000 ? 5_000 : 20 }), steady: { latency: 100 } },
      { ...strategy, strategyArguments: { latencyBuffer: 0, latencyMemory: 60_000 } },
    )
    await simulation.clock.run(arrivals(simulation, 900, 200))
    const from = (start: number) => countsOf(simulation.calls.filter(({ at }) => at >= start).map(({ id }) => id))
    expect(from(10_000).steady).toBeGreaterThan(200)
    expect(from(100_000).recovered).toBeGreaterThan(0)
  })
})

describe('strategies of groups', () => {
  const deployments = [
    candidate('a', { weight: 1, price: 9 }, 'cheap'),
    candidate('b', { weight: 0, price: 1 }, 'cheap'),
    candidate('c', { weight: 1, price: 9 }, 'wild/*'),
    candidate('d', { weight: 0, price: 1 }, 'wild/*'),
    candidate('e', { weight: 1, price: 9 }, 'usual'),
    candidate('f', { weight: 0, price: 1 }, 'usual'),
  ]
  const costBased = { ...defaultRules, strategy: 'cost-based' } as const

  it.each([
    { asked: 'cheap', id: 'b' },
    { asked: 'other name', id: 'b' },
    { asked: 'wild/card', id: 'd' },
    { asked: 'usual', id: 'e' },
  ])('$asked goes to $id', async ({ asked, id }) => {
    const groupStrategies = new Map([
      ['cheap', costBased],
      ['wild/*', costBased],
    ])
    const { answer } = simulate(deployments, {}, { groupStrategies, aliases: new Map([['other name', 'cheap']]) })
    for (let request = 0; request < 10; request++) expect(await answer({ model: asked })).toBe(id)
  })

  it('may keep to limits where the others do not', async () => {
    const limited = [candidate('x', { rpm: 0 }, 'strict'), candidate('y', { rpm: 0 }, 'lax')]
    const groupStrategies = new Map([['strict', { ...defaultRules, enforcesLimits: true }]])
    const { answer, failure } = simulate(limited, {}, { groupStrategies })
    expect((await failure({ model: 'strict' })).facts.code).toBe('no_deployments_available')
    expect(await answer({ model: 'lax' })).toBe('y')
  })
})

describe('usage-based', () => {
  it('chooses the one with the fewest tokens this minute', () => {
    const counts = draw('usage-based', [
      contender('a', {}, used(500)),
      contender('b', {}, used(20)),
      contender('c', {}, used(20)),
    ])
    expectShares(counts, { a: 0, b: 0.5, c: 0.5 })
  })

  it('forgets the tokens of the minute before', () => {
    const much = contender('much', {}, used(500))
    const little = contender('little', {}, used(20))
    const chosen = strategies['usage-based']([much, little], {
      now: 60_000,
      random: () => 0,
      arguments: defaultRules.strategyArguments,
    })
    expect(chosen).toBe(much)
  })

  it('evens out the tokens of deployments', async () => {
    const simulation = simulate(
      [candidate('long'), candidate('short')],
      { long: { tokens: 900 }, short: { tokens: 100 } },
      { strategy: 'usage-based' },
    )
    await simulation.clock.run(arrivals(simulation, 250, 200))
    const { router, clock } = simulation
    const tokens = (id: string) => router.health.get(id)!.minute(clock.now).tokens
    expect(Math.abs(tokens('long') - tokens('short'))).toBeLessThanOrEqual(1_000)
  })
})

describe('cost-based', () => {
  it('chooses the cheapest', () => {
    const counts = draw('cost-based', [contender('a', { price: 2e-5 }), contender('b', { price: 1e-5 })])
    expect(counts).toEqual({ b: DRAWS })
  })

  it('takes an unknown price for a dollar', () => {
    const unknown = contender('unknown')
    expect(draw('cost-based', [unknown, contender('cheap', { price: 0.9 })])).toEqual({ cheap: DRAWS })
    expect(draw('cost-based', [unknown, contender('dear', { price: 1.1 })])).toEqual({ unknown: DRAWS })
  })
})
