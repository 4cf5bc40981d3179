import { collect } from '@tianjillm/testing'
import { describe, expect, it } from 'vitest'
import { readMessagesStream } from '../src/index.ts'

const reading = { provider: 'claude_co', now: 1_790_000_000_123 }
const head = { id: 'msg_1', object: 'chat.completion.chunk', created: 1_790_000_000, model: 'claude' }
const chunk = (delta: object, finish_reason: string | null = null) => ({
  ...head,
  choices: [{ index: 0, delta, finish_reason }],
})
const began = {
  type: 'message_start',
  message: { id: 'msg_1', model: 'claude', usage: { input_tokens: 7, output_tokens: 1, cache_read_input_tokens: 2 } },
}
const ended = [
  { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 5 } },
  { type: 'message_stop' },
]
const role = chunk({ role: 'assistant', content: '' })
const last = [
  chunk({}, 'stop'),
  {
    ...head,
    choices: [],
    usage: {
      prompt_tokens: 9,
      completion_tokens: 5,
      total_tokens: 14,
      prompt_tokens_details: { cached_tokens: 2 },
      cache_read_input_tokens: 2,
    },
  },
]

async function* stream(events: readonly unknown[]) {
  yield* events
}
const read = (...events: readonly unknown[]) => collect(readMessagesStream(stream(events), reading))
const block = (index: number, content_block: object, ...deltas: readonly object[]) => [
  { type: 'content_block_start', index, content_block },
  ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
  { type: 'content_block_stop', index },
]
const between = async (...events: readonly unknown[]) => {
  const chunks = await read(began, ...events, ...ended)
  expect(chunks[0]).toEqual(role)
  expect(chunks.slice(-2)).toEqual(last)
  return chunks.slice(1, -2)
}

describe('readMessagesStream', () => {
  it('reads text, passing over pings and what it does not know', async () => {
    expect(
      await between(
        { type: 'ping' },
        ...block(
          0,
          { type: 'text', text: '' },
          { type: 'text_delta', text: 'ja' },
          { type: 'text_delta', text: '' },
          { type: 'new_delta' },
        ),
        { type: 'new_event' },
        null,
        ...block(1, { type: 'text', text: 'so' }, { type: 'text_delta', text: '👍' }),
      ),
    ).toEqual([chunk({ content: 'ja' }), chunk({ content: 'so' }), chunk({ content: '👍' })])
  })

  it('tells thinking as it comes, and whole with its signature', async () => {
    expect(
      await between(
        ...block(
          0,
          { type: 'thinking', thinking: '', signature: '' },
          { type: 'thinking_delta', thinking: 'h' },
          { type: 'thinking_delta', thinking: 'm' },
          { type: 'signature_delta', signature: 'sig' },
        ),
        ...block(1, { type: 'redacted_thinking', data: 'xyz' }),
      ),
    ).toEqual([
      chunk({ reasoning_content: 'h' }),
      chunk({ reasoning_content: 'm' }),
      chunk({ thinking_blocks: [{ type: 'thinking', thinking: 'hm', signature: 'sig' }] }),
      chunk({ thinking_blocks: [{ type: 'redacted_thinking', data: 'xyz' }] }),
    ])
  })

  it('counts tool calls apart from other blocks', async () => {
    const start = (index: number, id: string) => ({
      tool_calls: [{ index, id, type: 'function', function: { name: 'look', arguments: '' } }],
    })
    const fragment = (index: number, text: string) => ({ tool_calls: [{ index, function: { arguments: text } }] })
    const json = (text: string) => ({ type: 'input_json_delta', partial_json: text })
    expect(
      await between(
        ...block(0, { type: 'text', text: '' }),
        ...block(1, { type: 'tool_use', id: 't1', name: 'look', input: {} }, json(''), json('{"q'), json('":1}')),
        ...block(2, { type: 'tool_use', id: 't2', name: 'look', input: {} }),
        ...block(3, { type: 'tool_use', id: 't3', name: 'look', input: { q: 2 } }, json('')),
      ),
    ).toEqual([
      chunk(start(0, 't1')),
      chunk(fragment(0, '{"q')),
      chunk(fragment(0, '":1}')),
      chunk(start(1, 't2')),
      chunk(fragment(1, '{}')),
      chunk(start(2, 't3')),
      chunk(fragment(2, '{"q":2}')),
    ])
  })

  it('keeps citations and the work of server tools', async () => {
    const citation = { type: 'char_location', cited_text: 'c' }
    const use = { type: 'server_tool_use', id: 's1', name: 'web_search', input: {} }
    const result = { type: 'web_search_tool_result', tool_use_id: 's1', content: [] }
    expect(
      await between(
        ...block(0, use, { type: 'input_json_delta', partial_json: '{"query":"q"}' }),
        ...block(1, result),
        ...block(2, { type: 'text', text: '' }, { type: 'citations_delta', citation }),
      ),
    ).toEqual([
      chunk({ provider_specific_fields: { server_blocks: [{ ...use, input: { query: 'q' } }] } }),
      chunk({ provider_specific_fields: { server_blocks: [result] } }),
      chunk({ provider_specific_fields: { citations: [citation] } }),
    ])
  })

  it('takes the last word of several message_delta, and never null for a count', async () => {
    const chunks = await read(
      began,
      { type: 'message_delta', delta: { stop_reason: null, container: { id: 'c1' } }, usage: { output_tokens: 3 } },
      {
        type: 'message_delta',
        delta: { stop_reason: 'refusal', stop_details: { type: 'refusal' } },
        usage: { input_tokens: null, cache_read_input_tokens: 4, output_tokens: 6 },
      },
      { type: 'message_stop' },
    )
    expect(chunks.slice(1)).toEqual([
      chunk(
        { provider_specific_fields: { stop_details: { type: 'refusal' }, container: { id: 'c1' } } },
        'content_filter',
      ),
      { ...head, choices: [], usage: expect.objectContaining({ prompt_tokens: 11, completion_tokens: 6 }) },
    ])
  })

  it('ends without counts when there were none', async () => {
    const chunks = await read({ type: 'message_start', message: {} }, { type: 'message_stop' })
    expect(chunks.map(({ choices }) => choices[0]?.finish_reason)).toEqual([null, 'stop'])
  })

  it.each([
    ['ends without message_stop', [began, ...ended.slice(0, 1)]],
    ['is empty', []],
    ['does not begin with message_start', [...block(0, { type: 'text', text: 'a' }), ...ended]],
    ['begins a block that is none', [began, { type: 'content_block_start', index: 0 }, ...ended]],
    ['continues a block not begun', [began, { type: 'content_block_delta', index: 3, delta: {} }, ...ended]],
  ])('refuses a stream that %s', async (_title, events) => {
    await expect(read(...events)).rejects.toMatchObject({
      kind: 'upstream_invalid_response',
      message: expect.stringMatching(/^claude_co: the stream /),
    })
  })

  it('passes over a ping before message_start', async () => {
    expect(await read({ type: 'ping' }, began, ...ended)).toEqual([role, ...last])
  })

  it('throws what an error event says', async () => {
    const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }
    await expect(read(began, error)).rejects.toMatchObject({ kind: 'overloaded', message: 'claude_co: Overloaded' })
  })
})
