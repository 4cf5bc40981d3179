import { describe, expect, it } from 'vitest'
import { assemble, withTexts } from '../src/assemble.ts'

const head = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' }
const chunk = (delta: object, finish_reason: string | null = null, index = 0) => ({
  ...head,
  choices: [{ index, delta, finish_reason }],
})
const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }
const call = (index: number, rest: object) => ({ tool_calls: [{ index, ...rest }] })

describe('chunks of a stream', () => {
  it('add up to the whole answer', () => {
    const chunks = [
      chunk({ role: 'assistant', content: '' }),
      chunk({ reasoning_content: 'hm ' }),
      chunk({ content: 'good ' }),
      chunk({ content: 'morning' }),
      chunk({ content: 'hi' }, 'length', 1),
      chunk(call(0, { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x"' } })),
      chunk(call(1, { id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } })),
      chunk(call(0, { function: { arguments: ':1}' } })),
      chunk({}, 'tool_calls'),
      { ...head, choices: [], usage },
    ]
    expect(assemble(chunks)).toEqual({
      ...head,
      object: 'chat.completion',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: 'good morning',
            reasoning_content: 'hm ',
            tool_calls: [
              { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
              { id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } },
            ],
          },
          finish_reason: 'tool_calls',
        },
        { index: 1, message: { role: 'assistant', content: 'hi' }, finish_reason: 'length' },
      ],
      usage,
    })
  })

  it('take on the texts of a changed whole', () => {
    const chunks = [
      chunk({ role: 'assistant', content: '' }),
      chunk({ content: 'my ssn is ' }),
      chunk({ content: '123' }),
      chunk({}, 'stop'),
    ]
    const changed = withTexts(chunks, { choices: [{ index: 0, message: { content: 'my ssn is [X]' } }] })
    expect(assemble(changed).choices).toEqual([
      { index: 0, message: { role: 'assistant', content: 'my ssn is [X]' }, finish_reason: 'stop' },
    ])
    expect(JSON.stringify(changed)).not.toContain('123')
  })

  it('of text completions too', () => {
    const text = (piece: string, finish_reason: string | null) => ({
      id: 'c',
      object: 'text_completion',
      choices: [{ index: 0, text: piece, finish_reason }],
    })
    const chunks = [text('a', null), text('b', 'stop')]
    expect(assemble(chunks)).toMatchObject({
      object: 'text_completion',
      choices: [{ index: 0, text: 'ab', finish_reason: 'stop' }],
    })
    expect(assemble(withTexts(chunks, { choices: [{ index: 0, text: 'X' }] }))).toMatchObject({
      choices: [{ text: 'X' }],
    })
  })
})
