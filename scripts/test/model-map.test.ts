import { describe, expect, it } from 'vitest'
import { type CatalogModel, costsOf } from '../model-map/catalog.ts'
import { merge } from '../model-map/merge.ts'
import { idsOf, type PricedModel, pricesOn } from '../model-map/prices.ts'
import { modeOf, readSupplement } from '../model-map/supplement.ts'

const none = { families: [], models: {} }
const model = (id: string, prices: PricedModel['prices'], context_window = 1000): PricedModel => ({
  id,
  match: { or: [{ equals: id }, { equals: `${id}-2025-01-31` }, { starts_with: `${id}-` }] },
  context_window,
  prices,
})
const entry = (id: string, input = 0): CatalogModel => ({
  id,
  type: 'chat',
  reasoning: true,
  input: ['text', 'image'],
  contextWindow: 2000,
  maxTokens: 500,
  cost: { input, output: input, cacheRead: 0, cacheWrite: 0 },
})

describe('prices', () => {
  it('become those of a token, a second and a query, without dust', () => {
    const prices = { input_mtok: 0.15, input_audio_hours: 0.111, web_searches_kcount: 10 }
    expect(pricesOn('2026-01-01', model('m', prices))).toEqual({
      input_cost_per_token: 1.5e-7,
      input_cost_per_second: 0.0000308333333333,
      search_context_cost_per_query: {
        search_context_size_low: 0.01,
        search_context_size_medium: 0.01,
        search_context_size_high: 0.01,
      },
    })
  })

  it('of long prompts get names of their own', () => {
    const prices = { input_mtok: { base: 2.5, tiers: [{ start: 271_999, price: 5 }] } }
    expect(pricesOn('2026-01-01', model('m', prices))).toEqual({
      input_cost_per_token: 2.5e-6,
      input_cost_per_token_above_272k_tokens: 5e-6,
    })
  })

  it('are those of the day', () => {
    const changing = model('m', [
      { prices: { input_mtok: 1 } },
      { constraint: { type: 'start_date', start_date: '2026-03-13' }, prices: { input_mtok: 2 } },
      { constraint: { type: 'start_date', start_date: '2027-01-01' }, prices: { input_mtok: 4 } },
    ])
    expect(pricesOn('2026-03-12', changing)).toEqual({ input_cost_per_token: 1e-6 })
    expect(pricesOn('2026-03-13', changing)).toEqual({ input_cost_per_token: 2e-6 })
  })

  it('are those of the dearest hour', () => {
    const hours = { type: 'time_of_date', start_time: '00:30:00Z', end_time: '16:30:00Z' }
    const byHour = (usual: number, then: number) =>
      model('m', [{ prices: { input_mtok: usual } }, { constraint: hours, prices: { input_mtok: then } }])
    expect(pricesOn('2026-01-01', byHour(1, 2))).toEqual({ input_cost_per_token: 2e-6 })
    expect(pricesOn('2026-01-01', byHour(2, 1))).toEqual({ input_cost_per_token: 2e-6 })
  })

  it('of nothing in the catalog are not known', () => {
    expect(costsOf(entry('m'))).toEqual({})
  })
})

it('ids are those that are spelled out, but for dots written as dashes', () => {
  const match = { or: [{ equals: 'gpt-5-1' }, { equals: 'gpt-5.1-chat' }, { starts_with: 'gpt-5.1-x' }] }
  expect(idsOf({ id: 'gpt-5.1', match, prices: {} })).toEqual(['gpt-5.1', 'gpt-5.1-chat'])
})

it('a name tells what a model is for', () => {
  const names = ['gpt-4o', 'whisper-1', 'tts-1-hd', 'voyage-3', '@cf/baai/bge-reranker-base', 'gpt-image-1']
  expect(names.map(modeOf)).toEqual([
    'chat',
    'audio_transcription',
    'audio_speech',
    'embedding',
    'rerank',
    'image_generation',
  ])
})

describe('the map', () => {
  const merged = merge({
    day: '2026-01-01',
    prices: (vendor) => (vendor === 'openai' ? [model('gpt-9', { input_mtok: 1 }, 3000)] : []),
    catalog: (vendor) => (vendor === 'openai' ? [entry('gpt-9-mini', 7), entry('gpt-9')] : []),
    supplement: { ...none, models: { 'gpt-9': { mode: 'chat', source: 'a page' } } },
  })

  it('has prices of one source, abilities of the other and the wider window of both', () => {
    expect(merged['gpt-9']).toEqual({
      input_cost_per_token: 1e-6,
      litellm_provider: 'openai',
      max_input_tokens: 3000,
      max_output_tokens: 500,
      max_tokens: 500,
      mode: 'chat',
      source: 'a page',
      supports_function_calling: true,
      supports_reasoning: true,
      supports_vision: true,
    })
  })

  it('has the dated names too, and what a reseller sells under his own', () => {
    expect(Object.keys(merged)).toEqual([
      'azure/gpt-9',
      'azure/gpt-9-2025-01-31',
      'gpt-9',
      'gpt-9-2025-01-31',
      'gpt-9-mini',
    ])
  })
})

describe('the supplement', () => {
  const { models, families } = readSupplement(new URL('../model-map/supplement.yaml', import.meta.url))

  it('names the page of each model', () => {
    for (const { source } of Object.values(models)) expect(source).toMatch(/^https:\/\//)
  })

  it('gives prices as LiteLLM has them', () => {
    expect(models['whisper-1']).toMatchObject({ input_cost_per_second: 0.0001, mode: 'audio_transcription' })
    expect(models['tts-1']).toMatchObject({ input_cost_per_character: 0.000015, mode: 'audio_speech' })
  })

  it.each([
    ['gpt-4o', true],
    ['gpt-4o-2024-05-13', undefined],
    ['gpt-3.5-turbo', undefined],
    ['claude-sonnet-4-5', true],
    ['claude-sonnet-4-0', undefined],
    ['gemini/gemini-2.5-flash', true],
  ])('tells of %s whether it keeps to a schema', (key, expected) => {
    const facts = families.filter(({ match }) => match.test(key)).map(({ facts }) => facts)
    expect(Object.assign({}, ...facts).supports_response_schema).toBe(expected)
  })
})
