import type { AskModel, JsonObject } from '@tianjillm/core'
import { describe, expect, test } from 'vitest'
import {
  type AnswerCacheSettings,
  type CacheRequest,
  createAnswerCache,
  createEmbedder,
  memoryStore,
  similarAnswers,
} from '../src/index.ts'
import { clock, embeddings, stubLog } from './house.ts'

const nobody: AskModel = () => Promise.reject(new Error('nobody is to be asked'))
const answer = { type: 'json', value: { id: 'chatcmpl-1', choices: [{ message: { content: 'Hello' } }] } } as const

function request(fields: JsonObject = {}, facts: Partial<CacheRequest> = {}): CacheRequest {
  const input = { model: 'fast', messages: [{ role: 'user', content: 'Hi' }], ...fields }
  return { operation: 'chat', input, caller: { keyHash: 'one' }, tags: [], cacheControl: undefined, ...facts }
}

function cacheWith(settings: Partial<AnswerCacheSettings> = {}) {
  const { now, pass } = clock()
  return { cache: createAnswerCache({ store: memoryStore({ now }), scope: '', now, ...settings }), pass, now }
}

type Cache = ReturnType<typeof createAnswerCache>

const find = async (cache: Cache, asked: CacheRequest) => (await cache.visit(asked)!.find(nobody))?.answer
const keep = (cache: Cache, asked = request()) => cache.visit(asked)!.keep(answer)

async function* each(chunks: readonly JsonObject[], then?: Error): AsyncGenerator<JsonObject> {
  yield* chunks
  if (then) throw then
}

describe('a cache of answers', () => {
  test('gives an answer again to the same request', async () => {
    const { cache } = cacheWith()
    keep(cache)
    expect(await find(cache, request())).toEqual(answer)
    expect(await find(cache, request({ temperature: 1 }))).toBeUndefined()
  })

  test('gives bytes again as they were', async () => {
    const { cache } = cacheWith()
    const bytes = new TextEncoder().encode('{ "id": "é" ,\n"n":1.0}')
    const kept = { type: 'bytes', contentType: 'application/json', bytes } as const
    cache.visit(request())!.keep(kept)
    expect(await find(cache, request())).toEqual(kept)
  })

  test.each([
    ['an error that came with status 200', '{"error": {"message": "no"}}'],
    ['something that is no object', '[1]'],
    ['something that is no JSON', '{"id": '],
  ])('does not keep %s', async (_, text) => {
    const { cache } = cacheWith()
    const bytes = new TextEncoder().encode(text)
    cache.visit(request())!.keep({ type: 'bytes', contentType: 'application/json', bytes })
    expect(await find(cache, request())).toBeUndefined()
  })

  test('does not keep an answer that is too long', async () => {
    const { cache } = cacheWith({ maxLength: 50 })
    keep(cache)
    expect(await find(cache, request())).toBeUndefined()
  })

  test('keeps an answer ten minutes, or as long as it is told, or as the request says', async () => {
    for (const [settings, fields, life] of [
      [{}, {}, 600_000],
      [{ life: 5_000 }, {}, 5_000],
      [{ life: 5_000 }, { cache: { ttl: 2 } }, 2_000],
    ] as const) {
      const { cache, pass } = cacheWith(settings)
      keep(cache, request(fields))
      pass(life - 1)
      expect(await find(cache, request())).toEqual(answer)
      pass(1)
      expect(await find(cache, request())).toBeUndefined()
    }
  })

  test('keeps an answer a year at most', async () => {
    const { cache, pass } = cacheWith()
    keep(cache, request({ cache: { ttl: Number.MAX_VALUE } }))
    pass(365 * 24 * 3_600_000 - 1)
    expect(await find(cache, request())).toEqual(answer)
    pass(1)
    expect(await find(cache, request())).toBeUndefined()
  })

  test('misses what a damaged store says', async () => {
    const store = { ...memoryStore({ now: () => 1 }), get: () => 'not an answer' }
    const { cache } = cacheWith({ store })
    expect(await find(cache, request())).toBeUndefined()
  })

  test('has nothing to do with operations that it was not told of', () => {
    expect(cacheWith().cache.visit(request({}, { operation: 'image' }))).toBeUndefined()
    const operations = new Set(['rerank'] as const)
    expect(cacheWith({ operations }).cache.visit(request())).toBeUndefined()
    expect(cacheWith({ operations }).cache.visit(request({}, { operation: 'rerank' }))).toBeDefined()
  })

  test('has nothing to do with a request that is nested too deeply to have a key', () => {
    let deep: unknown = 'deep'
    for (let depth = 0; depth < 50_000; depth++) deep = [deep]
    expect(cacheWith().cache.visit(request({ deep }))).toBeUndefined()
  })

  test('forgets answers by their keys, or all', async () => {
    const { cache } = cacheWith()
    keep(cache)
    keep(cache, request({ n: 2 }))
    await cache.delete([cache.visit(request())!.key])
    expect([await find(cache, request()), await find(cache, request({ n: 2 }))]).toEqual([undefined, answer])
    await cache.clear()
    expect(await find(cache, request({ n: 2 }))).toBeUndefined()
  })

  test('knows whether its store keeps anything', async () => {
    expect(await cacheWith().cache.isHealthy()).toBe(true)
    const store = { ...memoryStore({ now: () => 1 }), get: () => undefined }
    expect(await cacheWith({ store }).cache.isHealthy()).toBe(false)
  })
})

