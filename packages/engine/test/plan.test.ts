import { describe, expect, it } from 'vitest'
import type { Deployment } from '../src/deployment.ts'
import { groupDeployments, plan } from '../src/plan.ts'

// A plan looks at nothing else of a deployment.
const deployment = (group: string, model: string) => ({ group, model, id: `${group}:${model}` }) as Deployment
const groups = groupDeployments([
  deployment('small', 'gpt-4o-mini'),
  deployment('small', 'haiku'),
  deployment('openai/*', '*'),
  deployment('openai/gpt-*', 'azure-*'),
  deployment('*', '*'),
])
const models = (model: string, random?: () => number) => plan(groups, model, random).map((route) => route.model)

describe('a plan', () => {
  it('has every deployment of the group once', () => {
    expect([...models('small')].sort()).toEqual(['gpt-4o-mini', 'haiku'])
  })

  it('begins with any of them, by chance', () => {
    const counts = { 'gpt-4o-mini': 0, haiku: 0 }
    for (let index = 0; index < 2000; index++) counts[models('small')[0] as keyof typeof counts]++
    // Five standard deviations of a fair coin.
    expect(Math.abs(counts.haiku - 1000)).toBeLessThan(5 * Math.sqrt(500))
  })

  it('prefers the most specific wildcard and hands on what it captured', () => {
    expect(models('openai/gpt-5')).toEqual(['azure-5'])
    expect(models('openai/o3')).toEqual(['o3'])
    expect(models('other/x/y')).toEqual(['other/x/y'])
    expect(models('openai/$&')).toEqual(['$&'])
  })

  it('names what was meant when there is nothing', () => {
    const small = groupDeployments([deployment('small', 'm')])
    expect(() => plan(small, 'smal')).toThrow('The model "smal" is not configured. Did you mean small?')
    expect(() => plan(small, 'zzzzzzzz')).toThrow('Configured are small.')
    expect(() => plan(groupDeployments([]), 'x')).toThrow('No model is configured.')
  })
})
