import { readConfig } from '@tianjillm/config'
import type { JsonObject } from '@tianjillm/core'
import { type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import { fakeServer, type House, houseOf, toolOf } from '@tianjillm/testing-mcp'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { start } from '../src/index.ts'
import { answered, refused, told } from './agent/answer.ts'
import { hostileJson } from './hostile-values.ts'
import { MASTER_KEY, startGateway } from './support.ts'
import { asked, model } from './tool-scripts.ts'

let vendor: FakeUpstream
let houses: readonly House[]

let hanging = 0
const weather = fakeServer(
  'weather',
  { tools: [toolOf('now'), toolOf('hang')] },
  async (_method, params, _peer, signal) => {
    const { name, arguments: given } = params as { name: string; arguments: JsonObject }
    if (name === 'hang') {
      hanging++
      await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()))
      hanging--
    }
    return { content: [{ type: 'text', text: `Sunny in ${given.city}` }] }
  },
)
const mail = fakeServer('mail', { tools: [toolOf('send')] })

beforeAll(async () => {
  vendor = await fakeUpstream()
  houses = await Promise.all([weather, mail].map((server) => houseOf([server], { catalogued: { separator: '_' } })))
})
afterAll(() => Promise.all([vendor.close(), ...houses.map((house) => house.close())]))
beforeEach(() => vendor.script(model({ says: 'Hello.' })))

const group = (name: string, more = '') =>
  `{model_name: ${name}, litellm_params: {model: openai/gpt-4o, api_base: ${vendor.url}, api_key: sk-secret${more}}}`

