import { sse } from '@tianjillm/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { gatewayAndUpstream, MASTER_KEY } from './support.ts'

const { gateway, upstream } = gatewayAndUpstream((url) => {
  const deployment = (group: string, name: string, more = '') =>
    `  - {model_name: ${group}, litellm_params: {model: openai/${name}, api_key: k, api_base: ${url}${more}}}`
  return `
model_list:
${deployment('pair', 'a')}
${deployment('pair', 'b')}
${deployment('hasty', 'c', ', timeout: 0.1, stream_timeout: 0.1')}
${deployment('spare', 'd')}
general_settings: {master_key: ${MASTER_KEY}}
router_settings: {num_retries: 3, fallbacks: [{hasty: [spare]}]}
`
})

const COMPLETION = {
  body: {
    id: 'c',
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
  },
}
const events = { 'content-type': 'text/event-stream' }
const EVENT = sse({ id: 'c', choices: [{ index: 0, delta: { content: 'Hello' }, finish_reason: null }] })
const END = sse({ id: 'c', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }, '[DONE]')
/** Milliseconds: by then a deployment's timeout has passed, of which undici tells with up to a second's delay. */
const LATE = 1_500
const silence = { headers: events, pieces: [], hangs: true }

beforeEach(() => upstream().script(COMPLETION))

function post(body: object, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`${gateway().url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${MASTER_KEY}`, ...headers },
    body: JSON.stringify({ model: 'pair', messages: [{ role: 'user', content: 'hi' }], ...body }),
  })
}

async function ask(body: object, headers?: Readonly<Record<string, string>>) {
  const response = await post(body, headers)
  const { error } = (await response.json()) as { error?: { message: string; code: string; param: string | null } }
  return { status: response.status, headers: response.headers, error }
}

const models = () => upstream().arrived.map(({ text }) => (JSON.parse(text) as { model: string }).model)

describe('a timeout of the request', () => {
  it.each([
    { by: 'its body', body: { timeout: 0.2 }, headers: {} },
    { by: 'x-litellm-timeout', body: {}, headers: { 'x-litellm-timeout': '0.2' } },
    { by: 'x-tianji-timeout', body: {}, headers: { 'x-tianji-timeout': '0.2' } },
    { by: 'a header before its body', body: { timeout: 60 }, headers: { 'x-litellm-timeout': '0.2' } },
  ])('in $by is for all attempts together', async ({ body, headers }) => {
    upstream().script({ ...COMPLETION, hangs: true })
    const { status, error } = await ask(body, headers)
    expect([status, error?.code]).toEqual([504, 'upstream_timeout'])
    expect(error?.message).toBe(
      'No answer within the 0.2 s that the request sets (timeout). Last asked was openai, in attempt 1.',
    )
    expect(models()).toHaveLength(1)
  })

  it('is no concern of the vendor', async () => {
    expect((await ask({ timeout: 60, stream_timeout: 60, num_retries: 1 })).status).toBe(200)
    const [arrived] = upstream().arrived
    expect(Object.keys(JSON.parse(arrived!.text) as object).sort()).toEqual(['messages', 'model'])
  })

  it('lets a deployment take longer than it otherwise may', async () => {
    upstream().script({ ...COMPLETION, delay: LATE })
    expect((await ask({ model: 'hasty', timeout: 60 })).status).toBe(200)
    expect(models()).toEqual(['c'])
  })

  it('is not spent on waiting for a try that would come too late', async () => {
    upstream().script({ status: 503, headers: { 'retry-after': '5' }, body: { error: { message: 'Full.' } } })
    const { status, error } = await ask({ model: 'spare', timeout: 4 })
    expect([status, error?.code]).toEqual([503, 'overloaded'])
    expect(models()).toHaveLength(1)
  })

  it('says nothing of the deployments, which others may go on asking', async () => {
    upstream().script({ ...COMPLETION, hangs: true })
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask({ timeout: 0.1 })))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([504]))
    upstream().script(COMPLETION)
    expect((await ask({})).status).toBe(200)
  })

  it('holds for a stream until its first event', async () => {
    upstream().script({ headers: events, pieces: [EVENT, EVENT, EVENT, END], pause: 400 })
    const response = await post({ stream: true, timeout: 1 })
    expect(await response.text()).toBe(EVENT.repeat(3) + END)
  })

  it.each([{ timeout: 0.2 }, { timeout: 60, stream_timeout: 0.2 }])(
    '%j ends a stream that does not begin',
    async (body) => {
      upstream().script(silence)
      const { status, error } = await ask({ stream: true, ...body })
      expect([status, error?.code]).toEqual([504, 'upstream_timeout'])
      expect(models()).toHaveLength(1)
    },
  )

  it('leaves a stream_timeout of the deployment as it is, so that others stand in', async () => {
    upstream().script(silence, { headers: events, pieces: [EVENT, END] })
    const response = await post({ model: 'hasty', stream: true, timeout: 60, num_retries: 0 })
    expect(await response.text()).toBe(EVENT + END)
    expect(models()).toEqual(['c', 'd'])
  })

  it('for streams in place of that of the deployment is kept', async () => {
    upstream().script({ headers: events, pieces: [EVENT, END], delay: LATE })
    const response = await post({ model: 'hasty', stream: true }, { 'x-litellm-stream-timeout': '60' })
    expect(await response.text()).toBe(EVENT + END)
    expect(models()).toEqual(['c'])
  })
})

