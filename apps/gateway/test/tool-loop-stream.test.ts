import type { LoopEvent, LoopOutcome } from '@tianjillm/agent'
import { expect, test } from 'vitest'
import { chunksOf } from '../src/tool-loop/stream.ts'

const kit = { request: {}, notes: [], tools: [], callTool: async () => ({}), theirTools: [], turns: 1, fields: {} }
const message = { role: 'assistant', content: 'Hi' } as const
const completion = { id: 'c', object: 'chat.completion', created: 1, model: 'm', choices: [] } as const
const outcome: LoopOutcome = {
  ...{ end: 'answer', completion, message, said: [], runs: [], turns: 1, usage: undefined, cost: undefined },
}
const piece = (delta: object): LoopEvent => ({
  ...{ type: 'chunk', turn: 1 },
  chunk: { id: 'c', choices: [{ index: 0, delta, finish_reason: null }] },
})

test('a stream in which nothing happens for a while says so', async () => {
  const waiting = Promise.withResolvers<void>()
  async function* loop(): AsyncGenerator<LoopEvent, LoopOutcome> {
    yield piece({ role: 'assistant', content: 'Hi' })
    await waiting.promise
    return outcome
  }
  const deltas: unknown[] = []
  for await (const { choices } of chunksOf(loop(), kit, {}, () => {}, 1)) {
    const [{ delta }] = choices as [{ delta: object }]
    deltas.push(delta)
    if (Object.keys(delta).length === 0) waiting.resolve()
  }
  expect(deltas.slice(0, 2)).toEqual([{ role: 'assistant', content: 'Hi' }, {}])
})

test('a chunk without a choice is no beginning', async () => {
  async function* loop(): AsyncGenerator<LoopEvent, LoopOutcome> {
    yield { type: 'chunk', turn: 1, chunk: { id: '', choices: [], prompt_filter_results: [] } }
    yield piece({ content: 'Hi' })
    return outcome
  }
  const chunks = await Array.fromAsync(chunksOf(loop(), kit, {}, () => {}))
  expect(chunks.map(({ id }) => id)).toEqual(['c', 'c'])
})
