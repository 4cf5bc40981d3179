import type { ModelAnswer } from '@tianjillm/agent'
import { GatewayError, type JsonObject } from '@tianjillm/core'
import type { Answer } from '@tianjillm/engine'
import { expect, test } from 'vitest'
import { modelAnswer } from '../src/tool-loop/model-answer.ts'

type Sink = Parameters<Extract<Answer, { readonly type: 'relay' }>['reply']['pipe']>[0]

/** A relayed answer whose pieces a test sends, and what becomes of it. */
function relay() {
  let sink: Sink | undefined
  const told: string[] = []
  const reply = {
    body: (async function* () {})(),
    pipe: (given: Sink) => {
      sink = given
    },
    resume: () => void told.push('resume'),
    cancel: () => void told.push('cancel'),
  }
  const answer: Answer = { type: 'relay', contentType: 'text/event-stream', reply }
  return { answer, told, sink: () => sink! }
}

const bytes = (text: string) => new TextEncoder().encode(text)
const chunks = (answer: ModelAnswer) => (answer as AsyncIterable<JsonObject>)[Symbol.asyncIterator]()

test('a relayed answer is read wherever it was cut, and pauses between its pieces', async () => {
  const { answer, sink, told } = relay()
  const reading = chunks(modelAnswer(answer, true, 'p'))
  const first = reading.next()
  expect(sink().write(bytes('data: {"a"'))).toBe(false)
  sink().write(bytes(':1}\n\ndata: {"b":2}\n'))
  expect(await first).toEqual({ done: false, value: { a: 1 } })
  const second = reading.next()
  await expect.poll(() => told).toEqual(['resume'])
  sink().write(bytes('\n: a comment\n\ndata: [DONE]\n\n'))
  expect(await second).toEqual({ done: false, value: { b: 2 } })
  const third = reading.next()
  sink().end()
  expect(await third).toMatchObject({ done: true })
  expect(told).not.toContain('cancel')
})

test('a relayed answer that is read no further is given up', async () => {
  const { answer, sink, told } = relay()
  const reading = chunks(modelAnswer(answer, true, 'p'))
  const first = reading.next()
  sink().write(bytes('data: {"a":1}\n\n'))
  await first
  await reading.return?.()
  expect(told).toContain('cancel')
})

test.each([
  ['data: {"error": {"message": "Busy", "code": 503}}\n\n', { kind: 'overloaded' }],
  ['data: nonsense\n\n', { kind: 'upstream_invalid_response' }],
])('an event that is an error ends it: %s', async (event, error) => {
  const { answer, sink } = relay()
  const first = chunks(modelAnswer(answer, true, 'p')).next()
  sink().write(bytes(event))
  await expect(first).rejects.toMatchObject(error)
})

test('a relayed answer that breaks off is an error after what came', async () => {
  const { answer, sink } = relay()
  const reading = chunks(modelAnswer(answer, true, 'p'))
  const first = reading.next()
  sink().write(bytes('data: {"a":1}\n\n'))
  sink().fail(new GatewayError('upstream_unreachable', 'gone'))
  expect(await first).toMatchObject({ value: { a: 1 } })
  await expect(reading.next()).rejects.toThrow('gone')
})

test('a whole answer is one chunk for whoever streams', async () => {
  const message = { role: 'assistant', content: 'Hi' }
  const value = { id: 'c', choices: [{ index: 0, message, finish_reason: 'stop' }], usage: { prompt_tokens: 1 } }
  expect(modelAnswer({ type: 'json', value }, false, 'p')).toBe(value)
  expect(await chunks(modelAnswer({ type: 'json', value }, true, 'p')).next()).toMatchObject({
    value: { ...value, choices: [{ index: 0, delta: message, finish_reason: 'stop' }] },
  })
})
