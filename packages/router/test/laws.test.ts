import type { ErrorKind } from '@tianjillm/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defaultRules, type Rules } from '../src/index.ts'
import {
  arrivals,
  candidate,
  countsOf,
  failureOf,
  type Reaction,
  simulate,
  tolerance,
  type Vendor,
} from './simulation.ts'

const REQUESTS = 2_000

/** Of four deployments one is dead, one slow, one has no room, and one breaks every other answer. */
const vendors: Readonly<Record<string, Vendor>> = {
  dead: { fails: 'upstream_unreachable', latency: 5 },
  slow: { latency: 3_000, lasts: 500 },
  full: { fails: 'rate_limited', retryAfter: 20, latency: 30 },
  breaking: ({ random }) => ({ latency: 100, lasts: 200, ...(random() < 0.5 && { breaks: 'upstream_error' }) }),
}
const four = Object.keys(vendors).map((id) => candidate(id))

describe('two thousand requests in chaos', () => {
  it('are all answered, though nearly nobody asks those that are out', async () => {
    const simulation = simulate(four, vendors)
    const answers = countsOf(await simulation.clock.run(arrivals(simulation, REQUESTS, 50)))
    const asked = countsOf(simulation.ids())
    const minutes = (REQUESTS * 50) / 60_000

    expect(Object.keys(answers).sort()).toEqual(['breaking', 'slow'])
    // One that is dead is asked until it has failed five times in a minute, and once after each cooldown.
    expect(asked.dead).toBeLessThan(Math.ceil(minutes) * (5 + 60 / 5))
    // One without room is asked when its time is over; two more requests may come before its answer does.
    expect(asked.full).toBeLessThanOrEqual(3 * Math.ceil((minutes * 60) / 20))
    // Half of what is there, less what it misses while it cools down.
    expect(answers.breaking).toBeLessThan(REQUESTS / 2 + tolerance(REQUESTS, 0.5))
    expect(answers.slow).toBeGreaterThan(REQUESTS / 2 - tolerance(REQUESTS, 0.5))
    expect(answers.breaking).toBeGreaterThan(REQUESTS / 20)
  })

  it('are shared evenly by those that answer when nobody cools down', async () => {
    const simulation = simulate(four, vendors, { cooldown: { ...defaultRules.cooldown, isOn: false } })
    const answers = countsOf(await simulation.clock.run(arrivals(simulation, REQUESTS, 50)))
    const asked = countsOf(simulation.ids())

    expect(answers.slow! + answers.breaking!).toBe(REQUESTS)
    expect(Math.abs(answers.slow! - REQUESTS / 2)).toBeLessThan(tolerance(REQUESTS, 0.5))
    // One that fails is asked when it comes before both that answer: one time in three.
    for (const id of ['dead', 'full'])
      expect(Math.abs(asked[id]! - REQUESTS / 3), id).toBeLessThan(tolerance(REQUESTS, 1 / 3))
  })

  it('are the same when chance is the same', async () => {
    const run = async () => {
      const simulation = simulate(four, vendors, {}, 42)
      await simulation.clock.run(arrivals(simulation, 200, 50))
      return simulation.calls
    }
    expect(await run()).toEqual(await run())
  })
})

const kinds: readonly ErrorKind[] = [
  'rate_limited',
  'upstream_error',
  'upstream_timeout',
  'upstream_auth_failed',
  'invalid_request',
  'context_length_exceeded',
]

const reactions: fc.Arbitrary<readonly Reaction[]> = fc.array(
  fc.record(
    {
      latency: fc.integer({ min: 0, max: 4_000 }),
      fails: fc.constantFrom(...kinds),
      breaks: fc.constantFrom(...kinds),
      retryAfter: fc.integer({ min: 0, max: 12 }),
      lasts: fc.integer({ min: 0, max: 3_000 }),
      tokens: fc.integer({ min: 0, max: 50 }),
    },
    { requiredKeys: [] },
  ),
  { minLength: 1, maxLength: 4 },
)

