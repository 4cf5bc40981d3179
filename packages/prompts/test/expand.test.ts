import { describe, expect, it } from 'vitest'
import { expand, resolve, takesPrompts } from '../src/index.ts'

const greeting = { messages: [{ role: 'system' as const, content: 'Be {{tone}}.' }] }
const named = { prompt_id: 'p', prompt_variables: {} }
/** As it is sent: the order of fields counts. */
const sent = (...asked: Parameters<typeof expand>) => JSON.stringify(expand(...asked))

describe('a chat with a prompt', () => {
  it('has the messages of the prompt before its own, and its fields in their order', () => {
    const input = { model: 'm', messages: [{ role: 'user', content: 'Hi' }], prompt_id: 'p', prompt_version: 1, n: 1 }
    expect(sent(greeting, 'chat', input, { tone: 'kind' })).toBe(
      '{"model":"m","messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"}],"n":1}',
    )
  })

  it('needs no messages of its own', () => {
    const input = { model: 'm', prompt_name: 'p', prompt_label: 'l', prompt_variables: {}, stream: true }
    const messages = '[{"role":"system","content":"Be kind."}]'
    expect(sent(greeting, 'chat', input, { tone: 'kind' })).toBe(`{"model":"m","messages":${messages},"stream":true}`)
    expect(sent({ template: 'Hi' }, 'chat', { messages: null, ...named, n: 1 }, {})).toBe(
      '{"messages":[{"role":"user","content":"Hi"}],"n":1}',
    )
  })

  it('takes the model and the parameters of the prompt', () => {
    const bound = { template: 'Hi', model: 'bound', parameters: { temperature: 0, top_p: 1 } }
    const messages = '[{"role":"user","content":"Hi"}]'
    expect(sent(bound, 'chat', { model: 'm', temperature: 1, ...named }, {})).toBe(
      `{"model":"bound","temperature":0,"messages":${messages},"top_p":1}`,
    )
    expect(sent(bound, 'chat', named, {})).toBe(`{"model":"bound","messages":${messages},"temperature":0,"top_p":1}`)
  })

  it('has values in the texts and image URLs of parts, and nowhere else', () => {
    const content = [
      { type: 'text', text: '{{a}}' },
      { type: 'image_url', image_url: { url: 'https://x/{{a}}.png', detail: '{{a}}' } },
      { type: 'other', data: '{{a}}' },
    ]
    const messages = [
      { role: 'user' as const, content },
      { role: 'assistant' as const, content: null, tool_calls: [{ id: '{{a}}' }] },
    ]
    expect(expand({ messages }, 'chat', named, { a: '{{b}}' })).toEqual({
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: '{{b}}' },
            { type: 'image_url', image_url: { url: 'https://x/{{b}}.png', detail: '{{a}}' } },
            { type: 'other', data: '{{a}}' },
          ],
        },
        { role: 'assistant', content: null, tool_calls: [{ id: '{{a}}' }] },
      ],
    })
  })

  it('leaves what the client has written as it is', () => {
    const input = { messages: [{ role: 'user', content: '{{tone}}' }], ...named }
    expect(expand(greeting, 'chat', input, { tone: 'kind' })).toMatchObject({ messages: [{}, { content: '{{tone}}' }] })
  })

  it('refuses messages that are no list', () => {
    expect(() => expand(greeting, 'chat', { messages: 'Hi', ...named }, { tone: 'x' })).toThrow('`messages` must be')
  })

  it('is not polluted by what a client calls its fields', () => {
    const input = JSON.parse('{"__proto__": {"polluted": 1}, "prompt_id": "p"}')
    const expanded = expand({ template: 'Hi' }, 'chat', input, {})
    expect(Object.getPrototypeOf(expanded)).toBe(Object.prototype)
    expect(expanded.polluted).toBeUndefined()
  })
})

describe("Anthropic's messages with a prompt", () => {
  const prompt = { messages: [...greeting.messages, { role: 'user' as const, content: 'Hi' }] }
  const tone = { tone: 'kind' }

  it('have system messages in a field of their own', () => {
    expect(expand(prompt, 'messages', { model: 'm', max_tokens: 9, ...named }, tone)).toEqual({
      ...{ model: 'm', max_tokens: 9, system: 'Be kind.', messages: [{ role: 'user', content: 'Hi' }] },
    })
    expect(expand(prompt, 'messages', { system: 'Own.', ...named }, tone).system).toBe('Be kind.\n\nOwn.')
    expect(expand(prompt, 'messages', { system: [{ type: 'text', text: 'Own.' }], ...named }, tone).system).toEqual([
      { type: 'text', text: 'Be kind.' },
      { type: 'text', text: 'Own.' },
    ])
  })

  it('leave the field alone when there are none', () => {
    expect(expand({ template: 'Hi' }, 'messages', { system: 'Own.', ...named }, {})).toEqual({
      ...{ system: 'Own.', messages: [{ role: 'user', content: 'Hi' }] },
    })
  })
})

describe('a text completion with a prompt', () => {
  it.each([
    [undefined, 'Say: '],
    [null, 'Say: '],
    ['hi', 'Say: hi'],
    [
      ['a', 'b'],
      ['Say: a', 'Say: b'],
    ],
  ])('has it before %j', (prompt, expected) => {
    expect(expand({ template: 'Say: ' }, 'completion', { prompt, ...named }, {})).toEqual({ prompt: expected })
  })

  it('takes no messages, and no tokens', () => {
    expect(() => expand(greeting, 'completion', named, { tone: 'x' })).toThrow('The prompt consists of messages')
    expect(() => expand({ template: 'a' }, 'completion', { prompt: [1, 2], ...named }, {})).toThrow('must be text')
  })
})

it('a response with a prompt has its messages before the input', () => {
  const own = [{ role: 'user', content: 'Hi' }]
  const system = { role: 'system', content: 'Be kind.' }
  expect(expand(greeting, 'responses', { input: 'Hi', ...named }, { tone: 'kind' })).toEqual({
    input: [system, ...own],
  })
  expect(expand(greeting, 'responses', { input: own, ...named }, { tone: 'kind' })).toEqual({ input: [system, ...own] })
})

it('a prompt is for what takes messages or text', () => {
  expect((['chat', 'completion', 'messages', 'responses'] as const).every(takesPrompts)).toBe(true)
  expect((['embedding', 'image', 'search'] as const).some(takesPrompts)).toBe(false)
  expect(() => expand(greeting, 'embedding', {}, {})).toThrow('No prompt can be named for embedding')
})

it('a prompt can be resolved without a request', () => {
  expect(resolve(greeting, { tone: 'kind' })).toEqual([{ role: 'system', content: 'Be kind.' }])
  expect(resolve({ template: 'Be {{tone}}.' }, { tone: 'kind' })).toBe('Be kind.')
})
