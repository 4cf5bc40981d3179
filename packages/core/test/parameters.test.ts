import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parametersOf, settleParameters, unsupportedParameters, vendorExtras } from '../src/index.ts'

const base = { model: 'm', messages: [] }
const few = { supports: ['temperature', 'stream'] }

describe('unsupportedParameters', () => {
  it('finds what is not among the supported', () => {
    expect(unsupportedParameters('chat', few, { ...base, temperature: 1, seed: 7, tools: [] })).toEqual([
      'seed',
      'tools',
    ])
  })

  it('finds what is among the lacking', () => {
    expect(unsupportedParameters('chat', { lacks: ['n', 'seed'] }, { ...base, n: 2, top_p: 0.5 })).toEqual(['n'])
  })

  it('takes a vendor without any facts for one that has all', () => {
    expect(unsupportedParameters('chat', {}, { ...base, seed: 7, n: 2 })).toEqual([])
  })

  it.each([
    ['n', 1],
    ['logprobs', false],
    ['presence_penalty', 0],
    ['tool_choice', 'auto'],
    ['parallel_tool_calls', true],
    ['top_p', 1],
    ['seed', null],
    ['seed', undefined],
  ])('lets %s: %j pass, for it asks for nothing', (name, value) => {
    expect(unsupportedParameters('chat', { supports: [] }, { ...base, [name]: value })).toEqual([])
  })

  it.each([
    ['chat', 'stream_options'],
    ['chat', 'metadata'],
    ['chat', 'store'],
    ['chat', 'user'],
    ['chat', 'prompt_cache_key'],
    ['embedding', 'encoding_format'],
    ['transcription', 'response_format'],
    ['transcription', 'timestamp_granularities'],
  ] as const)('leaves %s of the %s to the engine', (operation, name) => {
    expect(unsupportedParameters(operation, { supports: [] }, { model: 'm', [name]: 'x' })).toEqual([])
  })

  it("does not judge fields that are not OpenAI's", () => {
    expect(unsupportedParameters('chat', { supports: [] }, { ...base, safe_prompt: true })).toEqual([])
  })

  it('has nothing to say of operations without a table', () => {
    expect(unsupportedParameters('search', { supports: [] }, { query: 'q', n: 2 })).toEqual([])
  })
})

describe('settleParameters', () => {
  it('refuses, naming all and pointing at the first', () => {
    expect(() => settleParameters('acme', 'chat', few, { ...base, seed: 7, n: 2 }, false)).toThrow(
      expect.objectContaining({
        kind: 'unsupported_parameter',
        message: 'acme: chat does not support n, seed. Leave it out, or set drop_params: true to have it dropped.',
        facts: { param: 'n', provider: 'acme' },
      }),
    )
  })

  it('drops when told to, and nothing else', () => {
    const input = { ...base, seed: 7, temperature: 1, safe_prompt: true }
    expect(settleParameters('acme', 'chat', few, input, true)).toEqual({ ...base, temperature: 1, safe_prompt: true })
  })

  it('gives the very request back when there is nothing to do', () => {
    const input = { ...base, temperature: 1 }
    expect(settleParameters('acme', 'chat', few, input, false)).toBe(input)
  })

  it('leaves nothing unsupported, and needs no second turn', () => {
    const names = parametersOf('chat')
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...names, 'safe_prompt'), fc.jsonValue()),
        fc.record({
          supports: fc.option(fc.subarray([...names]), { nil: undefined }),
          lacks: fc.option(fc.subarray([...names]), { nil: undefined }),
        }),
        (input, facts) => {
          const settled = settleParameters('acme', 'chat', facts, input, true)
          expect(unsupportedParameters('chat', facts, settled)).toEqual([])
          expect(settleParameters('acme', 'chat', facts, settled, false)).toBe(settled)
        },
      ),
    )
  })
})

describe('vendorExtras', () => {
  it("keeps what is neither OpenAI's nor handled nor undefined", () => {
    const input = { ...base, temperature: 1, seed: null, safe_prompt: true, top_k: 0, nothing: undefined, empty: null }
    expect(vendorExtras('chat', input, ['messages'])).toEqual({ safe_prompt: true, top_k: 0, empty: null })
  })
})
