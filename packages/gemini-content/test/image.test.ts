import type { JsonObject } from '@tianjillm/core'
import { describe, expect, it } from 'vitest'
import { imageContentBody, imagenBody, imageSplit, readImageContent, readImagen } from '../src/image.ts'
import { callOf } from './call.ts'

const imagen = { model: 'imagen-4.0-generate-001', prompt: 'a kite' }
const gemini = { model: 'gemini-2.5-flash-image', prompt: 'a kite' }
const draws = (...data: readonly string[]) => ({
  content: { parts: data.map((item) => ({ inlineData: { mimeType: 'image/png', data: item } })) },
  finishReason: 'STOP',
})
const ratioOf = (size: string) => (imagenBody({ ...imagen, size }).parameters as JsonObject).aspectRatio

describe('imagenBody', () => {
  it("puts Google's own fields into the parameters", () => {
    expect(imagenBody({ ...imagen, n: 2, size: 'auto', personGeneration: 'dont_allow' })).toEqual({
      instances: [{ prompt: 'a kite' }],
      parameters: { sampleCount: 2, personGeneration: 'dont_allow' },
    })
  })

  it.each([
    ['1024x1024', '1:1'],
    ['1792x1024', '16:9'],
    ['1024x1792', '9:16'],
    ['1536x1024', '4:3'],
    ['3:4', '3:4'],
  ])('asks for %s as %s', (size, ratio) => {
    expect(ratioOf(size)).toBe(ratio)
  })

  it('refuses a size that is none', () => {
    expect(() => ratioOf('huge')).toThrow(expect.objectContaining({ kind: 'invalid_request' }))
  })
})

describe('imageContentBody', () => {
  it('asks for a picture with the ratios Gemini has', () => {
    expect(imageContentBody({ ...gemini, size: '1536x1024', safetySettings: [] })).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'a kite' }] }],
      generationConfig: { responseModalities: ['TEXT', 'IMAGE'], imageConfig: { aspectRatio: '3:2' } },
      safetySettings: [],
    })
  })
})

describe('imageSplit', () => {
  it('asks a Gemini model once a picture, Imagen once', () => {
    expect(imageSplit.each({ ...gemini, n: 2 })).toEqual([gemini, gemini])
    expect(imageSplit.each({ ...imagen, n: 2 })).toEqual([{ ...imagen, n: 2 }])
  })

  it('refuses a flood', () => {
    expect(() => imageSplit.each({ ...gemini, n: 1e9 })).toThrow(expect.objectContaining({ kind: 'invalid_request' }))
  })

  it('adds up usage', () => {
    const one = (b64_json: string) => ({
      created: 1,
      data: [{ b64_json }],
      usage: { input_tokens: 2, total_tokens: 5 },
    })
    expect(imageSplit.join([one('a'), one('b')])).toEqual({
      created: 1,
      data: [{ b64_json: 'a' }, { b64_json: 'b' }],
      usage: { input_tokens: 4, total_tokens: 10 },
    })
  })
})

describe('readImagen', () => {
  it('gives a data URL where a URL was asked for', () => {
    const answer = { predictions: [{ bytesBase64Encoded: 'iVBO', mimeType: 'image/png' }] }
    expect(readImagen('gemini', answer, callOf(), { ...imagen, response_format: 'url' }).data).toEqual([
      { url: 'data:image/png;base64,iVBO' },
    ])
  })

  it.each([
    [{ predictions: [{ raiFilteredReason: 'violence' }] }, 'content_policy_violation', /violence/],
    [{}, 'upstream_invalid_response', /no picture/],
    [null, 'upstream_invalid_response', /no picture/],
  ])('throws for %j', (answer, kind, message) => {
    expect(() => readImagen('gemini', answer, callOf(), imagen)).toThrow(
      expect.objectContaining({ kind, message: expect.stringMatching(message) }),
    )
  })
})

describe('readImageContent', () => {
  it('finds the pictures and the usage', () => {
    const usageMetadata = { promptTokenCount: 3, candidatesTokenCount: 1290 }
    expect(readImageContent('gemini', { candidates: [draws('a', 'b')], usageMetadata }, callOf(), gemini)).toEqual({
      created: 1767348000,
      data: [{ b64_json: 'a' }, { b64_json: 'b' }],
      usage: { input_tokens: 3, output_tokens: 1290, total_tokens: 1293 },
    })
  })

  it.each([
    [{ candidates: [{ finishReason: 'IMAGE_SAFETY' }] }, 'content_policy_violation'],
    [{ promptFeedback: { blockReason: 'PROHIBITED_CONTENT' } }, 'content_policy_violation'],
    [{ candidates: [{ finishReason: 'NO_IMAGE' }] }, 'upstream_invalid_response'],
  ])('throws for %j', (answer, kind) => {
    expect(() => readImageContent('gemini', answer, callOf(), gemini)).toThrow(expect.objectContaining({ kind }))
  })
})
