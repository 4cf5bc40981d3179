import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { costOf, loadModelMap, sound } from '../src/index.ts'

const map = await loadModelMap()
const text = readFileSync(new URL('../data/models.json', import.meta.url), 'utf8')

describe('the shipped map', () => {
  it('is sound to the last model', () => {
    expect(sound(map.models)).toEqual({ isSound: true, models: map.models, refused: [] })
  })

  it('names the vendor and the mode of each model', () => {
    const without = Object.entries(map.models).filter(([, { litellm_provider, mode }]) => !litellm_provider || !mode)
    expect(without).toEqual([])
  })

  it('is sorted, with a model a line', () => {
    const keys = text.match(/^"[^"]+"(?=:)/gm)!.map((key) => JSON.parse(key))
    expect(keys).toHaveLength(map.size)
    expect(keys).toEqual(keys.toSorted())
  })

  it('has no dust of binary fractions', () => {
    const numbers = text.match(/(?<=[:,])[\d.e-]+(?=[,}])/g)!.map(Number)
    expect(numbers.length).toBeGreaterThan(5_000)
    expect(numbers.filter((value) => value !== Number(value.toPrecision(12)))).toEqual([])
  })

  it('is small', () => {
    expect(text.length).toBeLessThan(500_000)
  })

  it('is read once', async () => {
    expect(await loadModelMap()).toBe(map)
  })

  it("has an operator's own facts before ours", async () => {
    const own = await loadModelMap({ 'gpt-4o': { max_input_tokens: 1000 }, mine: { mode: 'chat' } })
    expect(own.find('openai', 'gpt-4o')).toMatchObject({ max_input_tokens: 1000, supports_vision: true })
    expect(own.size).toBe(map.size + 1)
  })
})

describe('what vendors ask for', () => {
  const million = { usage: { prompt_tokens: 100_000, completion_tokens: 100_000 } }

  // Their price pages; ten times as much is what they ask for a million of each.
  it.each([
    ['openai', 'gpt-4o', 1.25],
    ['openai', 'gpt-4o-mini', 0.075],
    ['openai', 'gpt-4.1', 1],
    ['azure', 'gpt-4o', 1.25],
    ['anthropic', 'claude-sonnet-4-5-20250929', 1.8],
    ['anthropic', 'claude-haiku-4-5', 0.6],
    ['bedrock', 'us.anthropic.claude-haiku-4-5-20251001-v1:0', 0.66],
    ['bedrock', 'amazon.nova-pro-v1:0', 0.4],
    ['gemini', 'gemini-2.5-pro', 1.125],
    ['vertex_ai', 'gemini-2.5-flash', 0.28],
    ['groq', 'llama-3.3-70b-versatile', 0.138],
    ['mistral', 'mistral-large-2411', 0.8],
    ['deepseek', 'deepseek-chat', 0.137],
    ['xai', 'grok-3', 1.8],
    ['cohere', 'command-r-plus-08-2024', 1.25],
  ])('%s for %s', (provider, model, dollars) => {
    expect(costOf(map.find(provider, model), million, 'chat')).toBe(dollars)
  })

  it.each([
    ['an embedding', 'openai', 'text-embedding-3-small', { usage: { prompt_tokens: 1e6 } }, 'embedding', 0.02],
    ['a transcription', 'openai', 'whisper-1', { seconds: 60 }, 'transcription', 0.006],
    ['a transcription elsewhere', 'groq', 'whisper-large-v3', { seconds: 3600 }, 'transcription', 0.111],
    ['speech', 'openai', 'tts-1-hd', { characters: 1e6 }, 'speech', 30],
    ['an image', 'stability', 'stable-image-core', { images: 1 }, 'image', 0.03],
    ['a reranking', 'cohere', 'rerank-v3.5', { queries: 1000 }, 'rerank', 2],
    ['a search', 'tavily', 'search', { queries: 1 }, 'search', 0.008],
  ] as const)('for %s', (_what, provider, model, consumption, operation, dollars) => {
    expect(costOf(map.find(provider, model), consumption, operation)).toBeCloseTo(dollars, 9)
  })
})
