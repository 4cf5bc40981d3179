import { type FakeUpstream, fakeUpstream, type Scripted, sse } from '@tianjillm/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Started } from '../src/index.ts'
import { MASTER_KEY, startGateway } from './support.ts'

// Each deployment has a path of its own at one fake vendor, whose behaviour is told by the path.
let upstream: FakeUpstream
let gateway: Started
let behaviours: Record<string, Scripted | (() => Scripted)> = {}

const answer = (text: string): Scripted => ({
  body: {
    id: 'c',
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  },
})
const failure = (status: number, error: object = {}, headers: Record<string, string> = {}): Scripted => ({
  status,
  headers,
  body: { error: { message: 'Something is wrong.', type: 'server_error', param: null, code: null, ...error } },
})
const tooLong = failure(400, { code: 'context_length_exceeded', type: 'invalid_request_error' })
const events = { 'content-type': 'text/event-stream' }
const chunk = (content: string) =>
  sse({ id: 'c', choices: [{ index: 0, delta: { content }, finish_reason: content === '' ? 'stop' : null }] })

const deployment = (group: string, name: string, more = '') =>
  `  - {model_name: ${group}, litellm_params: {model: openai/${name}, api_key: k, api_base: '${upstream.url}/${name}'${more}}, model_info: {id: ${name}}}`

async function restart(settings = ''): Promise<void> {
  await gateway?.stop(100)
  gateway = await startGateway(`
model_list:
${[
  deployment('pair', 'a'),
  deployment('pair', 'b'),
  deployment('lone', 'c'),
  deployment('ordered', 'd', ', order: 1'),
  deployment('ordered', 'e', ', order: 2'),
  deployment('weighted', 'f', ', weight: 1'),
  deployment('weighted', 'g', ', weight: 0'),
  deployment('slow', 'h', ', stream_timeout: 0.2'),
  deployment('tagged', 'i', ', tags: [free]'),
  deployment('tagged', 'j', ', tags: [paid]'),
  deployment('narrow', 'k', ', max_parallel_requests: 1'),
  deployment('large', 'l'),
].join('\n')}
router_settings:
  fallbacks: [{lone: [large]}, {slow: [large]}]
  context_window_fallbacks: [{pair: [large]}]
  model_group_alias: {shown: large, hidden: {model: large, hidden: true}}
  enable_tag_filtering: true
${settings}
general_settings: {master_key: ${MASTER_KEY}}
keys: [{key: sk-confined-for-tests, models: [pair]}]
`)
}

beforeAll(async () => {
  upstream = await fakeUpstream()
})
beforeEach(async () => {
  behaviours = {}
  upstream.script(({ path }) => {
    const name = path.split('/')[1]!
    const behaviour = behaviours[name] ?? answer(name)
    return typeof behaviour === 'function' ? behaviour() : behaviour
  })
  await restart()
})
afterAll(async () => {
  await gateway.stop(100)
  await upstream.close()
})

const asked = () => upstream.arrived.map(({ path }) => path.split('/')[1])

function post(body: object, key = MASTER_KEY): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'hi' }], ...body }),
  })
}

async function ask(body: object, key?: string) {
  const response = await post(body, key)
  const { choices, error } = (await response.json()) as {
    choices?: [{ message: { content: string } }]
    error?: { message: string; code: string }
  }
  return { status: response.status, headers: response.headers, said: choices?.[0].message.content, error }
}

describe('within a group', () => {
  it('the other deployment is asked at once, and the answer says that it was', async () => {
    behaviours = { a: failure(500), b: failure(500) }
    const first = await ask({ model: 'pair', num_retries: 1 })
    expect(first.status).toBe(500)
    behaviours = { a: failure(500) }
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask({ model: 'pair' })))
    for (const { status, said } of answers) expect([status, said]).toEqual([200, 'b'])
    const retried = answers.filter(({ headers }) => headers.get('x-litellm-attempted-retries') === '1')
    for (const { headers } of retried) expect(headers.get('x-tianji-model-id')).toBe('b')
  })

  it('a deployment that says 429 is left alone for as long as it says', async () => {
    behaviours = { a: failure(429, {}, { 'retry-after': '60' }) }
    for (let time = 0; time < 20; time++) expect((await ask({ model: 'pair' })).said).toBe('b')
    expect(asked().filter((name) => name === 'a').length).toBeLessThanOrEqual(1)
  })

  it('the only deployment is asked again after a while', async () => {
    let times = 0
    behaviours = { l: () => (times++ === 0 ? failure(503) : answer('l')) }
    const { said, headers } = await ask({ model: 'large' })
    expect(said).toBe('l')
    expect(headers.get('x-litellm-attempted-retries')).toBe('1')
  })

  it('num_retries: 0 leaves it to the client', async () => {
    behaviours = { l: failure(503) }
    expect((await ask({ model: 'large', num_retries: 0 })).status).toBe(503)
    expect(asked()).toEqual(['l'])
  })

  it('what the client did wrong is not tried again', async () => {
    behaviours = { a: failure(400), b: failure(400) }
    expect((await ask({ model: 'pair' })).status).toBe(400)
    expect(asked()).toHaveLength(1)
  })

  it('the lowest order comes first, the next one stands in', async () => {
    for (let time = 0; time < 5; time++) expect((await ask({ model: 'ordered' })).said).toBe('d')
    behaviours = { d: failure(401) }
    expect((await ask({ model: 'ordered' })).said).toBe('e')
  })

  it('a weight of 0 gets nothing', async () => {
    for (let time = 0; time < 20; time++) expect((await ask({ model: 'weighted' })).said).toBe('f')
  })

  it('more calls than a deployment takes at once are refused, not queued', async () => {
    behaviours = { k: { ...answer('k'), delay: 300 } }
    const answers = await Promise.all([ask({ model: 'narrow' }), ask({ model: 'narrow' })])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 429])
    const refused = answers.find(({ status }) => status === 429)!
    expect(refused.error?.code).toBe('no_deployments_available')
    expect(refused.headers.get('retry-after')).toBe('1')
    expect((await ask({ model: 'narrow' })).said).toBe('k')
  })
})

