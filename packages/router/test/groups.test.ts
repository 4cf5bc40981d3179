import { describe, expect, it } from 'vitest'
import { createRouter, defaultRules } from '../src/index.ts'

const deployment = (group: string, model: string) => ({ group, model, id: `${group}:${model}`, traits: {} })
const rules = { ...defaultRules, aliases: new Map([['tiny', 'small']]) }
const router = createRouter(
  [
    deployment('small', 'gpt-4o-mini'),
    deployment('small', 'haiku'),
    deployment('openai/*', '*'),
    deployment('openai/gpt-*', 'azure-*'),
    deployment('openai/*-preview', 'early-*'),
    deployment('fixed/*', 'always-this'),
  ],
  rules,
)
const models = (model: string) => router.plan({ model, tags: [] }).contenders.map((contender) => contender.model)

describe('a plan', () => {
  it('has every deployment of the group once', () => {
    expect(models('small')).toEqual(['gpt-4o-mini', 'haiku'])
  })

  it.each([
    { name: 'openai/gpt-5', model: '5', prefix: 'azure-' },
    { name: 'openai/o3', model: 'o3', prefix: '' },
    { name: 'openai/o4-preview', model: 'o4', prefix: 'early-' },
    { name: 'openai/a/b', model: 'a/b', prefix: '' },
    { name: 'openai/$&', model: '$&', prefix: '' },
  ])('takes $name to the most specific wildcard and hands on what it captured', ({ name, model, prefix }) => {
    expect(models(name)).toEqual([prefix + model])
  })

  it('asks for the deployment’s model when that has no wildcard', () => {
    expect(models('fixed/anything')).toEqual(['always-this'])
  })

  it('does not let what comes before and after a wildcard overlap', () => {
    const overlapping = createRouter([deployment('ab*ba', 'm')])
    expect(overlapping.find('aba')).toBeUndefined()
    expect(overlapping.find('abba')).toHaveLength(1)
  })

  it('knows a group by its other name', () => {
    const plan = router.plan({ model: 'tiny', tags: [] })
    expect(plan.group).toBe('small')
    expect(plan.contenders).toHaveLength(2)
  })

  it('has one deployment alone when asked for it by its id', () => {
    expect(models('small:haiku')).toEqual(['haiku'])
  })

  it('knows deployments by their ids where a wildcard serves all other names', () => {
    const all = createRouter([deployment('small', 'haiku'), deployment('*', '*')])
    expect(all.find('small:haiku')?.map(({ model }) => model)).toEqual(['haiku'])
    expect(all.find('else')?.map(({ model }) => model)).toEqual(['else'])
  })

  it('names what was meant when there is nothing', () => {
    const plan = (model: string, ...groups: string[]) =>
      createRouter(groups.map((group) => deployment(group, 'm'))).plan({ model, tags: [] })
    expect(() => plan('smal', 'small')).toThrow('The model "smal" is not configured. Did you mean small?')
    expect(() => plan('zzzzzzzz', 'small', 'openai/*')).toThrow('Configured are small, openai/*.')
    expect(() => plan('x')).toThrow('No model is configured.')
  })

  it('names ten groups at most', () => {
    const many = createRouter(Array.from({ length: 13 }, (_, index) => deployment(`group-${index}`, 'm')))
    expect(() => many.plan({ model: 'zzzzzzzzzzzz', tags: [] })).toThrow('group-9 and 3 more.')
  })
})

describe('what a plan may come to', () => {
  const of = (group: string) => deployment(group, group)
  const chained = createRouter(['a', 'b', 'c', 'd', 'e'].map(of), {
    ...defaultRules,
    aliases: new Map([['other-b', 'b']]),
    fallbacks: {
      ...defaultRules.fallbacks,
      general: new Map([
        ['a', ['other-b']],
        ['b', ['c', 'a']],
      ]),
      contextWindow: new Map([['c', ['d']]]),
    },
  })
  const reachable = (request: { readonly disablesFallbacks?: boolean; readonly fallbacks?: readonly string[] } = {}) =>
    chained
      .plan({ model: 'a', tags: [], ...request })
      .reachable()
      .map(({ group }) => group)

  it('is its group and all that stand in, for one another too', () => {
    expect(reachable()).toEqual(['a', 'b', 'c', 'd'])
  })

  it('is its group alone without fallbacks', () => {
    expect(reachable({ disablesFallbacks: true })).toEqual(['a'])
  })

  it('has the fallbacks of the request too', () => {
    expect(reachable({ fallbacks: ['e'] })).toContain('e')
  })
})

describe('a router made after another', () => {
  it('goes on with the health of the deployments that stay', () => {
    const before = createRouter([deployment('small', 'haiku'), deployment('small', 'gone')])
    before.health.get('small:haiku')!.cooldownUntil = 5_000
    const after = createRouter([deployment('other', 'new'), deployment('small', 'haiku')], defaultRules, before.health)
    expect(after.health.get('small:haiku')!.cooldownUntil).toBe(5_000)
    expect([...after.health.keys()]).toEqual(['other:new', 'small:haiku'])
  })
})
