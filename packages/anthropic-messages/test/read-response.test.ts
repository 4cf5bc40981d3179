import { describe, expect, it } from 'vitest'
import { readMessagesResponse } from '../src/index.ts'

const reading = { provider: 'claude_co', now: 1_790_000_000_123 }
const usage = { input_tokens: 7, output_tokens: 3 }
const answer = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude', stop_reason: 'end_turn', usage }
const read = (changes: object) => readMessagesResponse({ ...answer, content: [], ...changes }, reading)
const messageOf = (...content: readonly object[]) => read({ content }).choices[0]!.message

describe('readMessagesResponse', () => {
  it('reads a text answer', () => {
    expect(
      read({
        content: [
          { type: 'text', text: 'Hel' },
          { type: 'text', text: 'lo', citations: null },
        ],
      }),
    ).toEqual({
      id: 'msg_1',
      object: 'chat.completion',
      created: 1_790_000_000,
      model: 'claude',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop', logprobs: null }],
      usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
    })
  })

  it('reads tool calls, with no content beside them', () => {
    expect(
      messageOf(
        { type: 'tool_use', id: 't1', name: 'look', input: { q: 'ü' } },
        { type: 'tool_use', id: 't2', name: 'look' },
      ),
    ).toEqual({
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: 't1', type: 'function', function: { name: 'look', arguments: '{"q":"ü"}' } },
        { id: 't2', type: 'function', function: { name: 'look', arguments: '{}' } },
      ],
    })
  })

  it('tells thinking as text and keeps its blocks', () => {
    const blocks = [
      { type: 'thinking', thinking: 'h', signature: 's1' },
      { type: 'redacted_thinking', data: 'xyz' },
      { type: 'thinking', thinking: 'm', signature: 's2' },
    ]
    expect(messageOf(...blocks, { type: 'text', text: 'yes' })).toEqual({
      role: 'assistant',
      content: 'yes',
      reasoning_content: 'hm',
      thinking_blocks: blocks,
    })
  })

  it('keeps citations and the work of server tools', () => {
    const use = { type: 'server_tool_use', id: 's1', name: 'web_search', input: { query: 'q' } }
    const result = { type: 'web_search_tool_result', tool_use_id: 's1', content: [] }
    const citation = { type: 'web_search_result_location', url: 'https://example.test', cited_text: 'c' }
    expect(messageOf(use, result, { type: 'text', text: 'yes', citations: [citation] })).toEqual({
      role: 'assistant',
      content: 'yes',
      provider_specific_fields: { citations: [citation], server_blocks: [use, result] },
    })
  })

  it.each([
    ['end_turn', 'stop', undefined],
    ['stop_sequence', 'stop', { stop_reason: 'stop_sequence', stop_sequence: 'END' }],
    ['pause_turn', 'stop', { stop_reason: 'pause_turn' }],
    ['max_tokens', 'length', undefined],
    ['model_context_window_exceeded', 'length', { stop_reason: 'model_context_window_exceeded' }],
    ['tool_use', 'tool_calls', undefined],
    ['refusal', 'content_filter', { stop_details: { type: 'refusal', category: 'cyber' } }],
    ['something_new', 'stop', { stop_reason: 'something_new' }],
    [null, 'stop', undefined],
  ])('tells the stop reason %s as %s', (stop_reason, finish_reason, fields) => {
    const [choice] = read({ stop_sequence: null, stop_details: null, ...fields, stop_reason }).choices
    expect(choice!.finish_reason).toBe(finish_reason)
    expect(choice!.message.provider_specific_fields).toEqual(fields)
  })

  it('counts what the cache took and gave', () => {
    const cache_creation = { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 10 }
    const counts = {
      ...usage,
      cache_creation_input_tokens: 20,
      cache_read_input_tokens: 100,
      cache_creation,
      output_tokens_details: { thinking_tokens: 2 },
      server_tool_use: { web_search_requests: 1 },
      service_tier: 'standard',
    }
    expect(read({ usage: counts }).usage).toEqual({
      prompt_tokens: 127,
      completion_tokens: 3,
      total_tokens: 130,
      prompt_tokens_details: { cached_tokens: 100 },
      completion_tokens_details: { reasoning_tokens: 2 },
      cache_creation_input_tokens: 20,
      cache_read_input_tokens: 100,
      cache_creation,
      server_tool_use: { web_search_requests: 1 },
      service_tier: 'standard',
    })
  })

  it('keeps the container', () => {
    const container = { id: 'c1', expires_at: '2026-01-02T10:00:00Z' }
    expect(read({ container }).choices[0]!.message.provider_specific_fields).toEqual({ container })
  })

  it.each([null, [], 'text', {}, { content: 'text' }])('refuses the answer %j', (wrong) => {
    expect(() => readMessagesResponse(wrong, reading)).toThrow(
      expect.objectContaining({ kind: 'upstream_invalid_response', message: 'claude_co: the answer has no content.' }),
    )
  })

  it('outlives an answer with nothing but content', () => {
    expect(readMessagesResponse({ content: [null, 5, { type: 'text' }] }, reading)).toMatchObject({
      id: '',
      choices: [{ message: { content: '' }, finish_reason: 'stop' }],
    })
  })
})