it.each(['x-litellm-num-retries', 'x-tianji-num-retries'])('%s says how often a call is tried again', async (name) => {
  upstream().script({ status: 503, body: { error: { message: 'Full.' } } })
  await ask({ model: 'spare', num_retries: 3 }, { [name]: '0' })
  expect(models()).toEqual(['d'])
})

it.each([
  { param: 'timeout', body: { timeout: 0 }, headers: {} },
  { param: 'timeout', body: { timeout: -1 }, headers: {} },
  { param: 'timeout', body: { timeout: '5' }, headers: {} },
  { param: 'timeout', body: { timeout: 6001 }, headers: {} },
  { param: 'timeout', body: {}, headers: { 'x-litellm-timeout': 'soon' } },
  { param: 'timeout', body: {}, headers: { 'x-litellm-timeout': '' } },
  { param: 'timeout', body: {}, headers: { 'x-tianji-timeout': 'Infinity' } },
  { param: 'stream_timeout', body: { stream_timeout: [] }, headers: {} },
  { param: 'num_retries', body: { num_retries: -1 }, headers: {} },
  { param: 'num_retries', body: {}, headers: { 'x-litellm-num-retries': '1.5' } },
])('$body with $headers is refused for its $param', async ({ param, body, headers }) => {
  const { status, error } = await ask(body, headers)
  expect([status, error?.param]).toEqual([400, param])
  expect(models()).toEqual([])
})

it('null is as good as nothing', async () => {
  expect((await ask({ timeout: null, stream_timeout: null, num_retries: null })).status).toBe(200)
})

describe('an answer says how long it took', () => {
  const durations = ({ headers }: { readonly headers: Headers }) => {
    const [total, overhead] = ['response', 'overhead'].map((name) => {
      const value = headers.get(`x-litellm-${name}-duration-ms`)
      expect(headers.get(`x-tianji-${name}-duration-ms`)).toBe(value)
      expect(value).toMatch(/^\d+(\.\d{1,3})?$/)
      return Number(value)
    })
    return { total: total!, overhead: overhead! }
  }

  it('and how much of that no vendor was waited for', async () => {
    upstream().script({ ...COMPLETION, delay: 200 })
    const { total, overhead } = durations(await ask({}))
    expect(overhead).toBeGreaterThan(0)
    expect(total - overhead).toBeGreaterThan(190)
  })

  it("with the time of every attempt as the vendors'", async () => {
    upstream().script({ status: 500, delay: 200, body: {} }, { ...COMPLETION, delay: 200 })
    const { total, overhead } = durations(await ask({}))
    expect(total - overhead).toBeGreaterThan(390)
  })

  it('until its first event when it is a stream', async () => {
    upstream().script({ headers: events, pieces: [EVENT, END], delay: 200, pause: 100 })
    const response = await post({ stream: true })
    const { total, overhead } = durations(response)
    expect(total - overhead).toBeGreaterThan(190)
    expect(await response.text()).toBe(EVENT + END)
  })
})
