import type { JsonObject } from '@tianjillm/core'
import { connect } from '@tianjillm/engine'
import { collect, providerContract } from '@tianjillm/testing'
import { describe, expect, it } from 'vitest'
import { mock } from '../src/mock.ts'

const messages = [{ role: 'user', content: 'Hello there!' }] as const
const local = { sent: [], reply: [] }
const partsOf = (answer: unknown) =>
  (answer as readonly JsonObject[]).map((chunk) => (chunk.choices as readonly JsonObject[])[0])

providerContract(mock, {
  options: {},
  wrongOptions: { options: { failureRate: 2 }, path: 'failureRate' },
  isKeyless: true,
  isLocal: true,
  operations: {
    chat: [
      {
        ...local,
        title: 'says the question again',
        input: { model: 'm', messages },
        answer: expect.objectContaining({
          object: 'chat.completion',
          model: 'm',
          choices: [
            {
              index: 0,
              message: { role: 'assistant', content: 'This is a mock answer. You said: Hello there!' },
              logprobs: null,
              finish_reason: 'stop',
            },
          ],
        }),
      },
      {
        ...local,
        title: 'answers with what the configuration says, but for what the request says',
        input: { model: 'm', messages, mock_response: 'from the request' },
        options: { mockResponse: 'from the configuration' },
        answer: expect.objectContaining({
          choices: [expect.objectContaining({ message: { role: 'assistant', content: 'from the request' } })],
        }),
      },
      {
        ...local,
        title: 'streams word by word',
        input: { model: 'm', messages, stream: true, stream_options: { include_usage: true } },
        options: { mockResponse: 'one two' },
        check: (answer) =>
          expect(partsOf(answer)).toEqual([
            { index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null },
            { index: 0, delta: { content: 'one' }, logprobs: null, finish_reason: null },
            { index: 0, delta: { content: ' two' }, logprobs: null, finish_reason: null },
            { index: 0, delta: {}, logprobs: null, finish_reason: 'stop' },
            undefined,
          ]),
      },
      {
        ...local,
        title: 'calls a tool that is insisted on, with arguments that fit',
        input: {
          model: 'm',
          messages,
          tool_choice: 'required',
          tools: [
            {
              type: 'function',
              function: {
                name: 'add',
                parameters: { type: 'object', properties: { a: { type: 'integer', minimum: 3 }, b: { enum: ['x'] } } },
              },
            },
          ],
        },
        check: (answer) =>
          expect(answer).toMatchObject({
            choices: [
              {
                finish_reason: 'tool_calls',
                message: { content: null, tool_calls: [{ function: { name: 'add', arguments: '{"a":3,"b":"x"}' } }] },
              },
            ],
          }),
      },
      {
        ...local,
        title: 'answers in the JSON Schema asked for',
        input: {
          model: 'm',
          messages,
          response_format: {
            type: 'json_schema',
            json_schema: {
              name: 'x',
              schema: {
                type: 'object',
                properties: { ok: { type: 'boolean' }, list: { type: 'array', items: { type: 'string' } } },
              },
            },
          },
        },
        check: (answer) =>
          expect(answer).toMatchObject({ choices: [{ message: { content: '{"ok":true,"list":["mock"]}' } }] }),
      },
      {
        ...local,
        title: 'fails on demand',
        input: { model: 'm', messages },
        options: { failureRate: 1, failureStatus: 503 },
        error: { kind: 'overloaded', message: 'mock: A failure on demand.' },
      },
      {
        ...local,
        title: 'fails as the error a canned answer names',
        input: { model: 'm', messages },
        options: { mockResponse: 'litellm.ContextWindowExceededError' },
        error: { kind: 'context_length_exceeded' },
      },
    ],
    completion: [
      {
        ...local,
        title: 'completes',
        input: { model: 'm', prompt: 'abc' },
        check: (answer) =>
          expect(answer).toMatchObject({ object: 'text_completion', choices: [{ text: 'You wrote: abc' }] }),
      },
    ],
    embedding: [
      {
        ...local,
        title: 'gives every text its own unit vector, the same each time',
        input: { model: 'm', input: ['a', 'b', 'a'], dimensions: 8 },
        check: (answer) => {
          const [a, b, again] = (answer as { data: readonly { embedding: number[] }[] }).data.map(
            ({ embedding }) => embedding,
          )
          expect(a).toHaveLength(8)
          expect(Math.hypot(...a!)).toBeCloseTo(1, 5)
          expect(again).toEqual(a)
          expect(b).not.toEqual(a)
        },
      },
    ],
    image: [
      {
        ...local,
        title: 'gives as many pictures as were asked for',
        input: { model: 'm', prompt: 'a red kite', n: 2 },
        check: (answer) => expect((answer as { data: readonly object[] }).data).toHaveLength(2),
      },
    ],
    speech: [
      {
        ...local,
        title: 'gives a WAV file',
        input: { model: 'm', input: 'hi', voice: 'alloy' },
        check: (answer) =>
          expect(answer).toMatchObject({ contentType: 'audio/wav', bytes: expect.stringMatching(/^52494646/) }),
      },
    ],
  },
})