describe('who is given an answer again', () => {
  const ada = { keyHash: 'one', teamId: 'red' }
  const bob = { keyHash: 'two', teamId: 'red' }
  const eve = { keyHash: 'three', teamId: 'blue' }
  const loner = { keyHash: 'four' }

  test.each([
    ['the same key alone', 'key', [answer, undefined, undefined, undefined]],
    ['the same team', 'team', [answer, answer, undefined, undefined]],
    ['everybody', 'all', [answer, answer, answer, answer]],
  ] as const)('%s', async (_, sharing, expected) => {
    const { cache } = cacheWith({ sharing })
    keep(cache, request({}, { caller: ada }))
    const given = [ada, bob, eve, loner].map((caller) => find(cache, request({}, { caller })))
    expect(await Promise.all(given)).toEqual(expected)
  })
})

describe('what a request asks of the cache', () => {
  test('is not to be given an old answer: then the new one is kept', async () => {
    const { cache } = cacheWith()
    keep(cache)
    for (const asked of [request({ cache: { 'no-cache': true } }), request({}, { cacheControl: 'No-Cache' })]) {
      expect(await find(cache, asked)).toBeUndefined()
      expect(cache.visit(asked)!.mayKeep).toBe(true)
    }
  })

  test('is not to have its answer kept: then an old one is good', async () => {
    for (const asked of [
      request({ cache: { 'no-store': true } }),
      request({}, { cacheControl: 'max-age=0, no-store' }),
    ]) {
      const { cache } = cacheWith()
      keep(cache, asked)
      expect(await find(cache, asked)).toBeUndefined()
      keep(cache)
      expect(await find(cache, asked)).toEqual(answer)
    }
  })

  test('is an answer that is not too old', async () => {
    const { cache, pass } = cacheWith()
    keep(cache)
    pass(5_000)
    expect(await find(cache, request({ cache: { 's-maxage': 5 } }))).toEqual(answer)
    expect(await find(cache, request({ cache: { 's-maxage': 4.9 } }))).toBeUndefined()
  })

  test('is a namespace of its own', async () => {
    const { cache } = cacheWith()
    keep(cache, request({ cache: { namespace: 'mine' } }))
    expect(await find(cache, request())).toBeUndefined()
    expect(await find(cache, request({ cache: { namespace: 'mine' } }))).toEqual(answer)
  })

  test('is nothing at all', () => {
    const { cache } = cacheWith()
    expect(cache.visit(request({ caching: false }))).toBeUndefined()
    expect(cache.visit(request({ cache: { 'use-cache': false } }))).toBeUndefined()
    expect(cache.visit(request({ cache: { 'no-cache': true, 'no-store': true } }))).toBeUndefined()
  })

  test('is the cache, where nobody has it unasked', () => {
    const { cache } = cacheWith({ mode: 'default_off' })
    expect(cache.visit(request())).toBeUndefined()
    expect(cache.visit(request({ cache: { ttl: 1 } }))).toBeUndefined()
    expect(cache.visit(request({ cache: { 'use-cache': true } }))).toBeDefined()
    expect(cache.visit(request({ caching: true }))).toBeDefined()
  })

  test.each([
    ['cache', { cache: 'off' }],
    ['cache', { cache: [] }],
    ['caching', { caching: 'no' }],
    ['cache.ttl', { cache: { ttl: '10' } }],
    ['cache.ttl', { cache: { ttl: -1 } }],
    ['cache.s-maxage', { cache: { 's-maxage': true } }],
    ['cache.no-cache', { cache: { 'no-cache': 'yes' } }],
    ['cache.no-store', { cache: { 'no-store': 1 } }],
    ['cache.use-cache', { cache: { 'use-cache': 1 } }],
    ['cache.namespace', { cache: { namespace: 7 } }],
  ])('is not understood when %s is wrong', (param, fields) => {
    expect(() => cacheWith().cache.visit(request(fields))).toThrow(
      expect.objectContaining({ kind: 'invalid_request', facts: { param } }),
    )
  })

  test('may be empty', () => {
    const { cache } = cacheWith()
    expect(cache.visit(request({ cache: null, caching: null }))!.key).toBe(cache.visit(request())!.key)
    expect(cache.visit(request({ cache: { ttl: null } }))!.key).toBe(cache.visit(request())!.key)
  })
})

