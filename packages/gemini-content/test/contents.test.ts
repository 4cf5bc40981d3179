import type { ChatMessage, ContentPart, JsonObject } from '@tianjillm/core'
import { describe, expect, it } from 'vitest'
import { conversationOf } from '../src/contents.ts'

const contentsOf = (messages: readonly ChatMessage[], model = 'gemini-2.5-flash') =>
  conversationOf(messages, model).contents
const partsOf = (...content: readonly JsonObject[]) =>
  contentsOf([{ role: 'user', content: content as unknown as readonly ContentPart[] }])[0]!.parts
const weather = (id: string, rest: JsonObject = {}) => ({
  id,
  type: 'function' as const,
  function: { name: 'weather', arguments: '{"city":"Paris"}' },
  ...rest,
})
const functionCall = { name: 'weather', args: { city: 'Paris' } }

describe('conversationOf', () => {
  it('sets system and developer messages apart', () => {
    expect(
      conversationOf(
        [
          { role: 'system', content: 'Be brief.' },
          { role: 'developer', content: [{ type: 'text', text: 'Be kind.' }] },
          { role: 'user', content: 'hi' },
        ],
        'gemini-2.5-flash',
      ),
    ).toEqual({
      systemInstruction: { parts: [{ text: 'Be brief.' }, { text: 'Be kind.' }] },
      contents: [{ role: 'user', parts: [{ text: 'hi' }] }],
    })
  })

  it('makes system messages the turn when there is no other', () => {
    expect(conversationOf([{ role: 'system', content: 'Write a haiku.' }], 'gemini-2.5-flash')).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'Write a haiku.' }] }],
    })
  })

  it('merges neighbours of equal role and leaves out what says nothing', () => {
    expect(
      contentsOf([
        { role: 'user', content: 'a' },
        { role: 'user', content: [{ type: 'text', text: 'b' }] },
        { role: 'assistant', content: '' },
        { role: 'user', content: 'c' },
        { role: 'assistant', content: 'd' },
      ]),
    ).toEqual([
      { role: 'user', parts: [{ text: 'a' }, { text: 'b' }, { text: 'c' }] },
      { role: 'model', parts: [{ text: 'd' }] },
    ])
  })

  it('sends data inline', () => {
    expect(
      partsOf(
        { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBO' } },
        { type: 'input_audio', input_audio: { data: 'UklG', format: 'wav' } },
        { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBE' } },
      ),
    ).toEqual([
      { inlineData: { mimeType: 'image/png', data: 'iVBO' } },
      { inlineData: { mimeType: 'audio/wav', data: 'UklG' } },
      { inlineData: { mimeType: 'application/pdf', data: 'JVBE' } },
    ])
  })

  it('sends URIs as references, with the media type where it shows', () => {
    const file = 'https://generativelanguage.googleapis.com/v1beta/files/abc'
    expect(
      partsOf(
        { type: 'image_url', image_url: { url: 'https://example.test/cat.JPG?size=1' } },
        { type: 'image_url', image_url: { url: 'gs://bucket/film', format: 'video/mp4' } },
        { type: 'file', file: { file_id: file } },
      ),
    ).toEqual([
      { fileData: { mimeType: 'image/jpeg', fileUri: 'https://example.test/cat.JPG?size=1' } },
      { fileData: { mimeType: 'video/mp4', fileUri: 'gs://bucket/film' } },
      { fileData: { fileUri: file } },
    ])
  })

  it.each([
    [{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }],
    [{ type: 'file', file: { file_id: 'file-abc' } }],
    [{ type: 'hologram' }],
  ])('refuses %o', (part) => {
    expect(() => partsOf(part)).toThrow(expect.objectContaining({ kind: 'invalid_request' }))
  })

  it('gives tool calls their arguments, and tool messages the name of the call', () => {
    expect(
      contentsOf([
        { role: 'assistant', content: 'Let me see.', tool_calls: [weather('call_1'), weather('toolu_2')] },
        { role: 'tool', tool_call_id: 'call_1', content: 'sunny' },
        { role: 'tool', tool_call_id: 'toolu_2', content: '{"degrees":21}' },
        { role: 'user', content: 'thanks' },
      ]),
    ).toEqual([
      {
        role: 'model',
        parts: [{ text: 'Let me see.' }, { functionCall }, { functionCall: { ...functionCall, id: 'toolu_2' } }],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { name: 'weather', response: { output: 'sunny' } } },
          { functionResponse: { name: 'weather', response: { degrees: 21 }, id: 'toolu_2' } },
          { text: 'thanks' },
        ],
      },
    ])
  })

  it('keeps pictures that a tool gave', () => {
    const content = [
      { type: 'text', text: 'a map' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBO' } },
    ] as const
    expect(contentsOf([{ role: 'function', name: 'map', content }])).toEqual([
      {
        role: 'user',
        parts: [
          { functionResponse: { name: 'map', response: { output: 'a map' } } },
          { inlineData: { mimeType: 'image/png', data: 'iVBO' } },
        ],
      },
    ])
  })

  it('refuses an answer to a call that was never made', () => {
    expect(() => contentsOf([{ role: 'tool', tool_call_id: 'call_9', content: 'x' }])).toThrow(
      expect.objectContaining({ kind: 'invalid_request', message: expect.stringContaining('"call_9"') }),
    )
  })

  it('refuses arguments that are no object', () => {
    const call = weather('call_1', { function: { name: 'weather', arguments: '[1]' } })
    expect(() => contentsOf([{ role: 'assistant', tool_calls: [call] }])).toThrow(
      expect.objectContaining({ kind: 'invalid_request' }),
    )
  })

  it('sends thought signatures back on the parts they came with', () => {
    const sign = (thought_signature: string) => ({ provider_specific_fields: { thought_signature } })
    expect(
      contentsOf(
        [
          {
            role: 'assistant',
            content: 'Here.',
            ...sign('text-sig'),
            images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,iVBO' }, ...sign('image-sig') }],
            tool_calls: [weather('call_1', sign('call-sig')), weather('call_2')],
          },
        ],
        'gemini-3-pro',
      ),
    ).toEqual([
      {
        role: 'model',
        parts: [
          { text: 'Here.', thoughtSignature: 'text-sig' },
          { inlineData: { mimeType: 'image/png', data: 'iVBO' }, thoughtSignature: 'image-sig' },
          { functionCall, thoughtSignature: 'call-sig' },
          { functionCall },
        ],
      },
    ])
  })

  it.each([
    ['gemini-3-flash-preview', 'skip_thought_signature_validator'],
    ['gemini-flash-latest', 'skip_thought_signature_validator'],
    ['gemini-2.5-flash', undefined],
  ])('tells %s of a lost signature with %s', (model, thoughtSignature) => {
    const [turn] = contentsOf([{ role: 'assistant', tool_calls: [weather('call_1'), weather('call_2')] }], model)
    expect(turn!.parts).toEqual([{ functionCall, ...(thoughtSignature && { thoughtSignature }) }, { functionCall }])
  })
})