describe('a script', () => {
  const mockResponse = [
    { tool_calls: [{ function: { name: 'add', arguments: { a: 1 } } }, { id: 'x', function: { name: 'now' } }] },
    'Two.',
  ]
  const calls = [
    { id: 'call_0_0', type: 'function', function: { name: 'add', arguments: '{"a":1}' } },
    { id: 'x', type: 'function', function: { name: 'now', arguments: '{}' } },
  ] as const
  const after = [...messages, { role: 'assistant', tool_calls: calls }] as const
  const model = connect(mock, { mockResponse })

  it('is played turn by turn, from the start with each question', async () => {
    const turn = async (...said: readonly JsonObject[]) => {
      const { choices } = await model.chat({ model: 'm', messages: said as never })
      return { said: choices[0]!.message, why: choices[0]!.finish_reason }
    }
    const first = { said: { role: 'assistant', content: null, tool_calls: calls }, why: 'tool_calls' }
    const last = { said: { role: 'assistant', content: 'Two.' }, why: 'stop' }
    expect(await turn(...messages)).toEqual(first)
    expect(await turn(...after)).toEqual(last)
    expect(await turn(...after, ...after.slice(1))).toEqual(last)
    expect(await turn(...after, ...messages)).toEqual(first)
  })

  it('streams its calls', async () => {
    const chunks = await collect(model.chat({ model: 'm', messages, stream: true }))
    expect(partsOf(chunks)).toEqual([
      { index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null },
      { index: 0, delta: { tool_calls: [{ index: 0, ...calls[0] }] }, logprobs: null, finish_reason: null },
      { index: 0, delta: { tool_calls: [{ index: 1, ...calls[1] }] }, logprobs: null, finish_reason: null },
      { index: 0, delta: {}, logprobs: null, finish_reason: 'tool_calls' },
    ])
  })

  it('of a request comes first, fails where it says so, and is refused when it is none', async () => {
    const chat = (mock_response: unknown) => model.chat({ model: 'm', messages, mock_response })
    expect((await chat(['Hi.'])).choices[0]!.message.content).toBe('Hi.')
    await expect(chat(['litellm.RateLimitError'])).rejects.toMatchObject({ kind: 'rate_limited' })
    await expect(chat([{ tool_calls: 'add' }])).rejects.toMatchObject({ kind: 'invalid_request' })
  })
})

describe('mock failures', () => {
  it('are spread evenly', async () => {
    const model = connect(mock, { failureRate: 0.25 })
    const outcomes = []
    for (let index = 0; index < 8; index++)
      outcomes.push(
        await model.chat({ model: 'm', messages }).then(
          () => 'good',
          () => 'bad',
        ),
      )
    expect(outcomes).toEqual(['good', 'good', 'good', 'bad', 'good', 'good', 'good', 'bad'])
  })
})

describe('a slow mock', () => {
  it('stops at once when nobody waits', async () => {
    const model = connect(mock, { latency: 60_000 })
    const controller = new AbortController()
    const pending = model.chat({ model: 'm', messages }, { signal: controller.signal })
    controller.abort()
    await expect(pending).rejects.toMatchObject({ kind: 'client_closed' })
  })

  it('takes its time between chunks', async () => {
    const model = connect(mock, { chunkLatency: 5, mockResponse: 'a b' })
    const before = performance.now()
    await collect(model.chat({ model: 'm', messages, stream: true }))
    expect(performance.now() - before).toBeGreaterThan(15)
  })
})
