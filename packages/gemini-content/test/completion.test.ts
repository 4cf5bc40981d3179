import type { JsonObject } from '@tianjillm/core'
import { describe, expect, it } from 'vitest'
import { readCompletion } from '../src/completion.ts'
import { callOf } from './call.ts'

const read = (answer: unknown) => readCompletion('gemini', answer, callOf())
const choiceOf = (candidate: JsonObject) => read({ candidates: [candidate] }).choices[0]!
const said = (...parts: readonly JsonObject[]) => choiceOf({ content: { role: 'model', parts }, finishReason: 'STOP' })

describe('readCompletion', () => {
  it('reads text, its finish and its usage', () => {
    expect(
      read({
        candidates: [
          { content: { role: 'model', parts: [{ text: 'Hel' }, { text: 'lo' }] }, finishReason: 'STOP', index: 0 },
        ],
        usageMetadata: {
          promptTokenCount: 10,
          toolUsePromptTokenCount: 5,
          candidatesTokenCount: 3,
          thoughtsTokenCount: 4,
          cachedContentTokenCount: 6,
          totalTokenCount: 22,
        },
        modelVersion: 'gemini-2.5-flash-001',
        responseId: 'r1',
      }),
    ).toEqual({
      id: 'r1',
      object: 'chat.completion',
      created: 1767348000,
      model: 'gemini-2.5-flash-001',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop', logprobs: null }],
      usage: {
        prompt_tokens: 15,
        completion_tokens: 7,
        total_tokens: 22,
        prompt_tokens_details: { cached_tokens: 6 },
        completion_tokens_details: { reasoning_tokens: 4 },
      },
    })
  })

  it('makes up an id and takes the model that was asked', () => {
    expect(read({ candidates: [{}] })).toMatchObject({ id: 'chatcmpl-uuid-1', model: 'gemini-2.5-flash' })
  })

  it('tells thoughts as reasoning_content and keeps the signature of the text', () => {
    expect(said({ text: 'Hmm.', thought: true }, { text: 'Yes.', thoughtSignature: 'sig' }).message).toEqual({
      role: 'assistant',
      content: 'Yes.',
      reasoning_content: 'Hmm.',
      provider_specific_fields: { thought_signature: 'sig' },
    })
  })

  it('reads function calls, with ids where there are none and signatures where there are some', () => {
    expect(
      said(
        { functionCall: { name: 'weather', args: { city: 'Paris' } }, thoughtSignature: 'sig' },
        { functionCall: { name: 'now', id: 'fc-2' } },
      ),
    ).toEqual({
      index: 0,
      message: {
        role: 'assistant',
        content: null,
        tool_calls: [
          {
            id: 'call_uuid-1',
            type: 'function',
            function: { name: 'weather', arguments: '{"city":"Paris"}' },
            provider_specific_fields: { thought_signature: 'sig' },
          },
          { id: 'fc-2', type: 'function', function: { name: 'now', arguments: '{}' } },
        ],
      },
      finish_reason: 'tool_calls',
      logprobs: null,
    })
  })

  it('gives pictures as images that can be sent back', () => {
    const inlineData = { mimeType: 'image/png', data: 'iVBO' }
    expect(said({ text: 'Here.' }, { inlineData, thoughtSignature: 'sig' }, { inlineData }).message).toEqual({
      role: 'assistant',
      content: 'Here.',
      images: [
        {
          index: 0,
          type: 'image_url',
          image_url: { url: 'data:image/png;base64,iVBO' },
          provider_specific_fields: { thought_signature: 'sig' },
        },
        { index: 1, type: 'image_url', image_url: { url: 'data:image/png;base64,iVBO' } },
      ],
    })
  })

  it('shows code that was run, and what came of it', () => {
    const { message } = said(
      { text: 'So:' },
      { executableCode: { language: 'PYTHON', code: 'print(1)' } },
      { codeExecutionResult: { outcome: 'OUTCOME_OK', output: '1' } },
    )
    expect(message.content).toBe('So:\n```python\nprint(1)\n```\n\n```\n1\n```\n')
  })

  it.each([
    ['STOP', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['SAFETY', 'content_filter'],
    ['RECITATION', 'content_filter'],
    ['BLOCKLIST', 'content_filter'],
    ['PROHIBITED_CONTENT', 'content_filter'],
    ['SPII', 'content_filter'],
    ['IMAGE_SAFETY', 'content_filter'],
    ['IMAGE_PROHIBITED_CONTENT', 'content_filter'],
    ['IMAGE_RECITATION', 'content_filter'],
    ['MALFORMED_FUNCTION_CALL', 'stop'],
    ['SOMETHING_NEW', 'stop'],
  ])('tells the finish %s as %s', (finishReason, finish_reason) => {
    expect(choiceOf({ finishReason }).finish_reason).toBe(finish_reason)
  })

  it('notes an unusual finish and the sources', () => {
    expect(
      choiceOf({ finishReason: 'OTHER', finishMessage: 'no idea', groundingMetadata: { webSearchQueries: ['x'] } })
        .provider_specific_fields,
    ).toEqual({ finish_reason: 'OTHER', finish_message: 'no idea', grounding_metadata: { webSearchQueries: ['x'] } })
  })

  it('tells a blocked prompt as a choice of content_filter', () => {
    expect(read({ promptFeedback: { blockReason: 'SAFETY', blockReasonMessage: 'no' } }).choices).toEqual([
      {
        index: 0,
        message: { role: 'assistant', content: '' },
        finish_reason: 'content_filter',
        logprobs: null,
        provider_specific_fields: { block_reason: 'SAFETY', block_reason_message: 'no' },
      },
    ])
  })

  it('gives every candidate a choice', () => {
    const candidates = ['a', 'b'].map((text, index) => ({
      content: { parts: [{ text }] },
      finishReason: 'STOP',
      index,
    }))
    expect(read({ candidates }).choices.map(({ index, message }) => [index, message.content])).toEqual([
      [0, 'a'],
      [1, 'b'],
    ])
  })

  it('reads log probabilities', () => {
    const yes = { token: 'yes', tokenId: 5, logProbability: -0.1 }
    const no = { token: 'no', tokenId: 6, logProbability: -2 }
    const logprobsResult = { chosenCandidates: [yes], topCandidates: [{ candidates: [yes, no] }] }
    expect(choiceOf({ finishReason: 'STOP', logprobsResult }).logprobs).toEqual({
      content: [
        {
          token: 'yes',
          logprob: -0.1,
          bytes: null,
          top_logprobs: [
            { token: 'yes', logprob: -0.1, bytes: null },
            { token: 'no', logprob: -2, bytes: null },
          ],
        },
      ],
      refusal: null,
    })
  })

  it.each([[null], ['text'], [[]], [{}], [{ candidates: 'none' }], [{ candidates: [] }]])(
    'throws upstream_invalid_response for %j',
    (answer) => {
      expect(() => read(answer)).toThrow(
        expect.objectContaining({ kind: 'upstream_invalid_response', message: expect.stringMatching(/^gemini: /) }),
      )
    },
  )

  it('outlives members of the wrong kind', () => {
    expect(choiceOf({ content: { parts: [null, 'x', { text: 5 }, { functionCall: 7 }] } }).message).toEqual({
      role: 'assistant',
      content: '',
    })
  })
})
