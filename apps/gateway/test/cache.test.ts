import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject } from '@tianjillm/core'
import { fakeUpstream, type Scripted, sse } from '@tianjillm/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Started, start } from '../src/index.ts'
import { MASTER_KEY, startGateway } from './support.ts'
import { folderWith, tianji } from './tianji.ts'

const events = { 'content-type': 'text/event-stream' }

type Address = Pick<Started, 'url'>

interface Fields extends JsonObject {
  readonly cache?: JsonObject
}

/** A gateway with a cache in front of a vendor, until the test ends. */
async function cachingGateway(params = 'type: local', more = '') {
  const upstream = await fakeUpstream()
  const yaml = `
model_list:
  - {model_name: gpt, litellm_params: {model: openai/gpt-4o, api_base: ${upstream.url}, api_key: sk-vendor}}
  - {model_name: other, litellm_params: {model: openai/gpt-4o, api_base: ${upstream.url}, api_key: sk-vendor}}
  - {model_name: embedder, litellm_params: {model: openai/embed, api_base: ${upstream.url}, api_key: sk-vendor}}
general_settings: {master_key: ${MASTER_KEY}}
keys:
  - {key: sk-ada, team_id: red}
  - {key: sk-bob, team_id: red}
litellm_settings: {cache: true, cache_params: {${params}}}
${more}`
  const gateway = await startGateway(yaml)
  onTestFinished(async () => {
    await gateway.stop(1_000)
    await upstream.close()
  })
  /** How often the vendor was asked. */
  const asked = () => upstream.arrived.length
  return { gateway, upstream, yaml, asked }
}

/** A vendor whose every answer is another one. */
function numbered(): (request: { readonly text: string }) => Scripted {
  let count = 0
  return ({ text }) => {
    const { stream } = JSON.parse(text) as { stream?: boolean }
    const id = `chatcmpl-${++count}`
    const usage = { prompt_tokens: 1, completion_tokens: count, total_tokens: count + 1 }
    const choice = { index: 0, finish_reason: 'stop' }
    if (!stream) return { body: { id, choices: [{ ...choice, message: { role: 'assistant', content: id } }], usage } }
    const piece = (content: string, finish_reason: string | null = null) =>
      sse({ id, created: count, choices: [{ index: 0, delta: { content }, finish_reason }] })
    return {
      headers: events,
      pieces: [piece('Hel'), piece('lo'), piece('', 'stop'), sse({ id, choices: [], usage }, '[DONE]')],
      pause: 1,
    }
  }
}

function post(
  { url }: Address,
  path: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const all = { 'content-type': 'application/json', authorization: `Bearer ${MASTER_KEY}`, ...headers }
  return fetch(`${url}${path}`, { method: 'POST', headers: all, body: JSON.stringify(body) })
}

function chat(gateway: Address, fields: Fields = {}, headers?: Readonly<Record<string, string>>): Promise<Response> {
  const messages = [{ role: 'user', content: 'Hi' }]
  return post(gateway, '/v1/chat/completions', { model: 'gpt', messages, ...fields }, headers)
}

/** What was answered, and whether it came from the cache. */
async function told(pending: Promise<Response>) {
  const response = await pending
  const text = await response.text()
  return { status: response.status, text, isHit: response.headers.get('x-litellm-cache-hit') === 'True' }
}

