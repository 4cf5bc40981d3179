import {
  type CallReport,
  defineCallback,
  defineGuardrail,
  GatewayError,
  type JsonObject,
  register,
} from '@tianjillm/core'
import {
  type AnyClient,
  clientBy,
  fakeServer,
  type House,
  houseOf,
  toolOf,
  type Way,
  ways,
} from '@tianjillm/testing-mcp'
import * as v from 'valibot'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Started } from '../src/index.ts'
import { MASTER_KEY, startGateway } from './support.ts'

const heard: CallReport[] = []
let verdicts = 0

register(
  defineCallback({
    ...{ name: 'ears_of_tools', title: 'Ears', docs: 'https://ears.test', options: v.object({}) },
    create: () => ({
      content: true,
      success: (report) => void heard.push(report),
      failure: (report) => void heard.push(report),
    }),
  }),
)
register(
  defineGuardrail({
    ...{ name: 'judge_of_tools', title: 'Judge', docs: 'https://judge.test', options: v.object({}) },
    create: () => ({
      hooks: ['pre_mcp_call', 'during_mcp_call', 'post_mcp_call'],
      async check({ direction, texts, context }) {
        verdicts += 1
        expect(context[0]!.content).toMatch(/^Tool: /)
        if (texts.some((text) => text.includes('forbidden')))
          return { action: 'block', reason: `a word of the ${direction}` }
        return { action: 'rewrite', texts: texts.map((text) => text.replaceAll('secret', '***')) }
      },
    }),
  }),
)

register(
  defineGuardrail({
    ...{ name: 'watcher_of_tools', title: 'Watcher', docs: 'https://watcher.test', options: v.object({}) },
    create: () => ({
      hooks: ['during_mcp_call'],
      async check({ texts }) {
        if (!texts.includes('halt')) return { action: 'pass' }
        await begun.promise
        return { action: 'block', reason: 'enough' }
      },
    }),
  }),
)
/** A tool has begun to work. */
let begun: PromiseWithResolvers<void>

let house: House
let gateway: Started
/** What the servers were asked, and how they answer. */
let asked: JsonObject[]
let answer: (given: JsonObject, signal: AbortSignal) => JsonObject | Promise<JsonObject>

const text = (value: unknown) => ({ content: [{ type: 'text', text: String(value) }] })
const login = toolOf('login', {
  inputSchema: {
    type: 'object',
    properties: { pin: { type: 'string', format: 'password' }, login: { type: 'object', properties: {} } },
  },
})

beforeAll(async () => {
  const server = fakeServer('s', { tools: [toolOf('find'), login] }, async (_method, params, _peer, signal) => {
    asked.push(params)
    return answer(params.arguments as JsonObject, signal!)
  })
  house = await houseOf([server], { catalogued: { separator: '_' } })
  gateway = await startGateway(`
general_settings: {master_key: ${MASTER_KEY}, database_url: 'sqlite::memory:'}
litellm_settings: {callbacks: [ears_of_tools, prometheus]}
guardrails:
  - {guardrail_name: before, litellm_params: {guardrail: judge_of_tools, mode: [pre_mcp_call, post_mcp_call], default_on: true}}
  - {guardrail_name: beside, litellm_params: {guardrail: watcher_of_tools, mode: during_mcp_call, default_on: true}}
  - {guardrail_name: unasked, litellm_params: {guardrail: judge_of_tools, mode: pre_mcp_call}}
mcp_servers:
  shop:
    url: "${house.url}/mcp"
    allowed_params: {s_find: [what, token, forbidden]}
    mcp_info:
      logo_url: https://shop.test/logo.png
      mcp_server_cost_info: {default_cost_per_query: 0.5, tool_name_to_cost_per_query: {s_find: "0.25"}}
keys:
  - {key: sk-poor, key_alias: poor, max_budget: 0.4}
  - {key: sk-slow, key_alias: slow, model_rpm_limit: {"MCP: shop-s_login": 1}}
  - {key: sk-few, key_alias: few, rpm_limit: 6}
  - {key: sk-one, key_alias: one}
`)
})
afterAll(async () => {
  await gateway.stop(1_000)
  await house.close()
})
beforeEach(() => {
  heard.length = 0
  asked = []
  begun = Promise.withResolvers()
  verdicts = 0
  answer = () => text('found')
})

async function connected(way: Way, key = MASTER_KEY): Promise<AnyClient> {
  const client = await clientBy(way, gateway.url, { authorization: `Bearer ${key}` })
  onTestFinished(() => client.close())
  return client
}