/** A gateway with two groups, OpenAI's key in its environment, and two MCP servers; `yaml` goes before. */
async function gatewayWith(yaml: string, models?: string) {
  const gateway = await startGateway(`
${yaml}
environment_variables: {OPENAI_API_KEY: sk-of-the-environment, OPENAI_BASE_URL: "${vendor.url}"}
router_settings: {num_retries: 0, disable_cooldowns: true}
model_list: ${models ?? `[${group('gpt')}, ${group('other')}]`}
mcp_servers:
  weather: {url: "${houses[0]!.url}/mcp", transport: http}
  mail: {url: "${houses[1]!.url}/mcp", transport: http}
`)
  onTestFinished(() => gateway.stop(1_000))
  const send = (path: string, body?: unknown, { headers, ...init }: RequestInit & { key?: string } = {}) =>
    fetch(`${gateway.url}${path}`, {
      ...(body !== undefined && { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...init,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${init.key ?? MASTER_KEY}`,
        ...(headers as Record<string, string>),
      },
    })
  const ask = (body: object, init?: RequestInit & { key?: string }) =>
    send('/api/query', { content: 'Hi', ...body }, init)
  return { gateway, send, ask }
}

const guarded = `general_settings: {master_key: ${MASTER_KEY}}`
const generous = `${guarded}\nagent: {rate_limit: 10000}`

describe('a route of the agent', () => {
  const wrong: readonly (readonly [string, string, RequestInit & { key?: string }, object])[] = [
    [
      'without a key',
      '/api/query',
      { body: '{}', headers: { authorization: '' } },
      { status: 401, error: 'AUTHENTICATION_FAILED' },
    ],
    ['with a wrong key', '/api/tools', { key: 'sk-wrong' }, { status: 401, error: 'AUTHENTICATION_FAILED' }],
    ['with what is no JSON', '/api/query', { body: '{"content"' }, { status: 400, error: 'INVALID_QUERY' }],
    [
      'with what is no UTF-8',
      '/v1/query',
      { body: Buffer.from('{"content":"\xff"}', 'latin1') },
      { status: 400, error: 'INVALID_QUERY' },
    ],
    ['with a list', '/api/session', { body: '[]' }, { status: 400, error: 'INVALID_QUERY' }],
    [
      'with nothing',
      '/api/query',
      { body: '' },
      { status: 400, error: 'INVALID_QUERY', details: { param: 'content' } },
    ],
    [
      'with a form',
      '/api/query',
      { body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      { status: 415, error: 'INVALID_QUERY' },
    ],
    [
      'with too much',
      '/api/query',
      { body: `{"content":"${'a'.repeat(1_100_000)}"}` },
      { status: 413, error: 'INVALID_QUERY' },
    ],
    ['by another method', '/api/query', { method: 'GET' }, { status: 405, error: 'INVALID_QUERY' }],
    ['for a session that is none', '/api/session/1', { method: 'GET' }, { status: 404, error: 'SESSION_NOT_FOUND' }],
    [
      'for a session that nobody has',
      `/api/session/${crypto.randomUUID()}`,
      { method: 'DELETE' },
      { status: 404, error: 'SESSION_NOT_FOUND' },
    ],
    [
      'over a transport that is none',
      '/api/tools?transport=pigeon',
      { method: 'GET' },
      { status: 400, error: 'TRANSPORT_ERROR' },
    ],
  ]

  test('refuses in words of its own, with the limit of its client', async () => {
    const { send } = await gatewayWith(`
general_settings: {master_key: ${MASTER_KEY}, max_request_size_mb: 1}
agent: {rate_limit: 10000}`)
    for (const [what, path, init, expected] of wrong) {
      const method = init.body === undefined ? 'GET' : 'POST'
      const refusal = await refused(await send(path, undefined, { method, ...init }))
      const { status, error, message, details, request_id: id, timestamp, headers } = refusal
      expect({ status, error, ...(details && { details }) }, what).toMatchObject(expected)
      expect([typeof message, headers.get('x-request-id'), new Date(timestamp).toISOString()], what).toEqual([
        ...['string', id, timestamp],
      ])
      expect(headers.get('x-ratelimit-limit'), what).toBe('10000')
    }
    expect((await send('/api/query', undefined, { method: 'PUT' })).headers.get('allow')).toBe('POST')
    expect(vendor.arrived).toEqual([])
  })

  test('takes any value for what it is, or refuses it', async () => {
    const { gateway, send } = await gatewayWith(generous)
    for (const name of ['content', 'session_id', 'provider', 'model', 'transport', 'stream'])
      for (const json of hostileJson) {
        const { status } = await send('/api/query', `{"content": "Hi", ${JSON.stringify(name)}: ${json}}`)
        expect(status < 500 || status === 503, `${name}: ${json}`).toBe(true)
      }
    for (const name of ['provider_preference', 'max_messages', 'context'])
      for (const json of hostileJson) {
        const { status } = await send('/api/session', `{${JSON.stringify(name)}: ${json}}`)
        expect(status, `${name}: ${json}`).toBeLessThan(500)
      }
    expect((await fetch(`${gateway.url}/health/liveness`)).status).toBe(200)
  })

  test('is not there when the operator does not want it', async () => {
    const { send } = await gatewayWith(`${guarded}\nagent: {enabled: false}`)
    for (const path of ['/api/query', '/v1/query', '/api/tools', '/api/session', '/api/health'])
      expect((await send(path)).status, path).toBe(404)
  })

  test('counts clients by the address that a trusted proxy tells', async () => {
    const { send } = await gatewayWith(`${guarded}\nagent: {rate_limit: 1, window: 3600, trusted_proxies: [127.0.0.1]}`)
    const from = async (address: string) =>
      (await send('/api/tools', undefined, { headers: { 'x-forwarded-for': `6.6.6.6, ${address}` } })).status
    expect([await from('1.1.1.1'), await from('1.1.1.1'), await from('2.2.2.2')]).toEqual([200, 429, 200])
  })

  test('believes nobody where no proxy is trusted', async () => {
    const { send } = await gatewayWith(`${guarded}\nagent: {rate_limit: 1, window: 3600}`)
    const from = async (address: string) =>
      (await send('/api/tools', undefined, { headers: { 'x-forwarded-for': address } })).status
    expect([await from('1.1.1.1'), await from('2.2.2.2')]).toEqual([200, 429])
  })

  test('is not there for pages of other sites', async () => {
    const { ask } = await gatewayWith(generous)
    expect((await ask({}, { headers: { origin: 'https://evil.example' } })).status).toBe(403)
  })
})

describe('the provider of a query', () => {
  test('is a group of the configuration, the first where nobody says which', async () => {
    const { ask } = await gatewayWith(generous)
    expect(await answered(await ask({}))).toMatchObject({ provider_used: 'gpt', model: 'gpt-4o' })
    expect(await answered(await ask({ provider: 'other' }))).toMatchObject({ provider_used: 'other' })
    expect(asked(vendor.arrived[0]!.text).model).toBe('gpt-4o')
    expect(vendor.arrived[0]!.headers.authorization).toBe('Bearer sk-secret')
  })

  test("is none of the environment's where the operator has groups of their own", async () => {
    const { ask } = await gatewayWith(generous)
    const { message } = await refused(await ask({ provider: 'openai' }))
    expect(message).toBe('There is no provider "openai". There are: gpt, other.')
    expect(vendor.arrived).toEqual([])
  })

  test("is one of the environment's where the operator wants that, for the agent alone", async () => {
    const { ask, send } = await gatewayWith(`${guarded}\nagent: {rate_limit: 10000, default_provider: openai}`)
    expect(await answered(await ask({}))).toMatchObject({ provider_used: 'openai', model: 'gpt-4o' })
    expect(vendor.arrived[0]!.headers.authorization).toBe('Bearer sk-of-the-environment')
    const { data } = (await (await send('/v1/models')).json()) as { data: readonly { id: string }[] }
    expect(data.map(({ id }) => id)).toEqual(['gpt', 'other'])
    const chat = { model: 'openai', messages: [{ role: 'user', content: 'Hi' }] }
    expect((await send('/v1/chat/completions', chat)).status).toBe(404)
  })

  test('is one that the key may use', async () => {
    const { ask } = await gatewayWith(`${guarded}
agent: {rate_limit: 10000, providers: [openai, gpt]}
keys:
  - {key: sk-other, models: [other]}
  - {key: sk-gpt, models: [gpt]}
  - {key: sk-openai, models: [openai]}`)
    const used = async (key: string, body = {}) => (await answered(await ask(body, { key }))).provider_used
    expect([await used('sk-gpt'), await used('sk-openai'), await used('sk-other', { provider: 'other' })]).toEqual([
      ...['gpt', 'openai', 'other'],
    ])
    const refusal = await refused(await ask({ provider: 'openai' }, { key: 'sk-gpt' }))
    expect(refusal).toMatchObject({ status: 403, error: 'AUTHENTICATION_FAILED' })
    expect(await refused(await ask({}, { key: 'sk-other' }))).toMatchObject({
      ...{ status: 503, error: 'PROVIDER_UNAVAILABLE' },
      message: 'This key may not use openai, gpt. Name a provider that it may.',
    })
  })

  test('is asked for another model when that is a group as well', async () => {
    const { ask } = await gatewayWith(
      generous,
      `[${group('gpt')}, {model_name: "gpt/*", litellm_params: {model: "openai/*", api_base: ${vendor.url}, api_key: sk-secret}}]`,
    )
    await answered(await ask({ provider: 'gpt', model: 'gpt-4.1' }))
    expect(asked(vendor.arrived[0]!.text).model).toBe('gpt-4.1')
    const { ask: askStrict } = await gatewayWith(generous)
    expect(await refused(await askStrict({ model: 'gpt-4.1' }))).toMatchObject({
      ...{ status: 404, error: 'PROVIDER_UNAVAILABLE' },
      message: 'The provider gpt is not asked for other models than gpt-4o.',
    })
  })

  test('is missing where there is none, and the answer says what to set', async () => {
    const { ask, send } = await gatewayWith(generous, '[{model_name: "gpt/*", litellm_params: {model: "openai/*"}}]')
    const refusal = await refused(await ask({}))
    expect([refusal.status, refusal.error, refusal.message]).toEqual([
      ...[503, 'PROVIDER_UNAVAILABLE', expect.stringContaining('set OPENAI_API_KEY')],
    ])
    const health = await send('/api/health')
    expect([health.status, ((await health.json()) as JsonObject).status]).toEqual([503, 'unhealthy'])
  })
})

describe('a call of a model', () => {
  test('is judged by guardrails', async () => {
    const { ask } = await gatewayWith(`${generous}
guardrails:
  - guardrail_name: words
    litellm_params:
      {guardrail: litellm_content_filter, mode: pre_call, default_on: true, blocked_words: [{keyword: forbidden, action: BLOCK}]}`)
    const refusal = await refused(await ask({ content: 'What is forbidden?' }))
    expect(refusal).toMatchObject({ status: 400, error: 'INVALID_QUERY' })
    expect(vendor.arrived).toEqual([])
  })

  test('is put down to the key, by the group of each', async () => {
    const { ask, send } = await gatewayWith(
      `
general_settings: {master_key: ${MASTER_KEY}, database_url: 'sqlite::memory:'}
agent: {rate_limit: 10000}
keys: [{key: sk-poor, key_alias: poor, max_budget: 0.1}]`,
      `[${group('gpt', ', input_cost_per_token: 0.01, output_cost_per_token: 0.02')}]`,
    )
    const now = model({ calls: [['weather-weather_now', { city: 'Rome' }]] })
    vendor.script(now, model({ says: 'Sunny.' }))
    const refusal = await refused(await ask({}, { key: 'sk-poor' }))
    expect(refusal).toMatchObject({ status: 429, error: 'QUOTA_EXCEEDED' })
    expect(vendor.arrived).toHaveLength(1)
    await expect
      .poll(async () => {
        const { data: logs } = (await (await send('/spend/logs/v2')).json()) as { data: readonly JsonObject[] }
        return logs.map(({ model_group, spend }) => [model_group, spend])
      })
      .toEqual(expect.arrayContaining([['gpt', 0.14]]))
  })

  test('counts against the limits of the key, and nobody else is asked then', async () => {
    const { ask } = await gatewayWith(`${guarded}
agent: {rate_limit: 10000, providers: [gpt, other]}
keys: [{key: sk-slow, rpm_limit: 1}]`)
    vendor.script(model({ calls: [['weather-weather_now', { city: 'Rome' }]] }), model({ says: 'Sunny.' }))
    const refusal = await refused(await ask({}, { key: 'sk-slow' }))
    expect(refusal).toMatchObject({ status: 429, error: 'RATE_LIMITED' })
    expect(Number(refusal.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(vendor.arrived).toHaveLength(1)
  })
})

describe('the tools of a query', () => {
  test('are those that the key sees', async () => {
    const { ask, send } = await gatewayWith(`${generous}\nkeys: [{key: sk-mail, metadata: {mcp: {servers: [mail]}}}]`)
    const names = async (key: string) => {
      const { tools } = (await (await send('/api/tools', undefined, { key })).json()) as { tools: JsonObject[] }
      return tools.map(({ name }) => name)
    }
    expect(await names(MASTER_KEY)).toEqual(['weather-weather_now', 'weather-weather_hang', 'mail-mail_send'])
    expect(await names('sk-mail')).toEqual(['mail-mail_send'])
    vendor.script(model({ calls: [['weather-weather_now']] }), model({ says: 'I cannot.' }))
    const { tool_calls: calls } = await answered(await ask({}, { key: 'sk-mail' }))
    expect(calls.map(({ error }) => error?.code)).toEqual(['TOOL_NOT_FOUND'])
    expect(asked(vendor.arrived[0]!.text).tools).toHaveLength(1)
  })

  test('are not there for a key that may not call them', async () => {
    const { ask } = await gatewayWith(`${generous}
keys: [{key: sk-narrow, allowed_routes: [/api/query]}, {key: sk-wide, allowed_routes: [agent_routes, mcp_routes]}]`)
    expect(await refused(await ask({}, { key: 'sk-narrow' }))).toMatchObject({ status: 403 })
    expect((await ask({}, { key: 'sk-wide' })).status).toBe(200)
  })

  test('are not those of a transport that is switched off', async () => {
    const { send, ask } = await gatewayWith(`${guarded}\nagent: {rate_limit: 10000, transports: {http: false}}`)
    expect(await (await send('/api/tools')).json()).toEqual({ tools: [], count: 0, transport_types: [] })
    expect(await refused(await ask({ transport: 'http' }))).toMatchObject({ status: 400, error: 'TRANSPORT_ERROR' })
  })
})

describe('a session', () => {
  const stores = {
    'in memory': guarded,
    'in a database': `general_settings: {master_key: ${MASTER_KEY}, database_url: 'sqlite::memory:'}`,
  }

  test.each(Object.entries(stores))('%s belongs to the key, or the user, that began it', async (_where, settings) => {
    const { ask, send } = await gatewayWith(`${settings}
agent: {rate_limit: 10000}
keys: [{key: sk-a1, user_id: ada}, {key: sk-a2, user_id: ada}, {key: sk-bob}]`)
    const begun = await send('/api/session', { context: { town: 'Rome' } }, { key: 'sk-a1' })
    const { id } = (await begun.json()) as { id: string }
    expect((await ask({ session_id: id.toUpperCase() }, { key: 'sk-a2' })).status).toBe(200)
    const path = `/api/session/${id}`
    expect(await (await send(path, undefined, { key: 'sk-a1' })).json()).toMatchObject({
      ...{ id, context: { town: 'Rome' }, provider_preference: null, max_messages: 20 },
      messages: [{ role: 'user' }, { role: 'assistant' }],
    })
    const others = [
      await send(path, undefined, { key: 'sk-bob' }),
      await send(path, undefined, { method: 'DELETE', key: 'sk-bob' }),
      await ask({ session_id: id }, { key: 'sk-bob' }),
    ]
    expect(others.map(({ status }) => status)).toEqual([404, 404, 404])
    expect(asked(vendor.arrived[0]!.text).messages[0]).toMatchObject({ content: expect.stringContaining('Rome') })
    const ended = await send(path, undefined, { method: 'DELETE', key: 'sk-a2' })
    expect([ended.status, ((await ended.json()) as JsonObject).id]).toEqual([200, id])
    expect((await send(path, undefined, { key: 'sk-a1' })).status).toBe(404)
  })

  test('has its queries answered one after the other', async () => {
    const { ask, send } = await gatewayWith(generous)
    const { id } = (await (await send('/api/session', {})).json()) as { id: string }
    await Promise.all(['One?', 'Two?', 'Three?'].map((content) => ask({ content, session_id: id })))
    const counts = vendor.arrived.map(({ text }) => asked(text).messages.length)
    expect(counts).toEqual([2, 4, 6])
  })

  test('goes on when the configuration changes, and its client has used what it has used', async () => {
    const source = (models: string) => {
      const yaml = `agent: {rate_limit: 3, window: 3600}\nmodel_list: [${models}]`
      return { ...readConfig(yaml, { env: () => undefined }), title: 'test', folder: import.meta.dirname }
    }
    const gateway = await start({
      source: source(group('gpt')),
      reread: () => source(group('other')),
      ...{ port: 0, host: '127.0.0.1', logLevel: 'silent' },
    })
    onTestFinished(() => gateway.stop(100))
    const ask = (body: object) => {
      const headers = { 'content-type': 'application/json' }
      return fetch(`${gateway.url}/api/query`, { method: 'POST', headers, body: JSON.stringify(body) })
    }
    const { session_id } = await answered(await ask({ content: 'One?' }))
    await gateway.reload!('a test')
    const second = await ask({ content: 'Two?', session_id })
    expect(second.headers.get('x-ratelimit-remaining')).toBe('1')
    expect(await answered(second)).toMatchObject({ provider_used: 'other', session_id })
    expect(asked(vendor.arrived[1]!.text).messages).toHaveLength(4)
  })

  test('may prefer a group, as long as there is one of its name', async () => {
    const { send, ask } = await gatewayWith(generous)
    const { id } = (await (await send('/api/session', { provider_preference: 'other' })).json()) as { id: string }
    expect((await answered(await ask({ session_id: id }))).provider_used).toBe('other')
    expect((await answered(await ask({ session_id: id, provider: 'gpt' }))).provider_used).toBe('gpt')
    expect(await refused(await send('/api/session', { provider_preference: 'nobody' }))).toMatchObject({
      ...{ status: 400, error: 'PROVIDER_UNAVAILABLE' },
    })
  })
})

describe('a stream', () => {
  test('ends with an error when it has begun, and is refused like any other before', async () => {
    const { ask } = await gatewayWith(generous)
    vendor.script({ status: 500, body: { error: { message: 'Broken.' } } })
    const events = await told(await ask({ stream: true }))
    expect(events.map(({ type }) => type)).toEqual(['step', 'error'])
    expect(events[1]!.data).toMatchObject({ error: 'PROVIDER_UNAVAILABLE', request_id: expect.any(String) })
    const refusal = await refused(await ask({ stream: true, provider: 'nobody' }))
    expect([refusal.status, refusal.headers.get('content-type')]).toEqual([400, 'application/json'])
  })

  test.each([true, false])('of somebody who leaves ends what is under way for it (stream: %s)', async (stream) => {
    const { ask } = await gatewayWith(generous)
    vendor.script(model({ calls: [['weather-weather_hang']] }))
    const leaving = new AbortController()
    const asking = ask({ stream }, { signal: leaving.signal })
      .then((response) => response.text())
      .catch(() => 'left')
    await expect.poll(() => hanging).toBe(1)
    leaving.abort()
    expect(await asking).toBe('left')
    await expect.poll(() => hanging).toBe(0)
    expect(vendor.arrived).toHaveLength(1)
  })
})

describe('health', () => {
  test('is told to everybody, without names', async () => {
    const { gateway, ask } = await gatewayWith(`${guarded}\nagent: {rate_limit: 10000, providers: [gpt, other]}`)
    const health = async () => {
      const response = await fetch(`${gateway.url}/api/health`)
      return { code: response.status, ...((await response.json()) as { status: string; components: JsonObject }) }
    }
    expect(await health()).toMatchObject({
      ...{ code: 200, status: 'healthy', version: expect.any(String), uptime_seconds: expect.any(Number) },
      components: {
        providers: { status: 'healthy', message: '2 of 2 can be asked.', last_check: expect.any(String) },
        mcp_servers: { status: 'healthy', message: 'Nobody has asked for them yet.' },
        sessions: { status: 'healthy', message: 'In memory.' },
      },
    })
    await ask({})
    const after = await health()
    expect(after.components.mcp_servers).toMatchObject({ status: 'healthy', message: '2 of 2 can be used.' })
    expect(JSON.stringify(after)).not.toMatch(/gpt|weather|sk-/)
  })
})

describe('API_TOKEN', () => {
  test('is a key where there is no master key, and none where there is one', async () => {
    const environment = `environment_variables: {API_TOKEN: sk-token, OPENAI_API_KEY: any}
model_list: [${group('gpt')}]`
    const statuses = async (yaml: string) => {
      const gateway = await startGateway(`${yaml}\n${environment}`)
      onTestFinished(() => gateway.stop(100))
      return Promise.all(
        ['sk-token', 'sk-wrong'].map(async (key) => {
          const headers = { authorization: `Bearer ${key}` }
          return (await fetch(`${gateway.url}/api/tools`, { headers })).status
        }),
      )
    }
    expect(await statuses('')).toEqual([200, 401])
    expect(await statuses(guarded)).toEqual([401, 401])
  })
})