describe('a cache in memory', () => {
  it('answers the same request without the vendor', async () => {
    const { gateway, upstream, asked } = await cachingGateway()
    upstream.script(numbered())
    const first = await chat(gateway)
    const second = await chat(gateway)
    expect(await second.text()).toBe(await first.text())
    expect(asked()).toBe(1)
    expect(first.headers.get('x-litellm-cache-hit')).toBeNull()
    expect(second.headers.get('x-tianji-cache-hit')).toBe('True')
    expect(second.headers.get('x-litellm-cache-key')).toBe(first.headers.get('x-litellm-cache-key'))
  })

  it('asks the vendor for another request', async () => {
    const { gateway, upstream, asked } = await cachingGateway()
    upstream.script(numbered())
    const requests = [{}, { model: 'other' }, { temperature: 0 }, { messages: [{ role: 'user', content: 'Hey' }] }]
    for (const fields of requests) expect((await told(chat(gateway, fields))).isHit).toBe(false)
    expect(asked()).toBe(4)
  })

  it('replays a stream as the same stream', async () => {
    const { gateway, upstream, asked } = await cachingGateway()
    upstream.script(numbered())
    const first = await told(chat(gateway, { stream: true }))
    const second = await told(chat(gateway, { stream: true }))
    expect(second.text).toBe(first.text)
    expect(second.text.split('\n\n')).toHaveLength(5)
    expect([second.isHit, asked()]).toEqual([true, 1])
    expect((await told(chat(gateway))).isHit).toBe(false)
  })

  it('shows the counts of a replayed stream only to those who ask for them', async () => {
    const { gateway, upstream } = await cachingGateway()
    upstream.script(numbered())
    for (const [options, shows] of [
      [{ include_usage: true }, true],
      [undefined, false],
    ] as const)
      for (let round = 0; round < 2; round++) {
        const { text } = await told(chat(gateway, { stream: true, stream_options: options }))
        expect(text.includes('total_tokens')).toBe(shows)
      }
  })

  it('keeps embeddings and text completions', async () => {
    const { gateway, upstream, asked } = await cachingGateway()
    upstream.script({ body: { data: [{ embedding: [1] }] } })
    for (let round = 0; round < 2; round++) {
      await told(post(gateway, '/v1/embeddings', { model: 'gpt', input: 'Hi' }))
      await told(post(gateway, '/v1/completions', { model: 'gpt', prompt: 'Hi' }))
    }
    expect(asked()).toBe(2)
  })

  it('keeps only what it is told to', async () => {
    const { gateway, upstream, asked } = await cachingGateway('type: local, supported_call_types: [aembedding]')
    upstream.script({ body: { data: [{ embedding: [1] }] } })
    for (let round = 0; round < 2; round++) {
      await told(post(gateway, '/v1/embeddings', { model: 'gpt', input: 'Hi' }))
      await told(chat(gateway))
    }
    expect(asked()).toBe(3)
  })

  it('keeps each key’s answers for itself', async () => {
    const { gateway, upstream } = await cachingGateway()
    upstream.script(numbered())
    const [ada, bob] = [{ authorization: 'Bearer sk-ada' }, { authorization: 'Bearer sk-bob' }]
    await told(chat(gateway, {}, ada))
    expect((await told(chat(gateway, {}, bob))).isHit).toBe(false)
    expect((await told(chat(gateway, {}, ada))).isHit).toBe(true)
  })

  it('shares answers within a team, or among all, when told so', async () => {
    for (const [sharing, withBob, withMaster] of [
      ['team', true, false],
      ['all', true, true],
    ] as const) {
      const { gateway, upstream } = await cachingGateway(`type: local, shared_by: ${sharing}`)
      upstream.script(numbered())
      await told(chat(gateway, {}, { authorization: 'Bearer sk-ada' }))
      expect((await told(chat(gateway, {}, { authorization: 'Bearer sk-bob' }))).isHit).toBe(withBob)
      expect((await told(chat(gateway))).isHit).toBe(withMaster)
    }
  })

  it('keeps no errors, and nothing that a group that stands in has answered', async () => {
    const more = 'router_settings: {num_retries: 0, fallbacks: [{gpt: [other]}]}'
    const { gateway, upstream, asked } = await cachingGateway('type: local', more)
    upstream.script({ status: 500, body: { error: { message: 'down' } } })
    expect((await told(chat(gateway))).status).toBe(500)
    const failing = asked()
    upstream.script({ status: 500, body: { error: { message: 'down' } } }, numbered())
    expect(await told(chat(gateway))).toMatchObject({ status: 200, isHit: false })
    expect(await told(chat(gateway))).toMatchObject({ status: 200, isHit: false })
    expect([failing, asked()]).toEqual([2, 3])
  })

  it('keeps no stream that broke', async () => {
    const { gateway, upstream } = await cachingGateway('type: local', 'router_settings: {num_retries: 0}')
    const piece = sse({ id: 'c', choices: [{ index: 0, delta: { content: 'Hel' }, finish_reason: null }] })
    upstream.script({ headers: events, pieces: [piece], dies: true }, numbered())
    expect((await told(chat(gateway, { stream: true }))).text).toContain('"error"')
    expect(await told(chat(gateway, { stream: true }))).toMatchObject({ isHit: false })
    expect(await told(chat(gateway, { stream: true }))).toMatchObject({ isHit: true })
  })

  it('keeps no stream that its client left', async () => {
    const { gateway, upstream } = await cachingGateway()
    const piece = sse({ id: 'c', choices: [{ index: 0, delta: { content: 'Hel' }, finish_reason: null }] })
    upstream.script({ headers: events, pieces: [piece], hangs: true }, numbered())
    const { body } = await chat(gateway, { stream: true })
    const reader = body!.getReader()
    await reader.read()
    await reader.cancel()
    await upstream.arrived[0]!.abandoned
    expect(await told(chat(gateway, { stream: true }))).toMatchObject({ isHit: false })
  })

  it('survives a reload, but for what another configuration would answer otherwise', async () => {
    const { upstream, yaml } = await cachingGateway()
    const { readConfig } = await import('@tianjillm/config')
    let text = yaml
    const reread = () => {
      const { config, problems } = readConfig(text, { env: () => undefined })
      return { config, problems, title: 'test', folder: import.meta.dirname }
    }
    const gateway = await start({ source: reread(), reread, port: 0, host: '127.0.0.1', logLevel: 'silent' })
    onTestFinished(() => gateway.stop(1_000))
    upstream.script(numbered())
    await told(chat(gateway))
    text = `${yaml}\nrouter_settings: {num_retries: 1}`
    expect((await post(gateway, '/config/reload', {})).status).toBe(200)
    expect((await told(chat(gateway))).isHit).toBe(true)
    text = yaml.replace('openai/gpt-4o', 'openai/gpt-4.1')
    expect((await post(gateway, '/config/reload', {})).status).toBe(200)
    expect((await told(chat(gateway))).isHit).toBe(false)
  })
})