describe('a stream', () => {
  const chunk = (content: string, finish: string | null = null, index = 0) => ({
    id: 'c',
    choices: [{ index, delta: { content }, finish_reason: finish }],
  })
  const whole = [chunk('Hel'), chunk('lo'), chunk('', 'stop'), { id: 'c', choices: [], usage: { total_tokens: 3 } }]

  test('is given again in the same chunks', async () => {
    const { cache } = cacheWith()
    expect(await Array.fromAsync(cache.visit(request())!.keepChunks(each(whole)))).toEqual(whole)
    expect(await find(cache, request())).toEqual({ type: 'stream', chunks: whole })
  })

  test('is not kept when nobody reads it to its end', async () => {
    const { cache } = cacheWith()
    for await (const _ of cache.visit(request())!.keepChunks(each(whole))) break
    expect(await find(cache, request())).toBeUndefined()
  })

  test('is not kept when it breaks', async () => {
    const { cache } = cacheWith()
    const broken = cache.visit(request())!.keepChunks(each(whole, new Error('broken')))
    await expect(Array.fromAsync(broken)).rejects.toThrow('broken')
    expect(await find(cache, request())).toBeUndefined()
  })

  test.each([
    ['has no end', whole.slice(0, 2)],
    ['lacks the end of one of its choices', [...whole, chunk('Hi', null, 1)]],
    ['tells an error', [...whole, { error: { message: 'overloaded' } }]],
    ['is empty', []],
  ])('is not kept when it %s', async (_, chunks) => {
    const { cache } = cacheWith()
    await Array.fromAsync(cache.visit(request())!.keepChunks(each(chunks)))
    expect(await find(cache, request())).toBeUndefined()
  })

  test('is handed on, but not kept, when it is too long', async () => {
    const { cache } = cacheWith({ maxLength: 300 })
    const long = [...whole, chunk('x'.repeat(300), 'stop')]
    expect(await Array.fromAsync(cache.visit(request())!.keepChunks(each(long)))).toEqual(long)
    expect(await find(cache, request())).toBeUndefined()
  })
})

