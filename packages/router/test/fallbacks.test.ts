import type { ErrorKind } from '@tianjillm/core'
import { describe, expect, it } from 'vitest'
import { defaultRules, type FallbackRules, type FallbackTable, type Rules } from '../src/index.ts'
import { candidate, simulate, type Vendor } from './simulation.ts'

const broken: Vendor = { fails: 'upstream_error', latency: 0 }

const table = (entries: Readonly<Record<string, readonly string[]>>): FallbackTable => new Map(Object.entries(entries))

/** A group of one deployment for each letter, none of which is tried twice. */
function groupsOf(
  letters: string,
  vendors: Readonly<Record<string, Vendor>>,
  fallbacks: Partial<FallbackRules>,
  rules: Partial<Rules> = {},
) {
  return simulate(
    [...letters].map((letter) => candidate(letter, {}, letter)),
    vendors,
    { numRetries: 0, fallbacks: { ...defaultRules.fallbacks, ...fallbacks }, ...rules },
  )
}

const failAll = (letters: string) => Object.fromEntries([...letters].map((letter) => [letter, broken]))

describe('a group that fails', () => {
  it('has others stand in for it, in their order', async () => {
    const { answer, calls } = groupsOf('abcd', failAll('ab'), { general: table({ a: ['b', 'c', 'd'] }) })
    expect(await answer({ model: 'a' })).toBe('c')
    expect(calls).toMatchObject([
      { group: 'a', fallbacks: 0 },
      { group: 'b', fallbacks: 1 },
      { group: 'c', fallbacks: 2 },
    ])
  })

  it('is tried again before others stand in', async () => {
    const { answer, ids } = groupsOf('ab', failAll('a'), { general: table({ a: ['b'] }) }, { numRetries: 2 })
    await answer({ model: 'a' })
    expect(ids()).toEqual(['a', 'a', 'a', 'b'])
  })

  it('has those stand in that are for any, when it has none of its own', async () => {
    const general = table({ '*': ['c'], a: ['b'] })
    expect(await groupsOf('abcd', failAll('a'), { general, others: ['d'] }).answer({ model: 'a' })).toBe('b')
    expect(await groupsOf('abcd', failAll('d'), { general, others: ['b'] }).answer({ model: 'd' })).toBe('c')
  })

  it('has the default ones stand in, when no table names it', async () => {
    const { answer } = groupsOf('abc', failAll('b'), { general: table({ a: ['b'] }), others: ['c'] })
    expect(await answer({ model: 'b' })).toBe('c')
  })

  it('has those stand in that stand in for the first', async () => {
    const general = table({ a: ['b'], b: ['c'] })
    const { answer, ids } = groupsOf('abc', failAll('ab'), { general })
    expect(await answer({ model: 'a' })).toBe('c')
    expect(ids()).toEqual(['a', 'b', 'c'])
  })

  it('is found in a table by the name it is asked for by, then by its own, then by a wildcard', async () => {
    const rules = { aliases: new Map([['other-a', 'a']]) }
    const stoodInBy = (general: FallbackTable) =>
      groupsOf('abcd', failAll('a'), { general }, rules).answer({ model: 'other-a' })
    expect(await stoodInBy(table({ 'other-a': ['b'], a: ['c'], '*': ['d'] }))).toBe('b')
    expect(await stoodInBy(table({ a: ['c'], '*': ['d'], 'other-*': ['d'] }))).toBe('c')
    expect(await stoodInBy(table({ 'other-*': ['b'], '*': ['d'] }))).toBe('b')
  })

  it('is found by another name too when it stands in itself', async () => {
    const aliases = new Map([['other-b', 'b']])
    const general = table({ a: ['other-b'], 'other-b': ['c'] })
    const { answer, calls } = groupsOf('abc', failAll('ab'), { general }, { aliases })
    expect(await answer({ model: 'a' })).toBe('c')
    expect(calls).toMatchObject([
      { name: 'a', group: 'a' },
      { name: 'other-b', group: 'b' },
      { name: 'c', group: 'c' },
    ])
  })

  it('may have a deployment stand in, by its id, that is cooling down; its group is spared', async () => {
    const stoodInBy = (name: string) => {
      const simulation = simulate(
        [candidate('a', {}, 'a'), candidate('x', {}, 'b'), candidate('y', {}, 'b')],
        { a: broken },
        { numRetries: 0, fallbacks: { ...defaultRules.fallbacks, general: table({ a: [name] }) } },
      )
      for (const id of ['x', 'y']) simulation.router.health.get(id)!.cooldownUntil = 60_000
      return simulation
    }
    expect(await stoodInBy('y').answer({ model: 'a' })).toBe('y')
    expect((await stoodInBy('b').failure({ model: 'a' })).message).toContain('b (rate_limited)')
  })

  it('is not asked twice where groups stand in for each other', async () => {
    const general = table({ a: ['b', 'a', 'other-a'], b: ['a', 'c', 'b'], c: ['a', 'b'] })
    const aliases = new Map([['other-a', 'a']])
    const { failure, ids } = groupsOf('abc', failAll('abc'), { general }, { aliases })
    await failure({ model: 'a' })
    expect(ids()).toEqual(['a', 'b', 'c'])
  })

  it('has so many stand in at most', async () => {
    const general = table({ a: ['b', 'c', 'd', 'e'] })
    const { failure, ids } = groupsOf('abcde', failAll('abcde'), { general, most: 2 })
    await failure({ model: 'a' })
    expect(ids()).toEqual(['a', 'b', 'c'])
  })

  it('may have a deployment, another name or a wildcard stand in for it', async () => {
    const aliases = new Map([['other-b', 'b']])
    const stoodInBy = (name: string) =>
      simulate(
        [candidate('a', {}, 'a'), candidate('b', {}, 'b'), candidate('x', {}, 'wild/*'), candidate('y', {}, 'z')],
        { a: broken },
        { aliases, numRetries: 0, fallbacks: { ...defaultRules.fallbacks, general: table({ a: [name] }) } },
      ).answer({ model: 'a' })
    expect(await stoodInBy('other-b')).toBe('b')
    expect(await stoodInBy('wild/card')).toBe('x')
    expect(await stoodInBy('y')).toBe('y')
  })

  it('goes on past a name that nobody serves', async () => {
    const { answer } = groupsOf('ab', failAll('a'), { general: table({ a: ['nobody', 'b'] }) })
    expect(await answer({ model: 'a' })).toBe('b')
  })

  it('tells its own error and what became of the others', async () => {
    const vendors: Readonly<Record<string, Vendor>> = {
      a: { fails: 'rate_limited', retryAfter: 30 },
      b: { fails: 'upstream_timeout' },
      c: { fails: 'upstream_auth_failed' },
    }
    const { failure } = groupsOf('abc', vendors, { general: table({ a: ['b', 'c'] }) })
    const error = await failure({ model: 'a' })
    expect(error.kind).toBe('rate_limited')
    expect(error.facts.retryAfter).toBe(30)
    expect(error.message).toBe('a failed. Fallbacks failed too: b (upstream_timeout), c (upstream_auth_failed).')
  })

  it('tells its error alone when nothing stands in', async () => {
    const { failure } = groupsOf('a', failAll('a'), {})
    expect((await failure({ model: 'a' })).message).toBe('a failed.')
  })
})

