import { describe, expect, it } from 'vitest'
import { costOf } from '../src/index.ts'

describe('tokens', () => {
  const facts = {
    input_cost_per_token: 2.5e-6,
    output_cost_per_token: 1e-5,
    cache_read_input_token_cost: 1.25e-6,
  }

  // https://platform.openai.com/docs/guides/prompt-caching
  it('cached ones cost their own price', () => {
    const usage = { prompt_tokens: 2006, completion_tokens: 300, prompt_tokens_details: { cached_tokens: 1920 } }
    expect(costOf(facts, { usage }, 'chat')).toBe(0.005615)
  })

  it('cached ones without a price of their own cost the whole price', () => {
    const usage = { prompt_tokens: 1000, completion_tokens: 0, prompt_tokens_details: { cached_tokens: 1000 } }
    expect(costOf({ input_cost_per_token: 3e-6 }, { usage }, 'chat')).toBe(0.003)
  })

  // https://docs.claude.com/en/docs/build-with-claude/prompt-caching
  it('those that fill the cache cost theirs, and more when they stay for an hour', () => {
    const sonnet = {
      input_cost_per_token: 3e-6,
      output_cost_per_token: 1.5e-5,
      cache_read_input_token_cost: 3e-7,
      cache_creation_input_token_cost: 3.75e-6,
      cache_creation_input_token_cost_above_1hr: 6e-6,
    }
    const counts = { prompt_tokens: 2051, completion_tokens: 503, prompt_tokens_details: { cached_tokens: 1800 } }
    const usage = { ...counts, cache_creation_input_tokens: 248 }
    expect(costOf(sonnet, { usage }, 'chat')).toBe(0.009024)
    const hour = { ...usage, cache_creation: { ephemeral_5m_input_tokens: 148, ephemeral_1h_input_tokens: 100 } }
    expect(costOf(sonnet, { usage: hour }, 'chat')).toBe(0.009249)
  })

  // https://ai.google.dev/gemini-api/docs/pricing
  it('of a long prompt cost more, those of its answer too', () => {
    const pro = {
      input_cost_per_token: 1.25e-6,
      input_cost_per_token_above_200k_tokens: 2.5e-6,
      output_cost_per_token: 1e-5,
      output_cost_per_token_above_200k_tokens: 1.5e-5,
    }
    const cost = (prompt_tokens: number) => costOf(pro, { usage: { prompt_tokens, completion_tokens: 1000 } }, 'chat')
    expect(cost(200_000)).toBe(0.26)
    expect(cost(200_001)).toBe(0.5150025)
  })

  it('of the longest of several lengths, the last price counts', () => {
    const tiered = {
      input_cost_per_token: 1e-6,
      input_cost_per_token_above_128k_tokens: 2e-6,
      input_cost_per_token_above_512k_tokens: 4e-6,
    }
    const cost = (prompt_tokens: number) => costOf(tiered, { usage: { prompt_tokens } }, 'chat')
    expect([cost(128_000), cost(200_000), cost(600_000)]).toEqual([0.128, 0.4, 2.4])
  })

  it('of reasoning are part of the answer, at their own price where they have one', () => {
    const usage = { prompt_tokens: 0, completion_tokens: 100, completion_tokens_details: { reasoning_tokens: 40 } }
    expect(costOf(facts, { usage }, 'chat')).toBe(0.001)
    expect(costOf({ ...facts, output_cost_per_reasoning_token: 2e-5 }, { usage }, 'chat')).toBe(0.0014)
  })

  it('of audio cost theirs, and without a price nothing is known', () => {
    const usage = {
      prompt_tokens: 150,
      completion_tokens: 60,
      prompt_tokens_details: { audio_tokens: 100 },
      completion_tokens_details: { audio_tokens: 50 },
    }
    const audio = { input_cost_per_audio_token: 4e-5, output_cost_per_audio_token: 8e-5 }
    expect(costOf({ ...facts, ...audio }, { usage }, 'chat')).toBe(0.008225)
    expect(costOf(facts, { usage }, 'chat')).toBeUndefined()
  })

  it('are counted once, whatever a vendor says is in them', () => {
    const details = { cached_tokens: 80, audio_tokens: 80, image_tokens: 80 }
    const usage = { prompt_tokens: 100, completion_tokens: 0, prompt_tokens_details: details }
    const flat = { ...facts, cache_read_input_token_cost: 1e-6, input_cost_per_audio_token: 1e-6 }
    expect(costOf(flat, { usage }, 'chat')).toBe(0.0001)
  })

  it('may come as input and output, or only as a total', () => {
    expect(costOf(facts, { usage: { input_tokens: 100, output_tokens: 10 } }, 'responses')).toBe(0.00035)
    expect(costOf({ input_cost_per_token: 5e-8 }, { usage: { total_tokens: 1000 } }, 'rerank')).toBe(0.00005)
  })

  it('come with the searches a vendor made for them', () => {
    const searching = { ...facts, search_context_cost_per_query: { search_context_size_medium: 0.01 } }
    const usage = { prompt_tokens: 100, completion_tokens: 10, server_tool_use: { web_search_requests: 2 } }
    expect(costOf(searching, { usage }, 'chat')).toBe(0.02035)
    expect(costOf(facts, { usage }, 'chat')).toBeUndefined()
  })

  it('come with searches that read more or less, as was asked or as the vendor says', () => {
    const sizes = { search_context_size_low: 0.01, search_context_size_medium: 0.02, search_context_size_high: 0.04 }
    const searching = { ...facts, search_context_cost_per_query: sizes }
    const usage = { prompt_tokens: 0, completion_tokens: 0, server_tool_use: { web_search_requests: 1 } }
    expect(costOf(searching, { usage, searchContextSize: 'low' }, 'chat')).toBe(0.01)
    expect(costOf(searching, { usage, searchContextSize: 'high' }, 'chat')).toBe(0.04)
    expect(costOf(searching, { usage, searchContextSize: '__proto__' }, 'chat')).toBe(0.02)
    expect(costOf(searching, { usage: { ...usage, search_context_size: 'high' } }, 'chat')).toBe(0.04)
    // https://ai.google.dev/gemini-api/docs/google-search
    const grounded = { prompt_tokens: 0, prompt_tokens_details: { web_search_requests: 3 } }
    expect(costOf(searching, { usage: grounded }, 'chat')).toBe(0.06)
  })

  it('come with the price of a request', () => {
    const usage = { prompt_tokens: 1000, completion_tokens: 0 }
    expect(costOf({ ...facts, input_cost_per_request: 0.005 }, { usage }, 'chat')).toBe(0.0075)
  })
})

