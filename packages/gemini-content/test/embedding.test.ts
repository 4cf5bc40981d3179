import { describe, expect, it } from 'vitest'
import { embedCall, readEmbeddings } from '../src/embedding.ts'

const model = 'gemini-embedding-001'

describe('embedCall', () => {
  it('asks for one text by itself', () => {
    const input = { model: 'models/gemini-embedding-001', input: ['a'], dimensions: 8, taskType: 'RETRIEVAL_QUERY' }
    expect(embedCall(input)).toEqual({
      method: 'embedContent',
      body: {
        model: 'models/gemini-embedding-001',
        content: { parts: [{ text: 'a' }] },
        outputDimensionality: 8,
        taskType: 'RETRIEVAL_QUERY',
      },
    })
  })

  it('refuses tokens', () => {
    expect(() => embedCall({ model, input: [1, 2] })).toThrow(expect.objectContaining({ kind: 'invalid_request' }))
  })
})

describe('readEmbeddings', () => {
  it('tells usage where Google does', () => {
    const answer = { embedding: { values: [0.5] }, usageMetadata: { promptTokenCount: 3 } }
    expect(readEmbeddings('gemini', answer, { model, input: 'a' })).toEqual({
      object: 'list',
      data: [{ object: 'embedding', index: 0, embedding: [0.5] }],
      model,
      usage: { prompt_tokens: 3, total_tokens: 3 },
    })
  })

  it.each([[null], [{}], [{ embeddings: [] }], [{ embedding: { values: ['x'] } }], [{ embedding: 5 }]])(
    'throws upstream_invalid_response for %j',
    (answer) => {
      expect(() => readEmbeddings('gemini', answer, { model, input: 'a' })).toThrow(
        expect.objectContaining({ kind: 'upstream_invalid_response' }),
      )
    },
  )
})