describe('what a request asks of the cache', () => {
  it('is a new answer, which is kept', async () => {
    const { gateway, upstream, asked } = await cachingGateway()
    upstream.script(numbered())
    const first = await told(chat(gateway))
    const second = await told(chat(gateway, { cache: { 'no-cache': true } }))
    const third = await told(chat(gateway, {}, { 'cache-control': 'no-cache' }))
    const last = await told(chat(gateway))
    expect(new Set([first.text, second.text, third.text]).size).toBe(3)
    expect([last.text, asked()]).toEqual([third.text, 3])
  })

  it('is that nothing is kept', async () => {
    const { gateway, upstream, asked } = await cachingGateway()
    upstream.script(numbered())
    await told(chat(gateway, { cache: { 'no-store': true } }))
    await told(chat(gateway, {}, { 'cache-control': 'no-store' }))
    await told(chat(gateway, { caching: false }))
    expect((await told(chat(gateway))).isHit).toBe(false)
    expect(asked()).toBe(4)
  })

  it('is a life of its own', async () => {
    const { gateway, upstream } = await cachingGateway()
    upstream.script(numbered())
    await told(chat(gateway, { cache: { ttl: 0 } }))
    expect((await told(chat(gateway))).isHit).toBe(false)
    await told(chat(gateway, { cache: { ttl: 100 } }))
    expect((await told(chat(gateway))).isHit).toBe(true)
  })

  it('is a namespace', async () => {
    const { gateway, upstream } = await cachingGateway()
    upstream.script(numbered())
    await told(chat(gateway, { cache: { namespace: 'mine' } }))
    expect((await told(chat(gateway))).isHit).toBe(false)
    expect((await told(chat(gateway, { cache: { namespace: 'mine' } }))).isHit).toBe(true)
  })

  it('is the cache itself, where it is off unasked', async () => {
    const { gateway, upstream } = await cachingGateway('type: local, mode: default_off')
    upstream.script(numbered())
    for (let round = 0; round < 2; round++) expect((await told(chat(gateway))).isHit).toBe(false)
    const wanted = { cache: { 'use-cache': true } }
    expect((await told(chat(gateway, wanted))).isHit).toBe(false)
    expect((await told(chat(gateway, wanted))).isHit).toBe(true)
  })

  it('never gets to the vendor', async () => {
    const { gateway, upstream } = await cachingGateway()
    upstream.script(numbered())
    await told(chat(gateway, { cache: { ttl: 3 }, caching: true }))
    expect(JSON.parse(upstream.arrived[0]!.text)).toEqual({
      model: 'gpt-4o',
      messages: [{ role: 'user', content: 'Hi' }],
    })
  })

  it('is refused when it is not understood', async () => {
    const { gateway, asked } = await cachingGateway()
    const { status, text } = await told(chat(gateway, { cache: { ttl: 'long' } }))
    expect([status, asked()]).toEqual([400, 0])
    expect(JSON.parse(text)).toMatchObject({ error: { param: 'cache.ttl', type: 'invalid_request_error' } })
  })
})