const get = async (path: string, key = MASTER_KEY) =>
  fetch(`${gateway.url}${path}`, { headers: { authorization: `Bearer ${key}` } })
const post = async (path: string, body: unknown, key = MASTER_KEY) =>
  fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify(body),
  })
const reports = () => heard.filter(({ operation }) => operation === 'tool')

describe.each(ways)('%s', (way) => {
  test('a call is judged, rewritten where judges say so, and reported with its price', async () => {
    answer = () => ({
      content: [
        { type: 'text', text: 'a secret' },
        { type: 'resource', resource: { uri: 'a:b', text: 'secret too' } },
      ],
      structuredContent: { list: [{ note: 'secret', count: 1 }] },
    })
    const client = await connected(way)
    const result = await client.callTool('shop-s_find', { what: { deep: ['the secret', 7] }, token: 'abc' })
    expect(asked[0]!.arguments).toEqual({ what: { deep: ['the ***', 7] }, token: 'abc' })
    expect(result).toMatchObject({
      content: [{ text: 'a ***' }, { resource: { uri: 'a:b', text: '*** too' } }],
      structuredContent: { list: [{ note: '***', count: 1 }] },
    })
    await expect.poll(reports).toMatchObject([
      {
        ...{
          status: 'success',
          model: 'MCP: shop-s_find',
          modelGroup: 'MCP: shop-s_find',
          provider: 'shop',
          cost: 0.25,
        },
        ...{ input: { name: 's_find', arguments: { what: { deep: ['the ***', 7] }, token: '[redacted]' } } },
        ...{ output: undefined, route: '/mcp', httpStatus: 200 },
        tool: {
          server: 'shop',
          name: 's_find',
          resultLength: 12,
          hasFailed: false,
          logoUrl: 'https://shop.test/logo.png',
        },
        guardrails: [{ hook: 'pre_mcp_call' }, { hook: 'during_mcp_call' }, { hook: 'post_mcp_call' }],
      },
    ])
    expect(verdicts).toBe(2)
  })

  test('what is blocked is a failed result that says by whom, and never reaches the server', async () => {
    const client = await connected(way)
    expect(await client.callTool('shop-s_find', { what: 'forbidden' })).toMatchObject({
      isError: true,
      content: [{ text: 'Blocked by the guardrail before: a word of the request' }],
      _meta: { code: 'guardrail_blocked', status: 400 },
    })
    expect(asked).toEqual([])
    answer = () => text('forbidden')
    expect(await client.callTool('shop-s_find')).toMatchObject({
      isError: true,
      content: [{ text: 'Blocked by the guardrail before: a word of the response' }],
    })
    await expect.poll(reports).toMatchObject([
      { status: 'failure', cost: 0, error: { kind: 'guardrail_blocked', status: 400 } },
      { status: 'failure', cost: 0, error: { kind: 'guardrail_blocked', status: 400 } },
    ])
  })

  test('who judges beside a call ends it', async () => {
    const ended = Promise.withResolvers<unknown>()
    answer = (_given, signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          ended.resolve('ended')
          resolve(text('late'))
        })
        begun.resolve()
      })
    const client = await connected(way)
    expect(await client.callTool('shop-s_find', { what: 'halt' })).toMatchObject({
      ...{ isError: true, _meta: { code: 'guardrail_blocked' } },
      content: [{ text: 'Blocked by the guardrail beside: enough' }],
    })
    expect(await ended.promise).toBe('ended')
    await expect.poll(reports).toHaveLength(1)
  })

  test('errors of the protocol stay what they are, and are reported as failures', async () => {
    const client = await connected(way)
    answer = () => {
      throw new GatewayError('upstream_timeout', 'no')
    }
    expect((await client.callTool('shop-s_find')).isError).toBe(true)
    await expect(client.callTool('shop-nothing')).rejects.toMatchObject({ code: -32602 })
    expect(await client.callTool('shop-s_find', { other: 1 })).toMatchObject({ _meta: { status: 403 } })
    await expect.poll(() => reports().map(({ error }) => error?.kind)).toEqual([undefined, 'permission_denied'])
    expect(reports()[0]).toMatchObject({ status: 'success', tool: { hasFailed: true } })
  })
})

