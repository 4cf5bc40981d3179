import type { ChatCompletion } from '@tianjillm/core'
import { describe, expect, it } from 'vitest'
import { writeMessagesResponse } from '../src/index.ts'

const written = (message: object, finish_reason = 'stop', rest: object = {}) =>
  writeMessagesResponse({
    id: 'c1',
    object: 'chat.completion',
    created: 1,
    model: 'gpt',
    choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason }],
    ...rest,
  } as ChatCompletion)
const call = (args: string) => ({ id: 't1', type: 'function', function: { name: 'look', arguments: args } })

describe('writeMessagesResponse', () => {
  it('writes a text answer, with zeros for counts nobody told', () => {
    expect(written({ content: 'hi' })).toEqual({
      id: 'c1',
      type: 'message',
      role: 'assistant',
      model: 'gpt',
      content: [{ type: 'text', text: 'hi' }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
    })
  })

  it("writes other vendors' reasoning without a signature", () => {
    expect(written({ content: 'yes', reasoning_content: 'hm' }).content).toEqual([
      { type: 'thinking', thinking: 'hm', signature: '' },
      { type: 'text', text: 'yes' },
    ])
  })

  it('writes tool calls, and says so when the vendor forgot', () => {
    expect(written({ content: null, tool_calls: [call('{"q":1}')] }, 'stop')).toMatchObject({
      content: [{ type: 'tool_use', id: 't1', name: 'look', input: { q: 1 } }],
      stop_reason: 'tool_use',
    })
    expect(written({ tool_calls: [call('')] }, 'tool_calls').content).toEqual([
      { type: 'tool_use', id: 't1', name: 'look', input: {} },
    ])
  })

  it.each([
    ['stop', 'end_turn'],
    ['length', 'max_tokens'],
    ['tool_calls', 'tool_use'],
    ['function_call', 'tool_use'],
    ['content_filter', 'refusal'],
    ['eos', 'end_turn'],
  ])('tells the finish reason %s as %s', (finish, stop) => {
    expect(written({ content: 'x' }, finish).stop_reason).toBe(stop)
  })

  it("writes OpenAI's refusal as text", () => {
    expect(written({ content: null, refusal: 'no' }).content).toEqual([{ type: 'text', text: 'no' }])
  })

  it('counts cached tokens apart', () => {
    const usage = {
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 15,
      prompt_tokens_details: { cached_tokens: 4 },
      completion_tokens_details: { reasoning_tokens: 2 },
    }
    expect(written({ content: 'x' }, 'stop', { usage }).usage).toEqual({
      input_tokens: 6,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 4,
      output_tokens: 5,
      output_tokens_details: { thinking_tokens: 2 },
    })
  })

  it('refuses an answer without choices or with broken arguments', () => {
    const refused = expect.objectContaining({ kind: 'upstream_invalid_response' })
    expect(() => written({}, 'stop', { choices: [] })).toThrow(refused)
    expect(() => written({ tool_calls: [call('{"q"')] })).toThrow(refused)
  })
})
