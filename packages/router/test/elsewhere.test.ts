import { GatewayError } from '@tianjillm/core'
import { describe, expect, it } from 'vitest'
import { attempt, createRouter, defaultRules } from '../src/index.ts'
import { candidate, simulate } from './simulation.ts'

const two = [candidate('one'), candidate('other')]

describe('a cooldown that was told by another gateway', () => {
  it('leaves the deployment alone until it is over', async () => {
    const simulation = simulate(two)
    simulation.router.joinCooldown('one', 60_000, 0)
    for (let count = 0; count < 20; count++) await simulation.answer()
    expect(new Set(simulation.ids())).toEqual(new Set(['other']))
    await simulation.clock.run(simulation.clock.wait(60_000))
    for (let count = 0; count < 20; count++) await simulation.answer()
    expect(new Set(simulation.ids())).toEqual(new Set(['one', 'other']))
  })

  it('never makes one shorter', () => {
    const { router } = simulate(two)
    router.joinCooldown('one', 60_000, 0)
    router.joinCooldown('one', 5_000, 0)
    expect(router.health.get('one')!.cooldownUntil).toBe(60_000)
  })

  it('spares a deployment that is alone in its group, and does nothing to what is not known', () => {
    const { router } = simulate([...two, candidate('alone', {}, 'small')])
    router.joinCooldown('alone', 60_000, 0)
    router.joinCooldown('nobody', 60_000, 0)
    expect([...router.health.values()].map(({ cooldownUntil }) => cooldownUntil)).toEqual([0, 0, 0])
  })

  it('means nothing where cooldowns are switched off', () => {
    const { router } = simulate(two, {}, { cooldown: { ...defaultRules.cooldown, isOn: false } })
    router.joinCooldown('one', 60_000, 0)
    expect(router.health.get('one')!.cooldownUntil).toBe(0)
  })
})

describe('whoever listens for cooldowns', () => {
  it('hears of each that begins here, and of none that others tell', async () => {
    const heard: (readonly [string, number])[] = []
    const router = createRouter(two, defaultRules, new Map(), (...told) => heard.push(told))
    const asked = attempt(router.plan({ model: 'model', tags: [] }), {
      now: () => 1_000,
      random: () => 0,
      wait: () => Promise.resolve(),
      isCancelled: () => false,
      settled() {},
      ask: () => Promise.reject(new GatewayError('rate_limited', 'Slow down.', { retryAfter: 60 })),
    })
    await expect(asked).rejects.toThrow('Slow down.')
    router.joinCooldown('one', 90_000, 1_000)
    expect(heard).toEqual([
      ['one', 61_000],
      ['other', 61_000],
    ])
  })
})

describe('what other gateways take of a deployment', () => {
  const busy = { requests: 3, tokens: 500 }

  it('counts as its own, where limits are kept to', async () => {
    const simulation = simulate([candidate('one', { rpm: 4 })], {}, { enforcesLimits: true })
    simulation.router.health.get('one')!.noteElsewhere(busy, 0)
    await simulation.answer()
    expect(await simulation.failure()).toMatchObject({ kind: 'rate_limited' })
    expect(simulation.router.health.get('one')!.minute(simulation.clock.now).requests).toBe(1)
  })

  it('counts where the one with the fewest tokens is chosen', async () => {
    const simulation = simulate(two, {}, { strategy: 'usage-based' })
    simulation.router.health.get('one')!.noteElsewhere(busy, 0)
    for (let count = 0; count < 10; count++) await simulation.answer()
    expect(new Set(simulation.ids())).toEqual(new Set(['other']))
  })

  it('is over with its minute', () => {
    const { router } = simulate(two)
    const health = router.health.get('one')!
    health.noteElsewhere(busy, 59_999)
    expect([health.usage(59_999), health.usage(60_000)]).toEqual([busy, { requests: 0, tokens: 0 }])
  })
})