describe('tags', () => {
  it.each([
    ['free', 'i'],
    ['paid', 'j'],
  ])('send a request with %s to its deployment', async (tag, name) => {
    for (let time = 0; time < 5; time++)
      expect((await ask({ model: 'tagged', metadata: { tags: [tag] } })).said).toBe(name)
  })

  it('that no deployment has are refused', async () => {
    const { status, error } = await ask({ model: 'tagged', tags: ['other'] })
    expect([status, error?.code]).toEqual([403, 'tags_not_allowed'])
  })
})

describe('fallbacks', () => {
  it('stand in for a group that has failed, and the answer says so', async () => {
    behaviours = { c: failure(500) }
    const { said, headers } = await ask({ model: 'lone', num_retries: 0 })
    expect(said).toBe('l')
    expect(headers.get('x-litellm-attempted-fallbacks')).toBe('1')
    expect(headers.get('x-tianji-attempted-fallbacks')).toBe('1')
    expect(headers.get('x-litellm-model-id')).toBe('l')
  })

  it('for requests that are too long are their own', async () => {
    behaviours = { a: tooLong, b: tooLong }
    expect((await ask({ model: 'pair' })).said).toBe('l')
    expect(asked()).toHaveLength(2)
  })

  it('of the request come first', async () => {
    behaviours = { c: failure(500) }
    expect((await ask({ model: 'lone', num_retries: 0, fallbacks: ['weighted'] })).said).toBe('f')
  })

  it('can be switched off', async () => {
    behaviours = { c: failure(500) }
    expect((await ask({ model: 'lone', num_retries: 0, disable_fallbacks: true })).status).toBe(500)
  })

  it('never give a key a model that it may not use', async () => {
    behaviours = { a: failure(500), b: failure(500) }
    const { status, error } = await ask({ model: 'pair', fallbacks: ['large'] }, 'sk-confined-for-tests')
    expect([status, error?.code]).toEqual([403, 'key_model_access_denied'])
    expect(asked()).toEqual([])
  })

  it('are told of when they failed too', async () => {
    behaviours = { c: failure(500), l: failure(401) }
    const { status, error } = await ask({ model: 'lone', num_retries: 0 })
    expect(status).toBe(500)
    expect(error?.message).toContain('Fallbacks failed too: large (upstream_auth_failed).')
  })

  it('can be tried out', async () => {
    expect((await ask({ model: 'lone', mock_testing_fallbacks: true })).said).toBe('l')
    expect((await ask({ model: 'pair', mock_testing_context_window_fallbacks: true })).said).toBe('l')
    expect(asked()).toEqual(['l', 'l'])
  })
})

describe('a stream', () => {
  it('that breaks before its first event comes from elsewhere, unseen', async () => {
    behaviours = {
      c: { headers: events, pieces: [], dies: true },
      l: { headers: events, pieces: [chunk('whole'), chunk(''), 'data: [DONE]\n\n'] },
    }
    const response = await post({ model: 'lone', stream: true, num_retries: 0 })
    const text = await response.text()
    expect(response.status).toBe(200)
    expect(text).toContain('whole')
    expect(text).not.toContain('error')
    expect(asked()).toEqual(['c', 'l'])
  })

  it('that breaks after it is never begun anew', async () => {
    behaviours = { c: { headers: events, pieces: [chunk('half')], dies: true } }
    const text = await (await post({ model: 'lone', stream: true })).text()
    expect(text).toContain('half')
    expect(text).toContain('"error"')
    expect(asked()).toEqual(['c'])
  })

  it('that does not begin within stream_timeout comes from elsewhere', async () => {
    behaviours = {
      h: { headers: events, pieces: [], hangs: true },
      l: { headers: events, pieces: [chunk('fast'), chunk(''), 'data: [DONE]\n\n'] },
    }
    expect(await (await post({ model: 'slow', stream: true, num_retries: 0 })).text()).toContain('fast')
  })
})

describe('other names', () => {
  it('lead to the group, and hidden ones are not listed', async () => {
    expect((await ask({ model: 'shown' })).said).toBe('l')
    expect((await ask({ model: 'hidden' })).said).toBe('l')
    const response = await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${MASTER_KEY}` } })
    const { data } = (await response.json()) as { data: { id: string }[] }
    const names = data.map(({ id }) => id)
    expect(names).toContain('shown')
    expect(names).not.toContain('hidden')
  })
})

it('no client notices that three of four deployments are out of order', async () => {
  await gateway.stop(100)
  gateway = await startGateway(`
model_list:
${['dead', 'limited', 'resetting', 'slow'].map((name) => deployment('chaos', name)).join('\n')}
general_settings: {master_key: ${MASTER_KEY}}
`)
  behaviours = {
    dead: { dies: true, body: '' },
    limited: failure(429, {}, { 'retry-after': '30' }),
    resetting: { ...answer('half'), dies: true },
    slow: { ...answer('slow'), delay: 20 },
  }
  const statuses = new Map<number, number>()
  const client = async () => {
    for (let time = 0; time < 40; time++) {
      const { status } = await ask({ model: 'chaos' })
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: 50 }, client))
  expect([...statuses]).toEqual([[200, 2000]])
  const shares = Map.groupBy(asked(), (name) => name!)
  expect(shares.get('slow')!.length).toBe(2000)
  expect(shares.get('limited')!.length).toBeLessThan(100)
})