describe('what stands in', () => {
  const fallbacks: Partial<FallbackRules> = {
    general: table({ a: ['b'] }),
    contextWindow: table({ a: ['c'] }),
    contentPolicy: table({ a: ['d'] }),
  }

  it.each<{ kind: ErrorKind; id: string }>([
    { kind: 'context_length_exceeded', id: 'c' },
    { kind: 'content_policy_violation', id: 'd' },
    { kind: 'upstream_error', id: 'b' },
    { kind: 'rate_limited', id: 'b' },
    { kind: 'invalid_request', id: 'b' },
  ])('after $kind is $id', async ({ kind, id }) => {
    expect(await groupsOf('abcd', { a: { fails: kind } }, fallbacks).answer({ model: 'a' })).toBe(id)
  })

  it.each<ErrorKind>(['context_length_exceeded', 'content_policy_violation'])(
    'after %s is what stands in for all else, without a table of its own',
    async (kind) => {
      const { answer } = groupsOf('ab', { a: { fails: kind } }, { general: table({ a: ['b'] }) })
      expect(await answer({ model: 'a' })).toBe('b')
    },
  )

  it('for a request that is too long may be for any group', async () => {
    const { answer } = groupsOf(
      'abc',
      { a: { fails: 'context_length_exceeded' } },
      {
        general: table({ a: ['b'] }),
        contextWindow: table({ '*': ['c'] }),
      },
    )
    expect(await answer({ model: 'a' })).toBe('c')
  })

  it('for a request that is known to be too long is asked at once', async () => {
    const { answer, ids } = simulate(
      [candidate('a', { maxInputTokens: 10 }, 'a'), candidate('c', {}, 'c')],
      {},
      { checksRequests: true, fallbacks: { ...defaultRules.fallbacks, contextWindow: table({ a: ['c'] }) } },
    )
    expect(await answer({ model: 'a', countTokens: () => 11 })).toBe('c')
    expect(ids()).toEqual(['c'])
  })

  it.each<ErrorKind>([
    'client_closed',
    'guardrail_blocked',
    'guardrail_unavailable',
    'shutting_down',
    'permission_denied',
  ])('after %s is nobody', async (kind) => {
    const { failure, ids } = groupsOf('ab', { a: { fails: kind } }, { others: ['b'] })
    expect((await failure({ model: 'a' })).kind).toBe(kind)
    expect(ids()).toEqual(['a'])
  })
})

describe('a request', () => {
  const general = table({ a: ['b'] })

  it('brings its own groups to stand in, in place of the configured ones', async () => {
    const { failure, ids } = groupsOf('abcd', failAll('abcd'), { general, others: ['b'] })
    await failure({ model: 'a', fallbacks: ['c', 'd'] })
    expect(ids()).toEqual(['a', 'c', 'd'])
  })

  it('may do without any', async () => {
    const { failure, ids } = groupsOf('ab', failAll('a'), { general })
    await failure({ model: 'a', disablesFallbacks: true })
    expect(ids()).toEqual(['a'])
  })

  it.each<{ failsWith: ErrorKind; id: string }>([
    { failsWith: 'upstream_error', id: 'b' },
    { failsWith: 'context_length_exceeded', id: 'c' },
  ])('may let its group fail with $failsWith to see $id stand in', async ({ failsWith, id }) => {
    const { answer, ids } = groupsOf('abc', {}, { general, contextWindow: table({ a: ['c'] }) })
    expect(await answer({ model: 'a', failsWith })).toBe(id)
    expect(ids()).toEqual([id])
  })

  it('that lets its group fail is told so when nothing stands in', async () => {
    const error = await groupsOf('a', {}, {}).failure({ model: 'a', failsWith: 'rate_limited' })
    expect(error.kind).toBe('rate_limited')
    expect(error.message).toContain('wants its model to fail')
  })
})
