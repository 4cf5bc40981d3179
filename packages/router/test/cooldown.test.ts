import type { ErrorKind } from '@tianjillm/core'
import { describe, expect, it } from 'vitest'
import { type CooldownRules, defaultRules } from '../src/index.ts'
import { arrivals, candidate, type Reaction, simulate } from './simulation.ts'

/** Requests that ask `bad` once each, one a millisecond; `spare` only stands by. Nothing is tried twice. */
async function afterRequests(
  reactions: readonly Reaction[],
  rules: Partial<CooldownRules> = {},
  cooldownTime?: number,
) {
  let count = 0
  const simulation = simulate(
    [candidate('bad', { weight: 1, cooldownTime }), candidate('spare', { weight: 0 })],
    { bad: () => ({ latency: 0, ...reactions[count++] }) },
    { numRetries: 0, cooldown: { ...defaultRules.cooldown, ...rules } },
  )
  for (const _ of reactions) await simulation.answer().catch(() => {})
  return simulation.router.health.get('bad')!.cooldownUntil
}

const times = <Item>(count: number, item: Item): readonly Item[] => Array.from({ length: count }, () => item)
const failing = (kind: ErrorKind, retryAfter?: number): Reaction => ({
  fails: kind,
  ...(retryAfter !== undefined && { retryAfter }),
})
const bad = failing('upstream_error')
const good: Reaction = {}

describe('a deployment cools down', () => {
  it.each<ErrorKind>(['rate_limited', 'quota_exceeded', 'upstream_auth_failed', 'model_not_found', 'not_found'])(
    'at once after %s',
    async (kind) => {
      expect(await afterRequests([failing(kind)])).toBe(5_000)
    },
  )

  it('as long as the vendor says, when that is longer', async () => {
    expect(await afterRequests([failing('rate_limited', 30)])).toBe(30_000)
    expect(await afterRequests([failing('rate_limited', 2)])).toBe(5_000)
  })

  it('for its own time, when it has one', async () => {
    expect(await afterRequests([failing('rate_limited')], {}, 60_000)).toBe(60_000)
  })

  it('when more than half of at least five requests of a minute have failed', async () => {
    expect(await afterRequests(times(4, bad))).toBe(0)
    expect(await afterRequests(times(5, bad))).toBe(5_000)
    expect(await afterRequests([good, good, bad, bad, bad])).toBe(5_000)
    expect(await afterRequests([good, good, good, bad, bad, bad])).toBe(0)
  })

  it('when answers break', async () => {
    expect(await afterRequests(times(5, { breaks: 'upstream_error' }))).toBe(5_000)
  })

  it('after more failures than are allowed', async () => {
    const rules = { allowedFails: 2 }
    expect(await afterRequests(times(2, failing('rate_limited')), rules)).toBe(0)
    expect(await afterRequests(times(3, failing('rate_limited')), rules)).toBe(5_000)
    expect(await afterRequests(times(3, bad), rules)).toBe(5_000)
  })

  it('after more failures than are allowed by what went wrong', async () => {
    const rules = { allowedFails: 0, allowedFailsPolicy: { upstream_timeout: 3 } }
    expect(await afterRequests(times(3, failing('upstream_timeout')), rules)).toBe(0)
    expect(await afterRequests(times(4, failing('upstream_timeout')), rules)).toBe(5_000)
    expect(await afterRequests([bad], rules)).toBe(5_000)
  })
})

describe('a cooldown', () => {
  const deployments = [candidate('a', { weight: 1 }), candidate('b', { weight: 0 })]

  it('is not made shorter by what fails after it', async () => {
    const { request, clock, router } = simulate(deployments, {
      a: ({ now }) => ({ fails: 'rate_limited', retryAfter: now === 0 ? 60 : 1 }),
    })
    await clock.run(Promise.all([request(), clock.wait(50).then(() => request())]))
    expect(router.health.get('a')!.cooldownUntil).toBe(60_100)
  })

  it('is not begun again by a request that is itself wrong', async () => {
    const { request, clock, router } = simulate(
      deployments,
      { a: ({ now }) => ({ fails: now === 0 ? 'upstream_error' : 'invalid_request' }) },
      { cooldown: { ...defaultRules.cooldown, allowedFails: 0 } },
    )
    await clock.run(request())
    await clock.run(clock.wait(6_000).then(() => request().catch(() => {})))
    expect(router.health.get('a')!.cooldownUntil).toBe(5_100)
  })
})