describe('a cache by meaning', () => {
  const hi = [1, 0, 0]
  const hello = [10, 1, 0]
  const bye = [0, 1, 0]

  function semanticCache(vectors: Readonly<Record<string, readonly number[]>> = { Hi: hi, Hello: hello, Bye: bye }) {
    const { now, pass } = clock()
    const log = stubLog()
    const semantic = {
      embed: createEmbedder({ model: 'embedder', log, now }),
      answers: similarAnswers({ threshold: 0.9, now }),
    }
    const cache = createAnswerCache({ store: memoryStore({ now }), scope: '', semantic, now })
    const model = embeddings(vectors)
    const hit = (asked: CacheRequest) => cache.visit(asked)!.find(model.ask)
    const answerTo = async (asked: CacheRequest) => {
      const visit = cache.visit(asked)!
      await visit.find(model.ask)
      visit.keep(answer)
    }
    return { cache, hit, answerTo, pass, asked: model.asked, log }
  }

  const saying = (content: unknown, fields: JsonObject = {}) =>
    request({
      messages: [
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content },
      ],
      ...fields,
    })

  test('gives the answer to a question that means the same', async () => {
    const { hit, answerTo } = semanticCache()
    await answerTo(saying('Hi'))
    expect(await hit(saying('Hello'))).toEqual({ answer, similarity: expect.closeTo(0.995, 3) })
    expect(await hit(saying('Bye'))).toBeUndefined()
  })

  test('asks for no embedding when the request is the very same', async () => {
    const { hit, answerTo, asked } = semanticCache()
    await answerTo(saying('Hi'))
    expect(await hit(saying('Hi'))).toEqual({ answer, similarity: undefined })
    expect(asked).toEqual([{ model: 'embedder', input: ['Hi'] }])
  })

  test.each([
    ['a parameter', saying('Hello', { temperature: 1 })],
    ['the model', saying('Hello', { model: 'other' })],
    ['the caller', { ...saying('Hello'), caller: { keyHash: 'two' } }],
    [
      'the system prompt',
      request({
        messages: [
          { role: 'system', content: 'Be rude.' },
          { role: 'user', content: 'Hello' },
        ],
      }),
    ],
    [
      'an earlier message',
      request({
        messages: [
          { role: 'system', content: 'Be kind.' },
          { role: 'user', content: 'Before' },
          { role: 'user', content: 'Hello' },
        ],
      }),
    ],
    [
      'a picture',
      saying([
        { type: 'text', text: 'Hello' },
        { type: 'image_url', image_url: { url: 'data:,' } },
      ]),
    ],
  ])('wants all the rest to be equal: not %s', async (_, other) => {
    const { hit, answerTo } = semanticCache()
    await answerTo(saying('Hi'))
    expect(await hit(other)).toBeUndefined()
  })

  test('reads the text of parts', async () => {
    const { hit, answerTo } = semanticCache()
    await answerTo(saying([{ type: 'text', text: 'Hi' }]))
    expect(await hit(saying([{ type: 'text', text: 'Hello' }]))).toMatchObject({ answer })
  })

  test('gives nothing that is too old for the request, or has expired', async () => {
    const { hit, answerTo, pass } = semanticCache()
    await answerTo(saying('Hi'))
    pass(5_000)
    expect(await hit(saying('Hello', { cache: { 's-maxage': 4 } }))).toBeUndefined()
    expect(await hit(saying('Hello'))).toBeDefined()
    pass(600_000)
    expect(await hit(saying('Hello'))).toBeUndefined()
  })

  test('forgets with the rest', async () => {
    const { cache, hit, answerTo } = semanticCache()
    await answerTo(saying('Hi'))
    await cache.delete([cache.visit(saying('Hi'))!.key])
    expect(await hit(saying('Hello'))).toBeUndefined()
    await answerTo(saying('Hi'))
    await cache.clear()
    expect(await hit(saying('Hello'))).toBeUndefined()
  })

  test('misses when there is no embedding, and warns once a minute', async () => {
    const { hit, pass, log } = semanticCache({})
    for (const wait of [0, 1, 60_000]) {
      pass(wait)
      expect(await hit(saying('Hi'))).toBeUndefined()
    }
    expect(log.warnings).toHaveLength(2)
  })
})
