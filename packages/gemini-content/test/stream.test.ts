import type { ChatCompletionChunk, JsonObject } from '@tianjillm/core'
import { collect } from '@tianjillm/testing'
import { describe, expect, it } from 'vitest'
import { readChunks } from '../src/stream.ts'
import { callOf, eventsOf } from './call.ts'

const read = (...answers: readonly unknown[]) => collect(readChunks('gemini', eventsOf(...answers), callOf()))
const piece = (candidate: JsonObject, rest: JsonObject = {}) => ({ candidates: [candidate], responseId: 'r1', ...rest })
const says = (...parts: readonly JsonObject[]) => ({ content: { role: 'model', parts } })
const choicesOf = (chunks: readonly ChatCompletionChunk[]) => chunks.flatMap(({ choices }) => choices)

describe('readChunks', () => {
  it('tells thoughts, text, the finish and the last usage', async () => {
    const chunk = { id: 'r1', object: 'chat.completion.chunk', created: 1767348000, model: 'gemini-2.5-flash' }
    expect(
      await read(
        piece(says({ text: 'Hmm.', thought: true }), { usageMetadata: { promptTokenCount: 4 } }),
        piece(says({ text: 'Hel' })),
        piece(
          { ...says({ text: 'lo' }), finishReason: 'STOP' },
          {
            usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 2, thoughtsTokenCount: 3 },
          },
        ),
      ),
    ).toEqual([
      {
        ...chunk,
        choices: [
          { index: 0, delta: { role: 'assistant', content: '', reasoning_content: 'Hmm.' }, finish_reason: null },
        ],
      },
      { ...chunk, choices: [{ index: 0, delta: { content: 'Hel' }, finish_reason: null }] },
      { ...chunk, choices: [{ index: 0, delta: { content: 'lo' }, finish_reason: null }] },
      { ...chunk, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
      {
        ...chunk,
        choices: [],
        usage: {
          prompt_tokens: 4,
          completion_tokens: 5,
          total_tokens: 9,
          completion_tokens_details: { reasoning_tokens: 3 },
        },
      },
    ])
  })

  it('counts function calls over the pieces and finishes with tool_calls', async () => {
    const call = (name: string) => ({ functionCall: { name, args: {} }, thoughtSignature: `${name}-sig` })
    const chunks = await read(piece(says(call('a'))), piece(says(call('b'))), piece({ finishReason: 'STOP' }))
    const calls = choicesOf(chunks).flatMap(({ delta }) => delta.tool_calls ?? [])
    expect(calls.map(({ index, function: named }) => [index, named?.name])).toEqual([
      [0, 'a'],
      [1, 'b'],
    ])
    expect(calls[1]).toMatchObject({ type: 'function', provider_specific_fields: { thought_signature: 'b-sig' } })
    expect(choicesOf(chunks).at(-1)!.finish_reason).toBe('tool_calls')
  })

  it('finishes once although a reason comes with every piece', async () => {
    const chunks = await read(
      piece({ ...says({ text: 'a' }), finishReason: 'STOP' }),
      piece({ ...says({ text: 'b' }), finishReason: 'MAX_TOKENS' }),
    )
    expect(choicesOf(chunks).map(({ finish_reason }) => finish_reason)).toEqual([null, null, 'length'])
  })

  it('keeps candidates apart', async () => {
    const chunks = await read(
      {
        candidates: [
          { index: 0, ...says({ text: 'a' }) },
          { index: 1, ...says({ text: 'b' }) },
        ],
      },
      {
        candidates: [
          { index: 1, finishReason: 'SAFETY' },
          { index: 0, finishReason: 'STOP' },
        ],
      },
    )
    expect(choicesOf(chunks).map(({ index, finish_reason }) => [index, finish_reason])).toEqual([
      [0, null],
      [1, null],
      [0, 'stop'],
      [1, 'content_filter'],
    ])
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
  })

  it('gives pictures, signatures and log probabilities as they come', async () => {
    const inlineData = { mimeType: 'image/png', data: 'iVBO' }
    const chunks = await read(
      piece(says({ inlineData })),
      piece(says({ inlineData })),
      piece({ ...says({ text: '', thoughtSignature: 'sig' }), logprobsResult: { chosenCandidates: [] } }),
      piece({ finishReason: 'STOP', groundingMetadata: { webSearchQueries: ['x'] } }),
    )
    const choices = choicesOf(chunks)
    expect(
      choices.flatMap(({ delta }) => (delta.images as readonly JsonObject[]) ?? []).map(({ index }) => index),
    ).toEqual([0, 1])
    expect(choices[2]).toEqual({
      index: 0,
      delta: { provider_specific_fields: { thought_signature: 'sig' } },
      finish_reason: null,
      logprobs: { content: [], refusal: null },
    })
    expect(choices[3]!.provider_specific_fields).toEqual({ grounding_metadata: { webSearchQueries: ['x'] } })
  })

  it('tells a blocked prompt as a choice of content_filter', async () => {
    const chunks = await read({ promptFeedback: { blockReason: 'JAILBREAK' }, usageMetadata: { promptTokenCount: 4 } })
    expect(choicesOf(chunks)).toEqual([
      { index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null },
      {
        index: 0,
        delta: {},
        finish_reason: 'content_filter',
        provider_specific_fields: { block_reason: 'JAILBREAK' },
      },
    ])
    expect(chunks.at(-1)!.usage).toMatchObject({ prompt_tokens: 4 })
  })

  it.each([
    ['without a piece', []],
    ['without a finish', [piece(says({ text: 'a' }))]],
    ['with one choice left open', [{ candidates: [{ index: 0, finishReason: 'STOP' }, { index: 1 }] }]],
    ['with something that is no object', ['oops']],
  ])('throws upstream_invalid_response for a stream %s', async (_, answers) => {
    await expect(read(...answers)).rejects.toMatchObject({ kind: 'upstream_invalid_response' })
  })

  it('throws the error that comes in the middle', async () => {
    const error = { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' }
    await expect(read(piece(says({ text: 'a' })), { error })).rejects.toMatchObject({
      kind: 'overloaded',
      message: 'gemini: The model is overloaded.',
    })
    await expect(read([{ error }])).rejects.toMatchObject({ kind: 'overloaded' })
  })
})
