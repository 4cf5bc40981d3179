import { describe, expect, it } from 'vitest'
import { createModelMap } from '../src/index.ts'

const map = createModelMap({
  'gpt-4o': { litellm_provider: 'openai', input_cost_per_token: 1, max_input_tokens: 128_000 },
  'gpt-4o-2024-05-13': { litellm_provider: 'openai', input_cost_per_token: 2 },
  'ft:gpt-4o': { litellm_provider: 'openai', input_cost_per_token: 3 },
  'gpt-4.1-mini': { litellm_provider: 'openai', input_cost_per_token: 4, max_input_tokens: 1_000_000 },
  'azure/gpt-4o': { litellm_provider: 'azure', input_cost_per_token: 5 },
  'claude-3-5-haiku-latest': { litellm_provider: 'anthropic', input_cost_per_token: 6 },
  'anthropic.claude-opus-4-8': { litellm_provider: 'bedrock', input_cost_per_token: 7 },
  'us.anthropic.claude-opus-4-8': { litellm_provider: 'bedrock', input_cost_per_token: 8 },
  'global.anthropic.claude-opus-5': { litellm_provider: 'bedrock', input_cost_per_token: 9 },
  'command-r': { litellm_provider: 'cohere_chat', input_cost_per_token: 10 },
  'gemini-2.5-pro': { litellm_provider: 'vertex_ai-language-models', input_cost_per_token: 11 },
  'gemini/gemini-2.0-flash': { litellm_provider: 'gemini', input_cost_per_token: 12 },
  'dall-e-3': { litellm_provider: 'openai', mode: 'image_generation' },
  '1024-x-1024/dall-e-3': { litellm_provider: 'openai', output_cost_per_image: 13 },
  'hd/1024-x-1024/dall-e-3': { litellm_provider: 'openai', output_cost_per_image: 14 },
})
const price = (provider: string, model: string, base?: string) => map.find(provider, model, base)?.input_cost_per_token

describe('a model is found', () => {
  it.each([
    ['by its id, of its own vendor', 'openai', 'gpt-4o', 1],
    ['under the name of the provider', 'azure', 'gpt-4o', 5],
    ['where the provider goes by more than one name', 'cohere', 'command-r', 10],
    ['where what the provider is asked for is part of its name', 'vertex_ai', 'gemini-2.5-pro', 11],
    ['by its own date', 'openai', 'gpt-4o-2024-05-13', 2],
    ['by its family, when its date is unknown', 'openai', 'gpt-4o-2024-11-20', 1],
    ['by its family, with a date in one piece', 'openai', 'gpt-4o-20241120', 1],
    ['by its family, with a date after an @', 'openai', 'gpt-4o@20241120', 1],
    ['by the latest of its family', 'anthropic', 'claude-3-5-haiku-20241022', 6],
    ['by its family, with the number of a version', 'gemini', 'gemini-2.0-flash-001', 12],
    ['by its region', 'bedrock', 'us.anthropic.claude-opus-4-8', 8],
    ['without its region, when that is unknown', 'bedrock', 'eu.anthropic.claude-opus-4-8', 7],
    ['behind the way it is asked', 'bedrock', 'converse/eu-west-1/anthropic.claude-opus-4-8', 7],
    ['when it is sold only with a region', 'bedrock', 'anthropic.claude-opus-5', 9],
    ['as a fine-tune', 'openai', 'ft:gpt-4o-2024-08-06:acme::id', 3],
  ])('%s', (_how, provider, model, expected) => {
    expect(price(provider, model)).toBe(expected)
  })

  it.each([
    ['a number that is no date', 'openai', 'gpt-4o-20241399'],
    ['a longer name', 'openai', 'gpt-4o-mini'],
    ['a date in the middle', 'openai', 'gpt-4o-2024-11-20-preview'],
    ['a name that means something to JavaScript', 'openai', '__proto__'],
    ['another such name', 'constructor', 'toString'],
  ])('but not by %s', (_what, provider, model) => {
    expect(map.find(provider, model)).toBeUndefined()
  })

  it('by its base model first, whoever sells it', () => {
    expect(price('azure', 'our-deployment', 'azure/gpt-4o')).toBe(5)
    expect(price('azure', 'gpt-4o', 'gpt-4o-2024-05-13')).toBe(2)
    expect(price('azure', 'gpt-4o', 'nobody-knows-it')).toBe(5)
  })
})

it('a fine-tune of no known price can do what its base model can', () => {
  expect(map.find('openai', 'ft:gpt-4.1-mini-2025-04-14:acme::id')).toEqual({
    litellm_provider: 'openai',
    max_input_tokens: 1_000_000,
  })
})

it("another vendor's model lends what it can do, but not its price", () => {
  expect(map.find('hosted_vllm', 'gpt-4o')).toEqual({ litellm_provider: 'openai', max_input_tokens: 128_000 })
})

describe('an image', () => {
  const imagePrice = (size?: string, quality?: string) =>
    map.findImage('openai', 'dall-e-3', size, quality)?.output_cost_per_image

  it('has the price of its size and quality', () => {
    expect(imagePrice('1024x1024', 'hd')).toBe(14)
    expect(imagePrice('1024x1024', 'standard')).toBe(13)
    expect(imagePrice('1024x1024')).toBe(13)
  })

  it('of another size is the model', () => {
    expect(map.findImage('openai', 'dall-e-3', '1x1')).toEqual({
      litellm_provider: 'openai',
      mode: 'image_generation',
    })
  })
})

describe('several maps', () => {
  const shipped = {
    m: {
      mode: 'chat',
      input_cost_per_token: 2,
      input_cost_per_token_above_200k_tokens: 4,
      cache_read_input_token_cost: 1,
      output_cost_per_token: 8,
    },
  }

  it('say the same of a model as the first that says it', () => {
    const both = createModelMap({ m: { supports_vision: true } }, { m: { supports_vision: false, mode: 'x' } }, shipped)
    expect(both.models.m).toEqual({ ...shipped.m, mode: 'x', supports_vision: true })
  })

  it('a price takes the place of those that go with it', () => {
    const { m } = createModelMap({ m: { input_cost_per_token: 0 } }, shipped).models
    expect(m).toEqual({ mode: 'chat', input_cost_per_token: 0, output_cost_per_token: 8 })
  })

  it('add up', () => {
    expect(createModelMap({ n: {} }, shipped).size).toBe(2)
  })
})