describe('what is not counted in tokens', () => {
  // https://platform.openai.com/docs/pricing
  it('a transcription costs by the second', () => {
    expect(costOf({ input_cost_per_second: 0.0001 }, { seconds: 600 }, 'transcription')).toBe(0.06)
  })

  // https://platform.openai.com/docs/api-reference/audio/json-object
  it('a transcription may tell itself how long it was, or which of its tokens were sound', () => {
    const timed = { type: 'duration', seconds: 6 }
    expect(costOf({ input_cost_per_second: 0.0001 }, { usage: timed }, 'transcription')).toBe(0.0006)
    const usage = { input_tokens: 14, output_tokens: 45, input_token_details: { text_tokens: 4, audio_tokens: 10 } }
    const prices = { input_cost_per_token: 1e-6, input_cost_per_audio_token: 6e-6, output_cost_per_token: 1e-5 }
    expect(costOf(prices, { usage }, 'transcription')).toBe(0.000514)
  })

  it('an image made of tokens costs what tokens of images cost, where others have no price', () => {
    const usage = { input_tokens: 10, output_tokens: 1000 }
    const prices = { input_cost_per_token: 5e-6, output_cost_per_image_token: 4e-5 }
    expect(costOf(prices, { usage, images: 1 }, 'image')).toBe(0.04005)
  })

  it('what costs nothing costs nothing, though nobody counts it', () => {
    expect(costOf({ input_cost_per_token: 0, output_cost_per_token: 0 }, {}, 'moderation')).toBe(0)
    expect(costOf({ input_cost_per_token: 0, output_cost_per_token: 1e-6 }, {}, 'chat')).toBeUndefined()
    expect(costOf({ input_cost_per_token: 0, output_cost_per_image: 0.04 }, {}, 'image')).toBeUndefined()
  })

  it('speech costs by the character', () => {
    expect(costOf({ input_cost_per_character: 1.5e-5 }, { characters: 1000 }, 'speech')).toBe(0.015)
  })

  it('an image costs by the piece, by the pixel or by its tokens', () => {
    expect(costOf({ output_cost_per_image: 0.04 }, { images: 2 }, 'image')).toBe(0.08)
    expect(costOf({ output_cost_per_pixel: 3e-9 }, { pixels: 1024 * 1024 }, 'image')).toBe(0.003145728)
    const usage = { input_tokens: 50, output_tokens: 1056, input_tokens_details: { text_tokens: 40, image_tokens: 10 } }
    const tokens = { input_cost_per_token: 5e-6, input_cost_per_image_token: 1e-5, output_cost_per_token: 4e-5 }
    expect(costOf(tokens, { usage, images: 1 }, 'imageEdit')).toBe(0.04254)
  })

  it('a count of no tokens does not make an image free', () => {
    const usage = { prompt_tokens: 0, completion_tokens: 0 }
    expect(costOf({ output_cost_per_image: 0.04 }, { usage, images: 1 }, 'image')).toBe(0.04)
    expect(costOf({ mode: 'image_generation' }, { usage, images: 1 }, 'image')).toBeUndefined()
  })

  it('a search and a reranking cost by the query', () => {
    expect(costOf({ input_cost_per_query: 0.008 }, { queries: 1 }, 'search')).toBe(0.008)
    expect(costOf({ input_cost_per_query: 0.002 }, { queries: 3 }, 'rerank')).toBe(0.006)
  })

  it('a deployment may be paid by the second that it works', () => {
    const usage = { prompt_tokens: 10, completion_tokens: 10 }
    expect(costOf({ input_cost_per_second: 0.0006 }, { usage, seconds: 2.5 }, 'chat')).toBe(0.0015)
  })
})

describe('what is not known', () => {
  it('costs nothing that anybody could pay, whatever a vendor counts', () => {
    const usage = { prompt_tokens: 1e308, completion_tokens: 1 }
    expect(costOf({ input_cost_per_token: 1, output_cost_per_token: 1 }, { usage }, 'chat')).toBeUndefined()
  })

  const usage = { prompt_tokens: 10, completion_tokens: 10 }

  it.each([
    ['the model', undefined, { usage }],
    ['any price', { mode: 'chat' }, { usage }],
    ['the price of the answer', { input_cost_per_token: 1e-6 }, { usage }],
    [
      'the price of filling the cache',
      { input_cost_per_token: 1e-6, output_cost_per_token: 1e-6 },
      {
        usage: { ...usage, cache_creation_input_tokens: 5 },
      },
    ],
    ['how much was used', { input_cost_per_token: 1e-6, output_cost_per_token: 1e-6 }, {}],
  ])('without %s there is no cost', (_what, facts, consumption) => {
    expect(costOf(facts, consumption, 'chat')).toBeUndefined()
  })

  it('a price of nothing is a price', () => {
    expect(costOf({ input_cost_per_token: 0, output_cost_per_token: 0 }, { usage }, 'chat')).toBe(0)
  })
})