const worlds = fc.record({
  deployments: fc.array(
    fc.record({
      group: fc.constantFrom('model', 'model', 'other'),
      traits: fc.record(
        {
          order: fc.integer({ min: 1, max: 2 }),
          weight: fc.integer({ min: 0, max: 3 }),
          rpm: fc.integer({ min: 1, max: 20 }),
          tpm: fc.integer({ min: 1, max: 200 }),
          maxParallelRequests: fc.integer({ min: 1, max: 3 }),
        },
        { requiredKeys: [] },
      ),
      reactions,
    }),
    { minLength: 1, maxLength: 5 },
  ),
  rules: fc.record({
    strategy: fc.constantFrom('simple-shuffle', 'least-busy', 'latency-based', 'usage-based', 'cost-based'),
    numRetries: fc.integer({ min: 0, max: 3 }),
    enforcesLimits: fc.boolean(),
  }) satisfies fc.Arbitrary<Partial<Rules>>,
  pauses: fc.array(fc.integer({ min: 0, max: 2_000 }), { minLength: 1, maxLength: 40 }),
  cancelledAfter: fc.option(fc.integer({ min: 0, max: 2_000 }), { nil: undefined }),
  seed: fc.integer(),
})

type World = typeof worlds extends fc.Arbitrary<infer Value> ? Value : never

/** A simulation of such a world, after all of its requests. */
async function lived({ deployments, rules, pauses, cancelledAfter, seed }: World) {
  const candidates = [
    candidate('first'),
    ...deployments.map(({ group, traits }, index) => candidate(`${index}`, traits, group)),
  ]
  const scripts = Object.fromEntries(
    deployments.map((deployment, index): [string, Vendor] => [
      `${index}`,
      ({ random }) => deployment.reactions[Math.floor(random() * deployment.reactions.length)]!,
    ]),
  )
  const first: Vendor = ({ random }) => (random() < 0.5 ? { fails: 'upstream_error' } : { lasts: 700 })
  const simulation = simulate(
    candidates,
    { ...scripts, first },
    { ...rules, fallbacks: { ...defaultRules.fallbacks, others: ['other'] } },
    seed,
  )
  const { clock, request } = simulation
  async function live() {
    const outcomes: Promise<unknown>[] = []
    for (const pause of pauses) {
      const cancelledAt = cancelledAfter === undefined ? undefined : clock.now + cancelledAfter
      const answer = request({}, cancelledAt)
      // Fails with nothing but a GatewayError.
      outcomes.push(answer.catch(() => failureOf(answer)))
      await clock.wait(pause)
    }
    return Promise.all(outcomes)
  }
  await clock.run(live())
  return { ...simulation, candidates }
}

const holds = (law: (world: Awaited<ReturnType<typeof lived>>) => void) =>
  fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      law(await lived(world))
    }),
    { numRuns: 150 },
  )

describe('whatever happens', () => {
  it('no deployment is asked while it cools down', () =>
    holds(({ calls }) => {
      expect(calls.filter(({ isCoolingDown }) => isCoolingDown)).toEqual([])
    }))

  it('no deployment has more calls at the same time than it may', () =>
    holds(({ calls, candidates }) => {
      const most = new Map(candidates.map(({ id, traits }) => [id, traits.maxParallelRequests ?? Infinity]))
      expect(calls.filter(({ id, inFlight }) => inFlight > most.get(id)!)).toEqual([])
    }))

  it('no call is under way when all is over', () =>
    holds(({ router }) => {
      for (const [id, { inFlight }] of router.health) expect(inFlight, id).toBe(0)
    }))

  it('a request makes as many calls as there are deployments and retries, at most', () =>
    holds(({ calls, candidates, router }) => {
      const levels = new Set(candidates.map(({ group, traits: { order } }) => `${group} ${order}`)).size
      const most = candidates.length + levels * router.rules.numRetries
      for (const count of Object.values(countsOf(calls.map(({ request }) => `${request}`))))
        expect(count).toBeLessThanOrEqual(most)
    }))

  it('nobody is asked for a client that has gone', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, fc.integer({ min: 0, max: 2_000 }), async (world, cancelledAfter) => {
        const { calls } = await lived({ ...world, pauses: [0], cancelledAfter })
        expect(calls.filter(({ at }) => at > cancelledAfter)).toEqual([])
      }),
      { numRuns: 150 },
    )
  })
})
