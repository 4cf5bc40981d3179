import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { answerKey, type KeyFacts } from '../src/index.ts'

const asked: KeyFacts = {
  operation: 'chat',
  input: { model: 'fast', messages: [{ role: 'user', content: 'Hi' }], temperature: 0 },
  scope: 'configuration',
  tenant: 'key 1',
  namespace: undefined,
  tags: [],
}
const keyOf = (changes: Partial<KeyFacts> = {}) => answerKey({ ...asked, ...changes })
const keyWith = (fields: object) => keyOf({ input: { ...asked.input, ...fields } })

const json = fc.jsonValue({ maxDepth: 4 })
/** Names that are not the gateway's own, and not `__proto__`, which no parsed object can be given by a literal. */
const name = fc.string({ minLength: 1 }).filter((text) => !text.startsWith('__'))

/** The same value with the keys of all its objects turned around. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, turned(inner)]),
  )
}

/** As it comes out of JSON, which has no `-0`. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe('the key of an answer', () => {
  test('is the same in whatever order the keys of a request are written', () => {
    fc.assert(
      fc.property(fc.dictionary(name, json), (input) => {
        expect(keyOf({ input: turned(input) as KeyFacts['input'] })).toBe(keyOf({ input }))
      }),
    )
  })

  test('is another one when any field has another value', () => {
    fc.assert(
      fc.property(fc.dictionary(name, json, { minKeys: 1 }), json, fc.nat(), (input, value, at) => {
        const names = Object.keys(input)
        const field = names[at % names.length]!
        fc.pre(!isDeepStrictEqual(plain(input[field]), plain(value)))
        expect(keyOf({ input: { ...input, [field]: value } })).not.toBe(keyOf({ input }))
      }),
    )
  })

  test('is another one when a field comes or goes', () => {
    fc.assert(
      fc.property(name, json, (field, value) => {
        fc.pre(!(field in asked.input) && !['cache', 'caching', 'metadata', 'timeout'].includes(field))
        expect(keyWith({ [field]: value })).not.toBe(keyOf())
      }),
    )
  })

  test('is another one when a list is in another order', () => {
    const messages = [
      { role: 'user', content: 'One' },
      { role: 'user', content: 'Two' },
    ]
    expect(keyWith({ messages })).not.toBe(keyWith({ messages: messages.toReversed() }))
  })

  test.each([
    ['operation', { operation: 'completion' }],
    ['configuration', { scope: 'another' }],
    ['tenant', { tenant: 'key 2' }],
    ['tenant, for nobody is one too', { tenant: undefined }],
    ['namespace', { namespace: 'mine' }],
    ['tags', { tags: ['free'] }],
  ] as const)('is another one for another %s', (_, changes) => {
    expect(keyOf(changes)).not.toBe(keyOf())
  })

  test.each([
    ['stream', { stream: true }],
    ['stream_options', { stream_options: { include_usage: true } }],
    ['guardrails', { guardrails: ['pii'] }],
    ['extra_body', { extra_body: { top_k: 1 } }],
    ['user', { user: 'ada' }],
  ])('is another one with another %s', (_, fields) => {
    expect(keyWith(fields)).not.toBe(keyOf())
  })

  test('does not depend on what changes no answer', () => {
    const fields = { cache: { ttl: 3 }, caching: true, metadata: { trace: 1 }, timeout: 4, num_retries: 1 }
    expect(keyWith(fields)).toBe(keyOf())
  })

  test('tells nothing of the request', () => {
    expect(keyOf()).toMatch(/^[0-9a-f]{64}$/)
  })
})
