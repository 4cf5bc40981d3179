import fc from 'fast-check'
import { countTokens as countText } from 'gpt-tokenizer/encoding/o200k_base'
import { computeChatCompletionTokenCount } from 'gpt-tokenizer/functionCalling'
import { describe, expect, it } from 'vitest'
import { countTokens } from '../src/index.ts'

/** https://github.com/openai/openai-cookbook/blob/main/examples/How_to_count_tokens_with_tiktoken.ipynb */
const cookbook = [
  {
    role: 'system',
    content: 'You are a helpful, pattern-following assistant that translates corporate jargon into plain English.',
  },
  { role: 'system', name: 'example_user', content: 'New synergies will help drive top-line growth.' },
  { role: 'system', name: 'example_assistant', content: 'Things working well together will increase revenue.' },
  {
    role: 'system',
    name: 'example_user',
    content: "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
  },
  {
    role: 'system',
    name: 'example_assistant',
    content: "Let's talk later when we're less busy about how to do better.",
  },
  {
    role: 'user',
    content: "This late pivot means we don't have time to boil the ocean for the client deliverable.",
  },
]

const weather = {
  name: 'get_current_weather',
  description: 'Get the current weather in a given location',
  parameters: {
    type: 'object',
    properties: {
      location: { type: 'string', description: 'The city and state, e.g. San Francisco, CA' },
      unit: { type: 'string', description: 'The unit of temperature to return', enum: ['celsius', 'fahrenheit'] },
    },
    required: ['location'],
  },
}

const weatherChat = [
  { role: 'system', content: 'You are a helpful assistant that can answer to questions about the weather.' },
  { role: 'user', content: "What's the weather like in Pittsburgh?" },
]

/** What OpenAI's own formula gives, told by another implementation of it. */
function libraryCount(request: object): number {
  return computeChatCompletionTokenCount(request as never, (text) => countText(text))
}

describe('a chat', () => {
  it("counts as OpenAI's cookbook says that gpt-4o does", async () => {
    expect(await countTokens({ messages: cookbook })).toBe(124)
    expect(libraryCount({ messages: cookbook })).toBe(124)
  })

  it('counts its tools within a few tokens of what OpenAI charges for them', async () => {
    const tokens = await countTokens({ messages: weatherChat, tools: [{ type: 'function', function: weather }] })
    expect(tokens).toBe(libraryCount({ messages: weatherChat, functions: [weather] }))
    // The cookbook has 101 for gpt-4o.
    expect(Math.abs(tokens - 101)).toBeLessThanOrEqual(3)
    expect(await countTokens({ messages: weatherChat, functions: [weather] })).toBe(tokens)
    const ofAnthropic = { ...weather, input_schema: weather.parameters, parameters: undefined }
    expect(await countTokens({ messages: weatherChat, tools: [ofAnthropic] })).toBe(tokens)
  })

  it('counts what it calls, what it hears of tools, and what it has thought', async () => {
    const call = {
      id: 'call_1',
      type: 'function',
      function: { name: 'get_current_weather', arguments: '{"city":"Oslo"}' },
    }
    const plain = await countTokens({ messages: [{ role: 'assistant' }] })
    const called = await countTokens({ messages: [{ role: 'assistant', content: null, tool_calls: [call] }] })
    expect(called - plain).toBe(countText('get_current_weather') + countText('{"city":"Oslo"}') + 3)
    const thought = await countTokens({ messages: [{ role: 'assistant', reasoning_content: 'It is cold.' }] })
    expect(thought - plain).toBe(countText('It is cold.'))
  })

  it('takes words that mean something to models for what they are', async () => {
    expect(await countTokens({ prompt: '<|endoftext|><|im_start|>' })).toBeGreaterThan(8)
  })
})

describe('other requests', () => {
  it('count texts, lists of texts, and tokens', async () => {
    expect(await countTokens({ prompt: 'Hello world' })).toBe(2)
    expect(await countTokens({ input: ['Hello world', 'Hello'] })).toBe(3)
    expect(await countTokens({ input: [1, 2, 3] })).toBe(3)
    expect(await countTokens({ prompt: [[1, 2], [3]] })).toBe(3)
    expect(await countTokens({})).toBe(0)
  })

  it("count Anthropic's messages: the system, what is used and what comes of it", async () => {
    const parts = [
      { type: 'text', text: 'Hello' },
      { type: 'tool_use', id: 't', name: 'weather', input: { city: 'Oslo' } },
      { type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'Hello world' }] },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'A'.repeat(9_999) } },
    ]
    const tokens = await countTokens({ system: 'Be kind.', messages: [{ role: 'user', content: parts }] })
    const words = countText('Be kind.') + 1 + 1 + countText('weather') + countText('{"city":"Oslo"}') + 2
    expect(tokens).toBe(words + 3 + 3 + 3 + 765)
  })

  it("count Google's contents", async () => {
    const parts = [{ text: 'Hello world' }, { inline_data: { mime_type: 'image/png', data: 'A'.repeat(9_999) } }]
    expect(await countTokens({ contents: [{ role: 'user', parts }] })).toBe(3 + 1 + 2 + 765 + 3)
  })
})

describe('images', () => {
  const url = `data:image/png;base64,${'A'.repeat(1_000_000)}`
  const tokensOf = async (part: object) => (await countTokens({ messages: [{ role: 'user', content: [part] }] })) - 7

  it('count by their detail, and never by the letters of their data', async () => {
    expect(await tokensOf({ type: 'image_url', image_url: { url, detail: 'low' } })).toBe(85)
    expect(await tokensOf({ type: 'image_url', image_url: { url, detail: 'high' } })).toBe(765)
    expect(await tokensOf({ type: 'image_url', image_url: { url } })).toBe(765)
    expect(await tokensOf({ type: 'input_image', image_url: url, detail: 'low' })).toBe(85)
  })

  it('of sound and files nothing is counted', async () => {
    expect(await tokensOf({ type: 'input_audio', input_audio: { data: url, format: 'wav' } })).toBe(0)
    expect(await tokensOf({ type: 'file', file: { file_data: url } })).toBe(0)
  })
})

it('whatever a client sends, the count is a whole number that is not negative', async () => {
  const words = fc.constantFrom(
    'messages',
    'role',
    'content',
    'type',
    'text',
    'tools',
    'function',
    'name',
    'parameters',
  )
  const more = fc.constantFrom('properties', 'enum', 'items', 'tool_calls', 'image_url', 'prompt', 'input', '__proto__')
  const anything = fc.object({ key: fc.oneof(words, more), maxDepth: 6, maxKeys: 4 })
  await fc.assert(
    fc.asyncProperty(anything, async (request) => {
      const tokens = await countTokens(request)
      expect(Number.isInteger(tokens) && tokens >= 0, String(tokens)).toBe(true)
    }),
  )
})
