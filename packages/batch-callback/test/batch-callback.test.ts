import { type Callback, type CallReport, GatewayError, type Host } from '@tianjillm/core'
import {
  type FakeUpstream,
  failedReport,
  fakeUpstream,
  NOW,
  type StubLog,
  sampleReport,
  stubHost,
  stubLog,
} from '@tianjillm/testing'
import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type BatchCallbackFacts, type BatchOptions, batchCallback, batchOptions, postJson } from '../src/index.ts'

interface Note {
  readonly id: string
  readonly text?: unknown
}

type Changes = Partial<BatchCallbackFacts<BatchOptions, Note>>

const url = 'https://sink.example.test/secret-path'

let upstream: FakeUpstream
beforeAll(async () => {
  upstream = await fakeUpstream()
})
afterAll(() => upstream.close())

const send = (notes: readonly Note[]) => postJson(url, notes, { 'x-key': 'k' })
const toEvents = ({ id }: CallReport): readonly Note[] => [{ id }]

/** A callback that posts the ids of calls as one array. */
function create(
  changes: Changes = {},
  options: BatchOptions = {},
  env: Readonly<Record<string, string>> = {},
): { readonly callback: Callback; readonly log: StubLog; readonly host: Host } {
  const plugin = batchCallback<BatchOptions, Note>({
    name: 'sink',
    title: 'Sink',
    docs: 'https://sink.example.test/docs',
    options: v.object(batchOptions),
    connect: () => ({ toEvents, request: send }),
    ...changes,
  })
  const log = stubLog()
  let now = NOW
  const host = { ...stubHost(upstream, env), log, now: () => (now += 1000) }
  return { callback: plugin.create(options, host), log, host }
}

const tell = (callback: Callback, ...ids: readonly string[]) => {
  for (const id of ids) void callback.success!(sampleReport({ id }))
}
const bodies = () => upstream.arrived.map(({ text }) => JSON.parse(text) as readonly Note[])
const ids = () => bodies().map((notes) => notes.map(({ id }) => id))

describe('when it sends', () => {
  it('posts what is queued at a flush, successes and failures alike', async () => {
    upstream.script({})
    const { callback, log } = create()
    void callback.success!(sampleReport({ id: 'a' }))
    void callback.failure!(failedReport({ id: 'b' }))
    await callback.flush!()
    expect(bodies()).toEqual([[{ id: 'a' }, { id: 'b' }]])
    expect(upstream.arrived[0]).toMatchObject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json', 'x-key': 'k' },
    })
    expect(log.lines).toEqual([])
  })

  it('posts at once when a batch is full, and the rest at the next flush', async () => {
    upstream.script({})
    const { callback } = create({}, { batchSize: 2 })
    tell(callback, 'a', 'b', 'c')
    await expect.poll(() => ids()).toEqual([['a', 'b']])
    await callback.flush!()
    expect(ids()).toEqual([['a', 'b'], ['c']])
  })

  it('posts after the interval, again and again', async () => {
    upstream.script({})
    const { callback } = create({}, { flushInterval: 0.01 })
    tell(callback, 'a')
    await expect.poll(() => ids()).toEqual([['a']])
    tell(callback, 'b')
    await expect.poll(() => ids()).toEqual([['a'], ['b']])
  })

  it('does not wait for the network', async () => {
    upstream.script({ delay: 20 })
    const { callback } = create({}, { batchSize: 1 })
    expect(callback.success!(sampleReport({ id: 'a' }))).toBeUndefined()
    expect(ids()).toEqual([])
    await callback.flush!()
    expect(ids()).toEqual([['a']])
  })

  it('sends nothing of a report without events', async () => {
    upstream.script({})
    const { callback } = create({ connect: () => ({ toEvents: () => [], request: send }) })
    tell(callback, 'a')
    await callback.flush!()
    expect(ids()).toEqual([])
  })

  it('keeps lanes apart', async () => {
    upstream.script({})
    const { callback } = create({ connect: () => ({ toEvents, request: send, lane: ({ id }) => id.slice(0, 1) }) })
    tell(callback, 'a1', 'b1', 'a2')
    await callback.flush!()
    expect(ids().toSorted()).toEqual([['a1', 'a2'], ['b1']])
  })
})