describe('guardrails', () => {
  const guardrails = (mode: string) => `
guardrails:
  - guardrail_name: filter
    litellm_params:
      guardrail: litellm_content_filter
      mode: ${mode}
      default_on: true
      blocked_words: [{keyword: forbidden, action: BLOCK}]`

  it('judge the request before it is looked for', async () => {
    const { gateway, asked } = await cachingGateway('type: local', guardrails('pre_call'))
    const { status } = await told(chat(gateway, { messages: [{ role: 'user', content: 'forbidden' }] }))
    expect([status, asked()]).toEqual([400, 0])
  })

  it.each([false, true])('judge an answer again when it is given again (streamed: %s)', async (stream) => {
    const { gateway, upstream, asked } = await cachingGateway('type: local', guardrails('post_call'))
    const content = 'this is forbidden'
    const choice = { index: 0, finish_reason: 'stop' }
    upstream.script(
      stream
        ? { headers: events, body: sse({ id: 'c', choices: [{ ...choice, delta: { content } }] }, '[DONE]') }
        : { body: { id: 'c', choices: [{ ...choice, message: { role: 'assistant', content } }] } },
    )
    for (let round = 0; round < 2; round++) {
      const { status, text } = await told(chat(gateway, { stream }))
      expect(status).toBe(400)
      expect(text).toContain('guardrail_blocked')
    }
    expect(asked()).toBe(1)
  })
})

describe('a cache on disk', () => {
  it('survives a restart', async () => {
    const folder = folderWith({})
    const { gateway, upstream, yaml, asked } = await cachingGateway(`type: disk, disk_cache_dir: ${folder}`)
    upstream.script(numbered())
    const first = await told(chat(gateway))
    await expect.poll(() => readdirSync(join(folder, 'answers'))).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)])
    const next = await startGateway(yaml)
    onTestFinished(() => next.stop(1_000))
    expect(await told(chat(next))).toEqual({ ...first, isHit: true })
    expect(asked()).toBe(1)
  })

  it('is among what its user can do without, when nothing is said', async () => {
    const [home, { upstream, yaml }] = [folderWith({}), await cachingGateway('type: disk')]
    upstream.script(numbered())
    const folder = folderWith({ 'proxy_config.yaml': yaml })
    const { url } = tianji(['start', '--port', '0', '--host', '127.0.0.1'], { folder, env: { XDG_CACHE_HOME: home } })
    await told(chat({ url: await url }))
    await expect.poll(() => readdirSync(join(home, 'tianji/answers'))).toHaveLength(1)
  })
})

describe('a cache by meaning', () => {
  const vectors: Readonly<Record<string, readonly number[]>> = { Hi: [1, 0], Hello: [1, 0.1], Bye: [0, 1] }

  it('answers questions that mean the same', async () => {
    const params = 'type: local-semantic, similarity_threshold: 0.9, semantic_cache_embedding_model: embedder'
    const { gateway, upstream } = await cachingGateway(params)
    const answer = numbered()
    upstream.script((request) => {
      const { input } = JSON.parse(request.text) as { input?: string }
      return input === undefined ? answer(request) : { body: { data: [{ embedding: vectors[input] }] } }
    })
    const saying = (content: string) => chat(gateway, { messages: [{ role: 'user', content }] })
    const first = await told(saying('Hi'))
    const second = await saying('Hello')
    expect(second.headers.get('x-litellm-semantic-similarity')).toBe('0.9950')
    expect(await second.text()).toBe(first.text)
    expect((await told(saying('Bye'))).isHit).toBe(false)
    const paths = upstream.arrived.map(({ path }) => path)
    expect(paths.filter((path) => path.endsWith('/chat/completions'))).toHaveLength(2)
  })

  it('asks the vendor when there is no embedding', async () => {
    const { gateway, upstream } = await cachingGateway('type: local-semantic, semantic_cache_embedding_model: nobody')
    upstream.script(numbered())
    expect(await told(chat(gateway))).toMatchObject({ status: 200, isHit: false })
    expect(await told(chat(gateway))).toMatchObject({ status: 200, isHit: true })
  })
})

