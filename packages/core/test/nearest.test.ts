import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nearest } from '../src/index.ts'

const names = ['anthropic', 'bedrock', 'groq', 'openai', 'vertex_ai']
const letters = fc.constantFrom(...'abcdef_')
const anyName = fc.string({ unit: letters, minLength: 1, maxLength: 12 })
const anyNames = fc.array(anyName, { maxLength: 6 })

describe('nearest', () => {
  it.each([
    ['a letter too many', 'groqq', 'groq'],
    ['a letter too few', 'anthropc', 'anthropic'],
    ['a wrong letter', 'grok', 'groq'],
    ['two letters swapped', 'gorq', 'groq'],
    ['another case', 'OpenAI', 'openai'],
    ['several slips in a long name', 'antropik', 'anthropic'],
  ])('forgives %s', (_slip, wanted, meant) => {
    expect(nearest(wanted, names)).toBe(meant)
  })

  it.each(['mistral', 'open', 'x', ''])('offers nothing for %j', (wanted) => {
    expect(nearest(wanted, names)).toBeUndefined()
  })

  it('prefers the closer name, and of equally close ones the first', () => {
    expect(nearest('abcd', ['abxy', 'abcx'])).toBe('abcx')
    expect(nearest('abcd', ['abcx', 'abcy'])).toBe('abcx')
  })

  it('finds every name itself', () =>
    fc.assert(
      fc.property(anyNames, anyName, (others, name) => {
        expect(nearest(name, [...others, name])).toBe(name)
      }),
    ))

  it('offers nothing but one of the names', () =>
    fc.assert(
      fc.property(anyName, anyNames, (wanted, offered) => {
        expect([undefined, ...offered]).toContain(nearest(wanted, offered))
      }),
    ))

  it('is symmetrical between names of one length', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10 }).chain((length) => {
          const name = fc.string({ unit: letters, minLength: length, maxLength: length })
          return fc.tuple(name, name)
        }),
        ([one, other]) => {
          expect(nearest(one, [other]) === undefined).toBe(nearest(other, [one]) === undefined)
        },
      ),
    ))

  it('forgives any single slip', () =>
    fc.assert(
      fc.property(
        anyName,
        fc.nat(),
        letters,
        fc.constantFrom('insert', 'delete', 'replace', 'swap'),
        (name, at, letter, slip) => {
          const index = at % name.length
          const [before, after] = [name.slice(0, index), name.slice(index)]
          const wanted = {
            insert: before + letter + after,
            delete: before + after.slice(1),
            replace: before + letter + after.slice(1),
            swap: before + after.slice(1, 2) + after.slice(0, 1) + after.slice(2),
          }[slip]
          expect(nearest(wanted, [name])).toBe(name)
        },
      ),
    ))
})