describe('a deployment goes on', () => {
  it.each<ErrorKind>([
    'invalid_request',
    'unsupported_parameter',
    'context_length_exceeded',
    'content_policy_violation',
    'guardrail_blocked',
    'client_closed',
  ])('however often a request fails with %s', async (kind) => {
    expect(await afterRequests(times(20, failing(kind)), { allowedFails: 0 })).toBe(0)
  })

  it('when cooldowns are off', async () => {
    expect(await afterRequests(times(20, failing('rate_limited')), { isOn: false })).toBe(0)
  })

  it('when the failures were in minutes before', async () => {
    const vendors = { bad: { fails: 'upstream_error', latency: 0 } } as const
    const traits = [candidate('bad', { weight: 1 }), candidate('spare', { weight: 0 })]
    const simulation = simulate(traits, vendors, { numRetries: 0 })
    const failures = arrivals({ ...simulation, request: () => simulation.request().catch(() => 'none') }, 20, 20_000)
    await simulation.clock.run(failures)
    expect(new Set(simulation.ids())).toEqual(new Set(['bad']))
  })

  it('after its time has passed', async () => {
    const simulation = simulate([candidate('a', { weight: 1 }), candidate('b', { weight: 0 })], {
      a: ({ now }) => (now === 0 ? { fails: 'rate_limited', latency: 0 } : {}),
    })
    expect(await simulation.answer()).toBe('b')
    await simulation.clock.run(simulation.clock.wait(4_800))
    expect(await simulation.answer()).toBe('b')
    expect(simulation.clock.now).toBe(5_000)
    expect(await simulation.answer()).toBe('a')
  })
})

describe('a deployment that is alone in its group', () => {
  it('is spared', async () => {
    const { failure, router, ids } = simulate([candidate('alone')], { alone: { fails: 'rate_limited' } })
    expect((await failure({ numRetries: 0 })).message).toBe('alone failed.')
    expect((await failure({ numRetries: 0 })).message).toBe('alone failed.')
    expect(ids()).toHaveLength(2)
    expect(router.health.get('alone')!.cooldownUntil).toBe(0)
  })

  it('is spared when it is the only one that fits the request', async () => {
    const { failure, router } = simulate(
      [candidate('a', { region: 'eu-west-1' }), candidate('b', { region: 'us-east-1' })],
      { a: { fails: 'rate_limited' } },
      { checksRequests: true },
    )
    await failure({ region: 'eu', numRetries: 0 })
    expect(router.health.get('a')!.cooldownUntil).toBe(0)
  })

  it('cools down under much traffic', async () => {
    const simulation = simulate(
      [candidate('alone')],
      { alone: { fails: 'rate_limited', latency: 0 } },
      { numRetries: 0 },
    )
    const errors = arrivals(
      { ...simulation, request: () => simulation.request().catch((error) => error.message) },
      1_001,
      1,
    )
    const messages = await simulation.clock.run(errors)
    expect(messages.slice(0, 1_000)).toEqual(times(1_000, 'alone failed.'))
    expect(messages[1_000]).toContain('No deployments available')
  })
})

describe('a group of which all cool down', () => {
  it('says when the first of them is back', async () => {
    const { answer, failure, ids } = simulate([candidate('a'), candidate('b')], {
      a: { fails: 'rate_limited', retryAfter: 20 },
      b: { fails: 'rate_limited', retryAfter: 40 },
    })
    await answer().catch(() => {})
    const error = await failure()
    expect(error.kind).toBe('rate_limited')
    expect(error.message).toContain('No deployments available for selected model, Try again in 20 seconds.')
    expect(error.facts).toMatchObject({ code: 'no_deployments_available', retryAfter: 20 })
    expect(ids()).toHaveLength(2)
  })
})
