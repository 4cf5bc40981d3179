import type { ChatCompletionChunk } from '@tianjillm/core'
import { collect } from '@tianjillm/testing'
import { describe, expect, it } from 'vitest'
import { writeMessagesStream } from '../src/index.ts'

const head = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'gpt' }
const chunk = (delta: object, finish_reason: string | null = null) => ({
  ...head,
  choices: [{ index: 0, delta, finish_reason }],
})
const counted = { ...head, choices: [], usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 } }

async function* stream(chunks: readonly object[]) {
  yield* chunks as readonly ChatCompletionChunk[]
}
const write = (...chunks: readonly object[]) => collect(writeMessagesStream(stream(chunks)))
const zeros = { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 }
const began = {
  type: 'message_start',
  message: {
    id: 'c1',
    type: 'message',
    role: 'assistant',
    model: 'gpt',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: zeros,
  },
}
const ended = (stop_reason: string) => [
  {
    type: 'message_delta',
    delta: { stop_reason, stop_sequence: null },
    usage: { ...zeros, input_tokens: 7, output_tokens: 3 },
  },
  { type: 'message_stop' },
]
const start = (index: number, content_block: object) => ({ type: 'content_block_start', index, content_block })
const delta = (index: number, value: object) => ({ type: 'content_block_delta', index, delta: value })
const stop = (index: number) => ({ type: 'content_block_stop', index })
const call = (index: number, args: string, id?: string) => ({
  tool_calls: [
    { index, ...(id && { id, type: 'function' }), function: { ...(id && { name: 'look' }), arguments: args } },
  ],
})

describe('writeMessagesStream', () => {
  it('writes text in one block, the counts at the end', async () => {
    expect(
      await write(
        chunk({ role: 'assistant', content: '' }),
        chunk({ content: 'he' }),
        chunk({ content: 'y' }),
        { ...head, choices: [{ index: 1, delta: { content: 'other' }, finish_reason: null }] },
        chunk({}, 'stop'),
        counted,
      ),
    ).toEqual([
      began,
      start(0, { type: 'text', text: '' }),
      delta(0, { type: 'text_delta', text: 'he' }),
      delta(0, { type: 'text_delta', text: 'y' }),
      stop(0),
      ...ended('end_turn'),
    ])
  })

  it('closes thinking before text', async () => {
    expect(await write(chunk({ reasoning_content: 'hm' }), chunk({ content: 'ja' }, 'length'), counted)).toEqual([
      began,
      start(0, { type: 'thinking', thinking: '', signature: '' }),
      delta(0, { type: 'thinking_delta', thinking: 'hm' }),
      stop(0),
      start(1, { type: 'text', text: '' }),
      delta(1, { type: 'text_delta', text: 'ja' }),
      stop(1),
      ...ended('max_tokens'),
    ])
  })

  it('signs the thinking it has streamed, and writes what it has not', async () => {
    const thinking = { type: 'thinking', thinking: 'hm', signature: 'sig' }
    const redacted = { type: 'redacted_thinking', data: 'xyz' }
    const chunks = [
      chunk({ reasoning_content: 'hm' }),
      chunk({ thinking_blocks: [thinking] }),
      chunk({ thinking_blocks: [redacted] }),
      chunk({ thinking_blocks: [{ ...thinking, signature: 'sig2' }] }),
      chunk({}, 'stop'),
      counted,
    ]
    const empty = { type: 'thinking', thinking: '', signature: '' }
    expect(await write(...chunks)).toEqual([
      began,
      start(0, empty),
      delta(0, { type: 'thinking_delta', thinking: 'hm' }),
      delta(0, { type: 'signature_delta', signature: 'sig' }),
      stop(0),
      start(1, redacted),
      stop(1),
      start(2, empty),
      delta(2, { type: 'thinking_delta', thinking: 'hm' }),
      delta(2, { type: 'signature_delta', signature: 'sig2' }),
      stop(2),
      ...ended('end_turn'),
    ])
  })

  it('writes tool calls whose fragments alternate', async () => {
    expect(
      await write(
        chunk({ content: 'so' }),
        chunk(call(0, '', 't1')),
        chunk(call(1, '{', 't2')),
        chunk(call(0, '{}')),
        chunk(call(1, '}'), 'tool_calls'),
        counted,
      ),
    ).toEqual([
      began,
      start(0, { type: 'text', text: '' }),
      delta(0, { type: 'text_delta', text: 'so' }),
      stop(0),
      start(1, { type: 'tool_use', id: 't1', name: 'look', input: {} }),
      start(2, { type: 'tool_use', id: 't2', name: 'look', input: {} }),
      delta(2, { type: 'input_json_delta', partial_json: '{' }),
      delta(1, { type: 'input_json_delta', partial_json: '{}' }),
      delta(2, { type: 'input_json_delta', partial_json: '}' }),
      stop(1),
      stop(2),
      ...ended('tool_use'),
    ])
  })

  it('writes citations and server blocks', async () => {
    const block = { type: 'server_tool_use', id: 's1', name: 'web_search', input: { query: 'q' } }
    const citation = { type: 'char_location', cited_text: 'c' }
    const fields = (value: object) => ({ provider_specific_fields: value })
    expect(
      await write(
        chunk(fields({ server_blocks: [block] })),
        chunk({ content: 'so' }),
        chunk(fields({ citations: [citation] })),
        chunk({}, 'stop'),
        counted,
      ),
    ).toEqual([
      began,
      start(0, block),
      stop(0),
      start(1, { type: 'text', text: '' }),
      delta(1, { type: 'text_delta', text: 'so' }),
      delta(1, { type: 'citations_delta', citation }),
      stop(1),
      ...ended('end_turn'),
    ])
  })

  it.each([[[]], [[chunk({ content: 'he' })]]])('refuses chunks without a finish reason', async (chunks) => {
    await expect(write(...chunks)).rejects.toMatchObject({ kind: 'upstream_invalid_response' })
  })
})
