import { type AskModel, GatewayError, type JsonObject } from '@tianjillm/core'
import { beforeEach, describe, expect, test } from 'vitest'
import { createToolRelevance, type Described, relevantTools } from '../src/mcp/relevant-tools.ts'

/** What texts mean, by the words in them. */
const words = ['kite', 'file', 'mail']
const tools = ['read file', 'fly kite', 'send mail', 'make kite', 'buy kite'].map((text, index) => ({
  ...{ name: `t${index}`, description: text },
}))
let asked: JsonObject[]
let lines: string[]
let time: number

beforeEach(() => {
  asked = []
  lines = []
  time = 0
})

const embedder: AskModel = async (_operation, input) => {
  asked.push(input)
  const texts = input.input as readonly string[]
  const meaning = (text: string) => [...words.map((word) => Number(text.includes(word))), 0.01]
  return { data: texts.map((text, index) => ({ index, embedding: meaning(text) })) }
}

function relevance({ topK = 2, threshold = 0.5 } = {}, ask = embedder) {
  const keep = (message: string) => void lines.push(message)
  const host = { log: { debug: keep, info: keep, warn: keep, error: keep }, now: () => time }
  const made = createToolRelevance({ embeddingModel: 'e', topK, threshold }, host)
  const describe = (tool: Described) => tool
  return async (query: string, some: readonly Described[] = tools, signal?: AbortSignal) => {
    const { tools: found, notes } = await made.find(some, { query, describe, ask, askApart: ask, signal })
    return { names: found.map(({ name }) => name), notes }
  }
}

describe('the tools that a model is offered', () => {
  test('are those that mean most the same as the request, in their own order, and headers say so', async () => {
    expect(await relevance()('a kite or a file')).toEqual({
      names: ['t0', 't1'],
      notes: [
        ['semantic-filter', '5->2'],
        ['semantic-filter-tools', 't0,t1'],
      ],
    })
    expect((await relevance({ topK: 3 })('kite')).names).toEqual(['t1', 't3', 't4'])
  })

  test('are fewer when no more are like enough, and all when none is', async () => {
    const find = relevance({ topK: 4 })
    expect((await find('mail')).names).toEqual(['t2'])
    expect(await find('hello')).toMatchObject({
      names: { length: 5 },
      notes: [['semantic-filter', '5->5'], expect.anything()],
    })
  })

  test('are all, unasked, when there are few of them or nothing is said', async () => {
    expect(await relevance({ topK: 5 })('kite')).toMatchObject({ names: { length: 5 }, notes: [] })
    expect(await relevance()(' ')).toMatchObject({ names: { length: 5 }, notes: [] })
    expect(asked).toEqual([])
  })

  test('are described to the model once, all together; a tool that changes is described again', async () => {
    const find = relevance()
    await Promise.all([find('kite'), find('file')])
    await find('mail')
    const descriptions = () => asked.map(({ input }) => input as string[]).filter((texts) => texts[0]!.includes(': '))
    expect(descriptions()).toEqual([
      ['t0: read file', 't1: fly kite', 't2: send mail', 't3: make kite', 't4: buy kite'],
    ])
    await find('kite', [...tools.slice(1), { name: 't0', description: 'read mail' }])
    expect(descriptions().at(-1)).toEqual(['t0: read mail'])
  })

  test('are all when the model cannot be asked, with one warning, and it is left alone after a while', async () => {
    let times = 0
    const find = relevance({}, () => {
      times += 1
      return Promise.reject(new GatewayError('upstream_error', 'Out of order.'))
    })
    for (let index = 0; index < 6; index++) expect((await find('kite')).names).toHaveLength(5)
    expect(lines).toEqual(['MCP tools cannot be chosen by e, so models are offered all of them: Out of order.'])
    const before = times
    await find('kite')
    expect(times).toBe(before)
    time = 30_000
    await find('kite')
    expect(times).toBeGreaterThan(before)
  })

  test('are not looked for any more when the client has gone', async () => {
    const gone = new AbortController()
    const find = relevance({}, (_operation, _input, signal) => {
      const { promise, reject } = Promise.withResolvers<JsonObject>()
      signal?.addEventListener('abort', () => reject(new GatewayError('client_closed', 'The client has gone.')))
      queueMicrotask(() => gone.abort())
      return promise
    })
    await expect(find('kite', tools, gone.signal)).rejects.toMatchObject({ kind: 'client_closed' })
    expect(lines).toEqual([])
  })

  test('have short names in the header, whatever they are called', async () => {
    const many = Array.from({ length: 60 }, (_, index) => ({ name: `töol${index}`, description: 'kite' }))
    const { notes } = await relevance({ topK: 50 })('kite', many)
    expect(notes[1]![1]).toMatch(/^t_ol0,t_ol1,.*\.\.\.$/)
    expect(notes[1]![1]).toHaveLength(150)
  })
})

test('scores that are no numbers choose nothing', () => {
  expect(relevantTools(['a', 'b'], [Number.NaN, Number.NaN], { topK: 1, threshold: 0 })).toEqual(['a', 'b'])
})