describe('limits', () => {
  it('drops the oldest of a full queue and says so once a minute', async () => {
    upstream.script({ delay: 20 })
    const { callback, log, host } = create({ limits: { queueSize: 2 } })
    tell(callback, 'a', 'b')
    tell(callback, 'c', 'd', 'e', 'f')
    expect(log.lines).toEqual(['warn: sink: the queue is full, oldest events dropped: 1.'])
    for (let second = 0; second < 60; second++) host.now()
    tell(callback, 'g')
    expect(log.lines[1]).toBe('warn: sink: the queue is full, oldest events dropped: 2.')
    await callback.flush!()
    expect(ids()).toEqual([
      ['a', 'b'],
      ['f', 'g'],
    ])
  })

  it('halves a body that is too large, and gives up an event that is so alone', async () => {
    upstream.script({})
    const { callback, log } = create({ limits: { maxBytes: 40 } })
    tell(callback, 'a', 'b', 'c', 'd', 'ü'.repeat(20))
    await callback.flush!()
    expect(ids()).toEqual([['a', 'b', 'c'], ['d']])
    expect(log.lines).toEqual(['warn: sink: events lost: 1 (too large for one request).'])
  })

  it('halves what the endpoint finds too large', async () => {
    upstream.script({ status: 413 }, {})
    const { callback, log } = create()
    tell(callback, 'a', 'b', 'c')
    await callback.flush!()
    expect(ids()).toEqual([['a', 'b', 'c'], ['a', 'b'], ['c']])
    expect(log.lines).toEqual([])
  })

  it.each([
    ['the option', { batchSize: 2 }, { SINK_BATCH_SIZE: '3', DEFAULT_BATCH_SIZE: '5' }, {}, 2],
    ['the own variable', {}, { SINK_BATCH_SIZE: '3', DEFAULT_BATCH_SIZE: '5' }, { batchSize: 4 }, 3],
    ["the plugin's limit", {}, { DEFAULT_BATCH_SIZE: '5' }, { batchSize: 4 }, 4],
    ['the common variable', {}, { DEFAULT_BATCH_SIZE: '5' }, {}, 5],
  ])('takes the batch size from %s first', async (_, options, env, limits, size) => {
    upstream.script({})
    const { callback } = create({ limits, env: { batchSize: 'SINK_BATCH_SIZE' } }, options, env)
    tell(callback, ...Array.from({ length: size }, (_, index) => String(index)))
    await expect.poll(() => bodies().map((body) => body.length)).toEqual([size])
  })

  it('names a variable that is no number', () => {
    expect(() => create({}, {}, { DEFAULT_FLUSH_INTERVAL_SECONDS: 'soon' })).toThrow(
      'sink: DEFAULT_FLUSH_INTERVAL_SECONDS must be a positive number.',
    )
  })

  it.each([{ batchSize: 0 }, { batchSize: 1.5 }, { flushInterval: 0 }])('refuses %j', (options) => {
    expect(v.is(v.object(batchOptions), options)).toBe(false)
  })
})

