import fc from 'fast-check'
import { expect, it } from 'vitest'
import { costOf, loadModelMap } from '../src/index.ts'

const { models } = await loadModelMap()
const chats = Object.values(models).filter(
  ({ mode, input_cost_per_token: read, output_cost_per_token: said }) =>
    mode === 'chat' && read !== undefined && said !== undefined,
)
const chat = fc.constantFrom(...chats)
const count = fc.integer({ min: 0, max: 1_500_000 })

function cost(facts: (typeof chats)[number], prompt: number, completion: number, cached = 0): number {
  const details = { cached_tokens: cached }
  const usage = { prompt_tokens: prompt, completion_tokens: completion, prompt_tokens_details: details }
  return costOf(facts, { usage }, 'chat')!
}

it('more tokens never cost less', () => {
  fc.assert(
    fc.property(chat, count, count, count, count, (facts, prompt, completion, more, said) => {
      expect(cost(facts, prompt + more, completion + said)).toBeGreaterThanOrEqual(cost(facts, prompt, completion))
    }),
  )
})

it('cached tokens never cost more than others where the map gives a discount', () => {
  const discounting = chats.filter((facts) => facts.cache_read_input_token_cost! <= facts.input_cost_per_token!)
  expect(discounting.length).toBeGreaterThan(300)
  fc.assert(
    fc.property(fc.constantFrom(...discounting), count, count, (facts, prompt, part) => {
      expect(cost(facts, prompt, 0, Math.min(part, prompt))).toBeLessThanOrEqual(cost(facts, prompt, 0))
    }),
  )
})

it('no tokens cost nothing but the price of the request', () => {
  fc.assert(
    fc.property(chat, (facts) => {
      expect(cost(facts, 0, 0)).toBe(facts.input_cost_per_request ?? 0)
    }),
  )
})

it('whatever a vendor counts, the cost is a sum of money or unknown', () => {
  fc.assert(
    fc.property(chat, fc.object({ maxDepth: 2, key: fc.constantFrom(...keys) }), (facts, usage) => {
      const cost = costOf(facts, { usage }, 'chat')
      expect(cost === undefined || (Number.isFinite(cost) && cost >= 0)).toBe(true)
    }),
  )
})

const keys = [
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'prompt_tokens_details',
  'completion_tokens_details',
  'cached_tokens',
  'audio_tokens',
  'cache_creation_input_tokens',
  'server_tool_use',
]