test('what a tool asks its user is not paid for, what it gives in the end is', async () => {
  const requestedSchema = { type: 'object', properties: { which: { type: 'string' } } }
  const question = { method: 'elicitation/create', params: { mode: 'form', message: 'Which?', requestedSchema } }
  answer = () =>
    asked.at(-1)!.inputResponses === undefined
      ? { resultType: 'input_required', inputRequests: { first: question }, requestState: 'state' }
      : text('found')
  const client = await connected('sdk 2 without sessions')
  client.answer('elicitation/create', () => ({ action: 'accept', content: { which: 'this' } }))
  expect(await client.callTool('shop-s_find')).toMatchObject(text('found'))
  await expect
    .poll(() => reports().map(({ status, cost }) => [status, cost]))
    .toEqual([
      ['success', 0],
      ['success', 0.25],
    ])
})

test('a result of very many texts is judged and rewritten in one go', async () => {
  const list = Array.from({ length: 20_000 }, (_, index) => ({ note: `secret ${index}` }))
  answer = () => ({ ...text('found'), structuredContent: { list } })
  const client = await connected('sdk 2 without sessions')
  const { structuredContent } = await client.callTool('shop-s_find')
  const { list: rewritten } = structuredContent as { readonly list: readonly unknown[] }
  expect([rewritten.length, rewritten.at(-1)]).toEqual([20_000, { note: '*** 19999' }])
})

test('over REST it is the same, and the report has its route', async () => {
  const response = await post('/mcp-rest/tools/call', {
    name: 'shop-s_login',
    arguments: { pin: '1', login: { a: 1 } },
  })
  expect(await response.json()).toMatchObject(text('found'))
  await expect
    .poll(reports)
    .toMatchObject([
      { route: '/mcp-rest/tools/call', cost: 0.5, input: { arguments: { pin: '[redacted]', login: { a: 1 } } } },
    ])
})

test('calls are in the logs of spend and among the metrics, and a trace has all of a request', async () => {
  const [first, second] = await Promise.all(
    [1, 2].map(() => post('/mcp-rest/tools/call', { name: 'shop-s_find', arguments: { what: 'kites' } }, 'sk-one')),
  )
  expect([first!.status, second!.status]).toEqual([200, 200])
  const logs = async () => (await get('/spend/logs?api_key=sk-one')).json()
  await expect.poll(logs).toMatchObject({
    total: 2,
    data: [{ call_type: 'tool', model: 'MCP: shop-s_find', provider: 'shop', spend: 0.25, status: 'success' }, {}],
  })
  expect(JSON.stringify(await logs())).not.toContain('kites')
  expect(await (await get('/metrics')).text()).toMatch(
    /litellm_spend_metric_total\{[^}]*model="MCP: shop-s_find"[^}]*\} \d/,
  )
  expect(reports()[0]!.traceId).toBe(first!.headers.get('x-request-id'))
})

test('what tools cost counts towards budgets, over which nothing is called any more', async () => {
  const client = await connected('sdk 2 without sessions', 'sk-poor')
  expect(await client.callTool('shop-s_login')).toMatchObject(text('found'))
  await expect(client.callTool('shop-s_login')).rejects.toThrow()
  expect(asked).toHaveLength(1)
})

test('a tool can have a limit of its own, as a model has', async () => {
  const client = await connected('sdk 2 with sessions', 'sk-slow')
  expect(await client.callTool('shop-s_login')).toMatchObject(text('found'))
  expect(await client.callTool('shop-s_login')).toMatchObject({
    isError: true,
    _meta: { status: 429, retryable: true },
  })
  expect(await client.callTool('shop-s_find')).toMatchObject(text('found'))
})

test('calls that come in one request are as many as they are', async () => {
  const hello = {
    ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
    params: { protocolVersion: '2025-03-26', capabilities: {}, clientInfo: { name: 'old', version: '1' } },
  }
  const opened = await post('/mcp', hello, 'sk-few')
  const session = opened.headers.get('mcp-session-id')!
  const call = (id: number) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'shop-s_find' } })
  const batch = (count: number) =>
    fetch(`${gateway.url}/mcp`, {
      method: 'POST',
      headers: {
        ...{ authorization: 'Bearer sk-few', 'content-type': 'application/json' },
        ...{ accept: 'application/json, text/event-stream', 'mcp-session-id': session },
      },
      body: JSON.stringify(Array.from({ length: count }, (_, index) => call(index + 2))),
    })
  expect((await batch(2)).status).toBe(200)
  expect((await batch(4)).status).toBe(429)
})