describe('when the endpoint fails', () => {
  it.each([429, 500, 503])('tries again after %d', async (status) => {
    upstream.script({ status }, {})
    const { callback, log } = create()
    tell(callback, 'a')
    await callback.flush!()
    expect(ids()).toEqual([['a'], ['a']])
    expect(log.lines).toEqual([])
  })

  it('tries again when the connection breaks', async () => {
    upstream.script({ pieces: [''], dies: true }, {})
    const { callback, log } = create()
    tell(callback, 'a')
    await callback.flush!()
    expect(ids()).toEqual([['a'], ['a']])
    expect(log.lines).toEqual([])
  })

  it('waits as long as the endpoint asks', async () => {
    upstream.script({ status: 429, headers: { 'retry-after': '0.4' } }, {})
    const { callback } = create()
    tell(callback, 'a')
    const start = performance.now()
    await callback.flush!()
    expect(performance.now() - start).toBeGreaterThan(390)
  })

  it('gives up after three tries, with one warning that tells no secret', async () => {
    upstream.script({ status: 500, body: 'secret' })
    const { callback, log } = create()
    tell(callback, 'a', 'b')
    await callback.flush!()
    expect(upstream.arrived.length).toBe(3)
    expect(log.lines).toEqual(['warn: sink: events lost: 2 (the endpoint answered 500).'])
  })

  it('does not repeat what will not help', async () => {
    upstream.script({ status: 401 })
    const { callback, log } = create()
    tell(callback, 'a')
    await callback.flush!()
    expect(upstream.arrived.length).toBe(1)
    expect(log.lines).toEqual(['warn: sink: events lost: 1 (the endpoint answered 401).'])
  })

  it('says why nobody is there, but not where', async () => {
    const request = () => postJson('http://127.0.0.1:1/secret-path', [])
    const host = { ...stubHost(upstream), fetch, log: stubLog() }
    const plugin = batchCallback<BatchOptions, Note>({
      name: 'sink',
      title: 'Sink',
      docs: 'https://sink.example.test/docs',
      options: v.object(batchOptions),
      connect: () => ({ toEvents, request }),
    })
    const callback = plugin.create({}, host)
    tell(callback, 'a')
    await callback.flush!()
    expect(host.log.lines).toEqual([
      expect.stringMatching(/^warn: sink: events lost: 1 \(the endpoint cannot be reached, \w+\)\.$/),
    ])
  })

  it('outlives a request that cannot be written', async () => {
    upstream.script({})
    const request = () => {
      throw new GatewayError('upstream_auth_failed', 'sink: no token')
    }
    const { callback, log } = create({ connect: () => ({ toEvents, request }) })
    tell(callback, 'a')
    await callback.flush!()
    expect(log.lines).toEqual(['warn: sink: events lost: 1 (sink: no token).'])
  })

  it('ends a flush at the deadline, and says what is left', async () => {
    upstream.script({ hangs: true })
    const { callback, log } = create({ limits: { flushDeadline: 0.1 } }, { batchSize: 2 })
    tell(callback, 'a', 'b', 'c')
    await callback.flush!()
    expect(log.lines).toContain('warn: sink: events not sent in time: 1.')
    // Why depends on whether the answer's head was there by then.
    const gone = () => expect(log.lines).toContainEqual(expect.stringMatching(/^warn: sink: events lost: 2 \(/))
    await vi.waitFor(gone, { timeout: 10_000 })
  })

  it('sends once more what was refused for now, and gives up the rest', async () => {
    upstream.script({ body: { a: 400, b: 429, c: 500 } }, { body: { b: 429 } })
    const { callback, log } = create({
      connect: () => ({
        toEvents,
        request: send,
        refused: (answer, notes) =>
          notes.flatMap((event) => {
            const status = (answer as Readonly<Record<string, number>>)[event.id]
            return status === undefined ? [] : [{ event, status }]
          }),
      }),
    })
    tell(callback, 'a', 'b', 'c', 'd')
    await callback.flush!()
    expect(ids()).toEqual([
      ['a', 'b', 'c', 'd'],
      ['b', 'c'],
    ])
    expect(log.lines).toEqual([
      'warn: sink: events lost: 1 (refused with 400).',
      'warn: sink: events lost: 1 (refused with 429).',
    ])
  })
})

describe('content', () => {
  const image = `data:image/png;base64,${'A'.repeat(100)}`
  const report = sampleReport({ input: { prompt: image }, output: { text: `see ${image}` } })
  const connect = () => ({
    toEvents: ({ id, input, output }: CallReport) => [{ id, text: [input?.prompt, output?.text] }],
    request: send,
  })

  it('replaces files by their size', async () => {
    upstream.script({})
    const { callback } = create({ content: true, connect })
    expect(callback.content).toBe(true)
    void callback.success!(report)
    await callback.flush!()
    expect(bodies()[0]![0]!.text).toEqual(['[base64 image/png, 75 bytes]', 'see [base64 image/png, 75 bytes]'])
  })

  it('is not asked for by default', () => {
    expect(create().callback.content).toBe(false)
  })
})