describe('a configuration', () => {
  it.each([
    ['type: s3', 'litellm_settings.cache_params.type: is not supported, so nothing is cached'],
    ['type: qdrant-semantic', 'litellm_settings.cache_params.type: is not supported, so nothing is cached'],
    ['supported_call_types: [acompletoin], type: local', 'acompletoin cannot be cached. Did you mean acompletion?'],
    ['', 'no Redis is configured, so the cache is in memory'],
  ])('with cache_params {%s} is warned of', async (params, warning) => {
    const { gateway, upstream } = await cachingGateway(params)
    upstream.script(numbered())
    const { file, line, column, path, message } = gateway.warnings[0]!
    expect(`${path}: ${message}`).toContain(warning)
    expect([file, line]).toEqual(['proxy_config.yaml', 10])
    expect(column).toBeGreaterThanOrEqual(20)
    expect((await told(chat(gateway))).status).toBe(200)
  })

  it('that does not ask for a cache has none', async () => {
    const { gateway, upstream, asked } = await cachingGateway('type: local', 'router_settings: {}')
    const without = await startGateway((await cachingGateway()).yaml.replace('cache: true', 'cache: false'))
    onTestFinished(() => without.stop(1_000))
    upstream.script(numbered())
    await told(chat(gateway))
    expect((await post(without, '/cache/flushall', {})).status).toBe(400)
    expect(asked()).toBe(1)
  })
})

describe('control of the cache', () => {
  const ping = ({ url }: Started, key = MASTER_KEY) =>
    fetch(`${url}/cache/ping`, { headers: { authorization: `Bearer ${key}` } })

  it('tells whether the cache works', async () => {
    const { gateway } = await cachingGateway()
    expect(await (await ping(gateway)).json()).toEqual({
      status: 'healthy',
      ping_response: true,
      set_cache_response: 'success',
    })
  })

  it('forgets single answers', async () => {
    const { gateway, upstream } = await cachingGateway()
    upstream.script(numbered())
    const key = (await chat(gateway)).headers.get('x-litellm-cache-key')
    await told(chat(gateway, { n: 2 }))
    expect(await (await post(gateway, '/cache/delete', { keys: [key] })).json()).toEqual({ status: 'success' })
    expect((await told(chat(gateway, { n: 2 }))).isHit).toBe(true)
    expect((await told(chat(gateway))).isHit).toBe(false)
  })

  it('forgets all answers', async () => {
    const { gateway, upstream } = await cachingGateway()
    upstream.script(numbered())
    await told(chat(gateway))
    expect((await post(gateway, '/cache/flushall', {})).status).toBe(200)
    expect((await told(chat(gateway))).isHit).toBe(false)
  })

  it('is for the master key alone', async () => {
    const { gateway } = await cachingGateway()
    const ada = { authorization: 'Bearer sk-ada' }
    expect((await ping(gateway, 'sk-ada')).status).toBe(403)
    expect((await post(gateway, '/cache/delete', { keys: [] }, ada)).status).toBe(403)
    expect((await post(gateway, '/cache/flushall', {}, ada)).status).toBe(403)
    expect((await ping(gateway, 'sk-wrong')).status).toBe(401)
  })

  it('says what it wants', async () => {
    const { gateway } = await cachingGateway()
    expect((await post(gateway, '/cache/delete', { keys: 'all' })).status).toBe(400)
    expect((await post(gateway, '/cache/ping', {})).status).toBe(405)
    expect((await fetch(`${gateway.url}/cache/flushall`)).status).toBe(405)
  })
})
