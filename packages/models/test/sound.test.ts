import { describe, expect, it } from 'vitest'
import { sound } from '../src/index.ts'

const good = Object.fromEntries(
  Array.from({ length: 60 }, (_item, index) => [
    `model-${index}`,
    { litellm_provider: 'openai', mode: 'chat', input_cost_per_token: 2e-6, max_input_tokens: 128_000 },
  ]),
)

function refused(facts: unknown, model = 'odd'): string | undefined {
  const judged = sound({ ...good, [model]: facts })
  return judged.isSound ? judged.refused[0]?.reason : judged.reason
}

it('a good map is taken as it is, but for the explanation', () => {
  const judged = sound({ sample_spec: { input_cost_per_token: 'a price' }, ...good })
  expect(judged).toEqual({ isSound: true, models: good, refused: [] })
})

describe('a map is refused', () => {
  it.each([
    ['that is a list', []],
    ['that is a text', 'models'],
    ['that is nothing', null],
    ['with too few models', Object.fromEntries(Object.entries(good).slice(0, 49))],
    ['whose models make no sense', Object.fromEntries(Object.keys(good).map((model) => [model, 'cheap']))],
  ])('%s', (_what, map) => {
    expect(sound(map).isSound).toBe(false)
  })

  it("unless a few are enough, as in an operator's own", () => {
    expect(sound({ mine: { input_cost_per_token: 1e-6 } }, { atLeast: 1 }).isSound).toBe(true)
  })
})

describe('a model is left out', () => {
  it.each([
    ['that is no map', 7, 'is no map of facts'],
    ['with a price below nothing', { output_cost_per_token: -1e-6 }, 'output_cost_per_token is less than nothing'],
    ['with a price that is none', { input_cost_per_token: Number.NaN }, 'input_cost_per_token is less than nothing'],
    ['with a price in words', { input_cost_per_token: '2' }, 'input_cost_per_token is not a price'],
    ['priced for a million', { input_cost_per_token: 2.5 }, 'input_cost_per_token is 2.5, which nobody asks for'],
    [
      'with such a price inside',
      { search_context_cost_per_query: { search_context_size_low: -1 } },
      'search_context_cost_per_query is less than nothing',
    ],
    ['with a window in words', { max_input_tokens: '128k' }, 'max_input_tokens is not a number of tokens'],
    ['with an ability that is neither', { supports_vision: 'yes' }, 'supports_vision is not true or false'],
    ['of a vendor without a name', { litellm_provider: 1 }, 'litellm_provider is not a text'],
    ['that plays tricks', JSON.parse('{"__proto__": {}}'), '__proto__ is no name of a fact'],
  ])('%s', (_what, facts, reason) => {
    expect(refused(facts)).toBe(reason)
  })

  it.each(['__proto__', 'constructor'])('under the name %s', (model) => {
    const judged = sound(JSON.parse(`{"${model}": {"mode": "chat"}, ${JSON.stringify(good).slice(1)}`))
    expect(judged).toEqual({ isSound: true, models: good, refused: [{ model, reason: 'is no name of a model' }] })
  })

  it('while the others stay, and what is null is not known', () => {
    const judged = sound({ ...good, odd: 'x', fine: { mode: 'chat', max_tokens: null, notes: ['any'] } })
    expect(judged.isSound && Object.keys(judged.models)).toEqual([...Object.keys(good), 'fine'])
  })
})
