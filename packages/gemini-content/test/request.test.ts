import type { ChatRequest, JsonObject } from '@tianjillm/core'
import { describe, expect, it } from 'vitest'
import { chatParameters, generateContentBody } from '../src/request.ts'

const contents = [{ role: 'user', parts: [{ text: 'hi' }] }]
const bodyOf = (fields: JsonObject, model = 'gemini-2.5-flash') =>
  generateContentBody({ model, messages: [{ role: 'user', content: 'hi' }], ...fields } as ChatRequest)
const schema = { type: 'object', properties: { city: { type: 'string' } }, additionalProperties: false }
const tool = (name: string, rest: JsonObject = {}) => ({ type: 'function', function: { name, ...rest } })

describe('generateContentBody', () => {
  it('holds only what was asked for', () => {
    expect(bodyOf({ temperature: null, stop: null, stream: true })).toEqual({ contents })
  })

  it.each<readonly [JsonObject, JsonObject]>([
    [{ max_tokens: 5 }, { maxOutputTokens: 5 }],
    [{ max_completion_tokens: 6, max_tokens: 5 }, { maxOutputTokens: 6 }],
    [
      { temperature: 0, top_p: 0.5, top_k: 40 },
      { temperature: 0, topP: 0.5, topK: 40 },
    ],
    [{ stop: 'END' }, { stopSequences: ['END'] }],
    [{ stop: ['a', 'b'] }, { stopSequences: ['a', 'b'] }],
    [{ n: 2 }, { candidateCount: 2 }],
    [
      { presence_penalty: 0.1, frequency_penalty: 0.2, seed: 7 },
      { presencePenalty: 0.1, frequencyPenalty: 0.2, seed: 7 },
    ],
    [
      { logprobs: true, top_logprobs: 3 },
      { responseLogprobs: true, logprobs: 3 },
    ],
    [{ response_format: { type: 'json_object' } }, { responseMimeType: 'application/json' }],
    [
      { response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } },
      { responseMimeType: 'application/json', responseJsonSchema: schema },
    ],
    [
      { modalities: ['text', 'image'], image_config: { aspectRatio: '16:9' } },
      { responseModalities: ['TEXT', 'IMAGE'], imageConfig: { aspectRatio: '16:9' } },
    ],
    [
      { temperature: 1, generationConfig: { temperature: 0.3, mediaResolution: 'MEDIA_RESOLUTION_LOW' } },
      { temperature: 0.3, mediaResolution: 'MEDIA_RESOLUTION_LOW' },
    ],
  ])('maps %j', (fields, generationConfig) => {
    expect(bodyOf(fields)).toEqual({ contents, generationConfig })
  })

  it('takes text as the format that needs no words', () => {
    expect(bodyOf({ response_format: { type: 'text' } })).toEqual({ contents })
  })

  it.each([
    ['gemini-2.5-flash', 'none', { thinkingBudget: 0 }],
    ['gemini-2.5-flash', 'minimal', { thinkingBudget: 1024, includeThoughts: true }],
    ['gemini-2.5-pro', 'low', { thinkingBudget: 1024, includeThoughts: true }],
    ['models/gemini-2.5-flash', 'medium', { thinkingBudget: 8192, includeThoughts: true }],
    ['gemini-2.5-flash', 'high', { thinkingBudget: 24_576, includeThoughts: true }],
    ['gemini-3-flash-preview', 'none', { thinkingLevel: 'minimal' }],
    ['gemini-3-flash-preview', 'minimal', { thinkingLevel: 'minimal', includeThoughts: true }],
    ['gemini-3-pro-preview', 'minimal', { thinkingLevel: 'low', includeThoughts: true }],
    ['gemini-3.8-flash', 'low', { thinkingLevel: 'low', includeThoughts: true }],
    ['gemini-4-argon', 'medium', { thinkingLevel: 'medium', includeThoughts: true }],
    ['gemini-flash-latest', 'high', { thinkingLevel: 'high', includeThoughts: true }],
  ])('lets %s think with effort %s', (model, reasoning_effort, thinkingConfig) => {
    expect(bodyOf({ reasoning_effort }, model)).toEqual({ contents, generationConfig: { thinkingConfig } })
  })

  it('declares functions with their JSON schema, beside the tools of Google itself', () => {
    expect(
      bodyOf({
        tools: [
          tool('weather', { description: 'Tells it', parameters: schema, strict: true }),
          { codeExecution: {} },
          tool('now'),
        ],
        web_search_options: {},
      }),
    ).toEqual({
      contents,
      tools: [
        {
          functionDeclarations: [
            { name: 'weather', description: 'Tells it', parametersJsonSchema: schema },
            { name: 'now' },
          ],
        },
        { codeExecution: {} },
        { googleSearch: {} },
      ],
    })
  })

  it.each([
    ['auto', { mode: 'AUTO' }],
    ['none', { mode: 'NONE' }],
    ['required', { mode: 'ANY' }],
    [tool('weather'), { mode: 'ANY', allowedFunctionNames: ['weather'] }],
  ])('maps the tool choice %j', (tool_choice, functionCallingConfig) => {
    expect(bodyOf({ tool_choice })).toEqual({ contents, toolConfig: { functionCallingConfig } })
  })

  it("hands on Google's own fields as they are", () => {
    const own = {
      safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }],
      cachedContent: 'cachedContents/abc',
      labels: { team: 'a' },
    }
    expect(bodyOf(own)).toEqual({ contents, ...own })
  })

  it.each([
    [{ tool_choice: 'sometimes' }, 'tool_choice'],
    [{ reasoning_effort: 'enormous' }, 'reasoning_effort'],
    [{ modalities: ['text', 'audio'] }, 'modalities'],
  ])('refuses %j', (fields, param) => {
    expect(() => bodyOf(fields)).toThrow(
      expect.objectContaining({ kind: 'invalid_request', facts: expect.objectContaining({ param }) }),
    )
  })

  it('lists its parameters in order', () => {
    expect(chatParameters).toEqual([...chatParameters].sort())
  })
})
