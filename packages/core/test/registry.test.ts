import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import {
  defineGuardrail,
  didYouMean,
  type GuardrailPlugin,
  register,
  registered,
  registeredNames,
} from '../src/index.ts'

/** The registry is one a process: these names are this file's own. */
function guardrail(name: string): GuardrailPlugin {
  return defineGuardrail({
    name,
    title: 'Test',
    docs: 'https://guardrail.test',
    options: v.unknown(),
    create: () => ({ hooks: [], check: () => ({ action: 'pass' }) }),
  })
}

describe('the registry', () => {
  it('gives back what was registered, by kind and name', () => {
    const plugin = guardrail('registry_test_one')
    register(plugin)
    expect(registered('guardrail', 'registry_test_one')).toBe(plugin)
    expect(registered('provider', 'registry_test_one')).toBeUndefined()
    expect(registered('guardrail', 'registry_test_none')).toBeUndefined()
  })

  it('takes the same plugin twice, but no other of its name', () => {
    const plugin = guardrail('registry_test_two')
    register(plugin)
    register(plugin)
    expect(() => register(guardrail('registry_test_two'))).toThrow(
      'A guardrail named registry_test_two is already registered.',
    )
    expect(registered('guardrail', 'registry_test_two')).toBe(plugin)
  })

  it.each(['', 'Groq', 'a-b', '../x', 'a b', 'groq\n'])('refuses the name %j', (name) => {
    expect(() => register(guardrail(name))).toThrow('must match')
  })

  it('lists the names of a kind, sorted', () => {
    register(guardrail('registry_test_b'))
    register(guardrail('registry_test_a'))
    const names = registeredNames('guardrail')
    expect(names).toEqual(names.toSorted())
    expect(names).toEqual(expect.arrayContaining(['registry_test_a', 'registry_test_b']))
    expect(registeredNames('search')).not.toContain('registry_test_a')
  })

  it('is shared with other copies of this package', () => {
    const plugin = guardrail('registry_test_shared')
    register(plugin)
    const shared = (globalThis as { [key: symbol]: unknown })[Symbol.for('@tianjillm/core/registry@1')]
    expect((shared as Map<string, unknown>).get('guardrail:registry_test_shared')).toBe(plugin)
  })
})

describe('didYouMean', () => {
  it('suggests the name that was meant', () => {
    expect(didYouMean('groqq', ['openai', 'groq'])).toBe(' Did you mean groq?')
  })

  it('says nothing when no name is near', () => {
    expect(didYouMean('mistral', ['openai', 'groq'])).toBe('')
  })
})
