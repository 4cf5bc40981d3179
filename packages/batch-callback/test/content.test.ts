import { describe, expect, it } from 'vitest'
import { answerOf, callType, modelParameters, promptOf } from '../src/index.ts'

describe('promptOf', () => {
  it.each([
    ['messages', { messages: ['m'] }, ['m']],
    ['text to speak or embed', { input: 'text' }, 'text'],
    ['a prompt', { prompt: 'draw' }, 'draw'],
    ['a query', { query: 'find' }, 'find'],
    ["Anthropic's system prompt", { system: 's', messages: ['m'] }, [{ role: 'system', content: 's' }, 'm']],
    [
      "Responses' instructions",
      { instructions: 's', input: 'i' },
      [
        { role: 'system', content: 's' },
        { role: 'user', content: 'i' },
      ],
    ],
    ['nothing', {}, undefined],
    ['no input', undefined, undefined],
  ])('finds %s', (_, input, prompt) => {
    expect(promptOf({ input })).toEqual(prompt)
  })
})

describe('answerOf', () => {
  it.each([
    ['the one message', { choices: [{ message: { content: 'a' } }] }, { content: 'a' }],
    ['the one text', { choices: [{ text: 'a' }] }, 'a'],
    ['several texts', { choices: [{ text: 'a' }, { text: 'b' }] }, ['a', 'b']],
    ['another answer whole', { results: [] }, { results: [] }],
    ['nothing', undefined, undefined],
  ])('finds %s', (_, output, answer) => {
    expect(answerOf({ operation: 'chat', output })).toEqual(answer)
  })

  it('leaves vectors out', () => {
    expect(answerOf({ operation: 'embedding', output: { data: [] } })).toBeUndefined()
  })
})

describe('modelParameters', () => {
  it('takes what is known to be a parameter, and no secret', () => {
    const input = { model: 'm', messages: [], temperature: 0, top_p: null, user: 'u', api_key: 'sk', metadata: {} }
    expect(modelParameters({ operation: 'chat', input })).toEqual({ temperature: 0 })
  })

  it('knows those of Messages and Responses', () => {
    const input = { messages: [], max_tokens: 5, top_k: 3, api_key: 'sk' }
    expect(modelParameters({ operation: 'messages', input })).toEqual({ max_tokens: 5, top_k: 3 })
  })

  it('finds none where there is no input', () => {
    expect(modelParameters({ operation: 'chat', input: undefined })).toEqual({})
  })
})

describe('callType', () => {
  it('speaks as LiteLLM does', () => {
    expect([callType('chat'), callType('image'), callType('responses')]).toEqual([
      'acompletion',
      'aimage_generation',
      'aresponses',
    ])
  })
})
