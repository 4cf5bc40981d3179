import { type AskModel, GatewayError } from '@tianjillm/core'
import { describe, expect, test } from 'vitest'
import { createEmbedder } from '../src/index.ts'
import { clock, embeddings, stubLog } from './house.ts'

function embedderWith(deadline?: number) {
  const { now, pass } = clock()
  const log = stubLog()
  return { embed: createEmbedder({ model: 'embedder', log, now, deadline }), pass, log }
}

describe('an embedder', () => {
  test('gives the direction of a text', async () => {
    const { ask } = embeddings({ Hi: [3, 4] })
    const { embed } = embedderWith()
    expect(await embed('Hi', ask)).toEqual(Float32Array.of(0.6, 0.8))
  })

  test.each([
    ['nothing', {}],
    ['no vector', { data: [{ embedding: [] }] }],
    ['no direction', { data: [{ embedding: [0, 0] }] }],
    ['text', { data: [{ embedding: 'AAAA' }] }],
    ['what is no number', { data: [{ embedding: [1, null] }] }],
  ])('gives nothing when it is answered %s', async (_, answer) => {
    const { embed, log } = embedderWith()
    expect(await embed('Hi', async () => answer)).toBeUndefined()
    expect(log.warnings).toEqual([expect.stringContaining('embedder')])
  })

  test('gives up a model that takes too long, and tells it so', async () => {
    let signal: AbortSignal | undefined
    const never: AskModel = (_operation, _input, given) => {
      signal = given
      return new Promise(() => {})
    }
    const { embed, log } = embedderWith(5)
    expect(await embed('Hi', never)).toBeUndefined()
    expect(signal!.aborted).toBe(true)
    expect(log.warnings).toEqual([expect.stringContaining('no answer within 0.005 s')])
  })

  test('leaves a model alone for a while when it has failed three times in a row', async () => {
    const { embed, pass } = embedderWith()
    const model = embeddings({})
    for (let index = 0; index < 8; index++) await embed('Hi', model.ask)
    expect(model.asked).toHaveLength(3)
    pass(30_000)
    await embed('Hi', model.ask)
    expect(model.asked).toHaveLength(4)
  })

  test('counts failures in a row alone', async () => {
    const { embed } = embedderWith()
    const model = embeddings({ Hi: [1] })
    for (const text of ['a', 'b', 'Hi', 'c', 'd', 'Hi']) await embed(text, model.ask)
    expect(model.asked).toHaveLength(6)
  })

  test('thinks no worse of a model whose clients have gone', async () => {
    const { embed, log } = embedderWith()
    let asked = 0
    const gone: AskModel = async () => {
      asked++
      throw new GatewayError('client_closed', 'The client closed the connection.')
    }
    for (let index = 0; index < 8; index++) await embed('Hi', gone)
    expect([asked, log.warnings]).toEqual([8, []])
  })
})
