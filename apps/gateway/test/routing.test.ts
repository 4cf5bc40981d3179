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
  deployment('programs', 'm', ", tag_regex: ['^User-Agent: claude-code/']"),
  deployment('programs', 'n', ', tags: [default]'),
  deployment('stubborn', 'o', ', num_retries: 1'),
  deployment('priced', 'p', ', weight: 1, input_cost_per_token: 0.2'),
  deployment('priced', 'q', ', weight: 0, input_cost_per_token: 0.1'),
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

function post(body: object, key = MASTER_KEY, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'hi' }], ...body }),
  })
}

async function ask(body: object, key?: string, sent?: Readonly<Record<string, string>>) {
  const response = await post(body, key, sent)
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

  it('a call that fails tells of its attempts as well', async () => {
    behaviours = { a: failure(503), b: failure(503) }
    const { status, headers } = await ask({ model: 'pair', num_retries: 1 })
    expect(status).toBe(503)
    expect(headers.get('x-litellm-attempted-retries')).toBe('2')
    expect(headers.get('x-tianji-model-group')).toBe('pair')
    expect(['a', 'b']).toContain(headers.get('x-litellm-model-id'))
    const [total, own] = ['response', 'overhead'].map((name) => Number(headers.get(`x-litellm-${name}-duration-ms`)))
    expect(own).toBeGreaterThan(0)
    expect(own).toBeLessThanOrEqual(total!)
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

  it('a deployment has its own number of retries', async () => {
    behaviours = { o: failure(503) }
    expect((await ask({ model: 'stubborn' })).status).toBe(503)
    expect(asked()).toEqual(['o', 'o'])
  })

  it('the strategy may be its own', async () => {
    expect((await ask({ model: 'priced' })).said).toBe('p')
    await restart('  routing_groups: [{group_name: any, models: [priced], routing_strategy: cost-based-routing}]')
    expect((await ask({ model: 'priced' })).said).toBe('q')
    expect((await ask({ model: 'weighted' })).said).toBe('f')
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

  it('default_max_parallel_requests is for deployments without their own', async () => {
    await restart('  default_max_parallel_requests: 0')
    expect((await ask({ model: 'large' })).status).toBe(429)
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

  it('may be what the program calls itself', async () => {
    const from = (userAgent: string) => ask({ model: 'programs' }, MASTER_KEY, { 'user-agent': userAgent })
    expect((await from('claude-code/2.0')).said).toBe('m')
    expect((await from('curl/8')).said).toBe('n')
  })

  it.each([
    ['(', 'is no regular expression'],
    ['x'.repeat(501), 'has more than 500 letters'],
  ])('by a pattern %s keep the gateway from starting', async (pattern, reason) => {
    const starting = startGateway(`model_list:\n${deployment('gpt', 'a', `, tag_regex: ['${pattern}']`)}`)
    await expect(starting).rejects.toThrow(`tag_regex: it ${reason}`)
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

  it('of the request may ask something else, and only they do', async () => {
    behaviours = { c: failure(500), f: failure(500) }
    const messages = [{ role: 'user', content: 'shorter' }]
    const fallbacks = [{ model: 'weighted', messages, temperature: 0.5, stream: true }, 'large']
    const { said } = await ask({ model: 'lone', num_retries: 0, max_tokens: 7, fallbacks })
    expect(said).toBe('l')
    const usual = { messages: [{ role: 'user', content: 'hi' }], max_tokens: 7 }
    expect(upstream.arrived.map(({ text }) => JSON.parse(text))).toEqual([
      { ...usual, model: 'c' },
      { messages, max_tokens: 7, temperature: 0.5, model: 'f' },
      { ...usual, model: 'l' },
    ])
  })

  it('of the request that ask something impossible are refused', async () => {
    const fallbacks = ['large', { model: 'weighted', messages: 'hi' }]
    const response = await post({ model: 'lone', fallbacks })
    const { error } = (await response.json()) as { error: { param: string } }
    expect([response.status, error.param]).toEqual([400, 'fallbacks[1].messages'])
    expect(asked()).toEqual([])
  })

  it('of the request that ask something else are judged as well', async () => {
    await restart(`
guardrails:
  - guardrail_name: words
    litellm_params:
      guardrail: litellm_content_filter
      mode: pre_call
      default_on: true
      blocked_words: [{keyword: forbidden, action: BLOCK}]
`)
    behaviours = { c: failure(500) }
    const fallbacks = [{ model: 'large', messages: [{ role: 'user', content: 'forbidden' }] }]
    const { status, error } = await ask({ model: 'lone', num_retries: 0, fallbacks })
    expect(status).toBe(500)
    expect(error?.message).toContain('large (guardrail_blocked)')
    expect(asked()).toEqual(['c'])
  })

  it('may be one deployment, which is asked though it is left alone by others', async () => {
    behaviours = { a: failure(429, {}, { 'retry-after': '60' }), c: failure(500) }
    while (!asked().includes('a')) await ask({ model: 'pair' })
    behaviours = { c: failure(500) }
    expect((await ask({ model: 'lone', num_retries: 0, fallbacks: ['a'] })).said).toBe('a')
  })

  it('may be told for another name of a group', async () => {
    behaviours = { l: failure(500) }
    await gateway.stop(100)
    gateway = await startGateway(`
model_list:
${[deployment('large', 'l'), deployment('small', 'c'), deployment('lone', 'f')].join('\n')}
router_settings:
  model_group_alias: {shown: large}
  fallbacks: [{shown: [small]}, {large: [lone]}]
  num_retries: 0
general_settings: {master_key: ${MASTER_KEY}}
`)
    expect((await ask({ model: 'shown' })).said).toBe('c')
    expect((await ask({ model: 'large' })).said).toBe('f')
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
