import { describeOnBoth, type FakeUpstream, fakeUpstream, postgresFolder, startPostgres } from '@tianjillm/testing'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ConfigError, type Started } from '../src/index.ts'
import { MASTER_KEY, startGateway } from './support.ts'

let upstream: FakeUpstream
beforeAll(async () => {
  upstream = await fakeUpstream()
  upstream.script({
    body: {
      id: 'c',
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hi.' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    },
  })
})
afterAll(() => upstream.close())

async function started(url: string | undefined, more = ''): Promise<Started> {
  const database = url === undefined ? '' : `, database_url: '${url}'`
  const gateway = await startGateway(`
model_list:
  - {model_name: small, litellm_params: {model: openai/one, api_base: ${upstream.url}, api_key: sk-vendor}}
  - model_name: priced
    litellm_params: {model: openai/three, api_base: ${upstream.url}, api_key: sk-vendor, input_cost_per_token: 0.001, output_cost_per_token: 0.002}
  - {model_name: large, litellm_params: {model: openai/two, api_base: ${upstream.url}, api_key: sk-vendor}}
general_settings: {master_key: ${MASTER_KEY}${database}}
${more}`)
  onTestFinished(() => gateway.stop(100))
  return gateway
}

async function ask({ url }: Started, method: 'GET' | 'POST', path: string, body?: object, key = MASTER_KEY) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer }
}

/** What the routes answer with, as far as it is looked at here. */
interface Answer {
  readonly key: string
  readonly info: Readonly<Record<string, unknown>>
  readonly data: readonly { readonly id: string }[]
  readonly total: number
  readonly total_count: number
  readonly error: { readonly message: string; readonly param: string; readonly code: string }
}

async function keyWith(gateway: Started, fields: object): Promise<string> {
  const { status, body } = await ask(gateway, 'POST', '/key/generate', fields)
  expect(status, JSON.stringify(body)).toBe(200)
  return body.key
}

async function statusOf(gateway: Started, key: string, model = 'small'): Promise<number> {
  const body = { model, messages: [{ role: 'user', content: 'Hi' }] }
  return (await ask(gateway, 'POST', '/v1/chat/completions', body, key)).status
}

describeOnBoth('keys in a database', (newUrl) => {
  it('let their holders in, with a real client', async () => {
    const gateway = await started(newUrl())
    expect((await ask(gateway, 'GET', '/health/readiness')).body).toMatchObject({ db: 'connected' })
    const apiKey = await keyWith(gateway, { key_alias: 'ci' })
    const client = new OpenAI({ apiKey, baseURL: `${gateway.url}/v1` })
    const { choices } = await client.chat.completions.create({
      model: 'small',
      messages: [{ role: 'user', content: 'Hi' }],
    })
    expect(choices[0]!.message.content).toBe('Hi.')
  })

  it('are confined to their models, to a rate, and to a time', async () => {
    const gateway = await started(newUrl())
    const confined = await keyWith(gateway, { models: ['sm*'] })
    expect([await statusOf(gateway, confined), await statusOf(gateway, confined, 'large')]).toEqual([200, 403])
    const listed = await ask(gateway, 'GET', '/v1/models', undefined, confined)
    expect(listed.body.data.map(({ id }) => id)).toEqual(['small'])
    const slow = await keyWith(gateway, { rpm_limit: 2 })
    expect([await statusOf(gateway, slow), await statusOf(gateway, slow), await statusOf(gateway, slow)]).toEqual([
      200, 200, 429,
    ])
    const short = await keyWith(gateway, { duration: '1s' })
    expect(await statusOf(gateway, short)).toBe(200)
    await expect.poll(() => statusOf(gateway, short)).toBe(401)
  })

  it('are changed, blocked, renewed and taken away at once', async () => {
    const gateway = await started(newUrl())
    const key = await keyWith(gateway, { key_alias: 'ci' })
    expect(await statusOf(gateway, key)).toBe(200)
    await ask(gateway, 'POST', '/key/update', { key, models: ['large'] })
    expect([await statusOf(gateway, key), await statusOf(gateway, key, 'large')]).toEqual([403, 200])
    await ask(gateway, 'POST', '/key/block', { key })
    expect(await statusOf(gateway, key, 'large')).toBe(401)
    await ask(gateway, 'POST', '/key/unblock', { key })
    expect(await statusOf(gateway, key, 'large')).toBe(200)
    const { body: renewed } = await ask(gateway, 'POST', '/key/regenerate', { key })
    expect([await statusOf(gateway, key, 'large'), await statusOf(gateway, renewed.key, 'large')]).toEqual([401, 200])
    expect((await ask(gateway, 'POST', '/key/delete', { key_aliases: ['ci'] })).status).toBe(200)
    expect(await statusOf(gateway, renewed.key, 'large')).toBe(401)
  })

  it('are there after a restart, and nowhere in the open', async () => {
    const url = newUrl()
    const first = await started(url)
    const key = await keyWith(first, { key_alias: 'ci', user_id: 'ada' })
    await first.stop(100)
    const second = await started(url)
    expect(await statusOf(second, key)).toBe(200)
    const { body } = await ask(second, 'GET', `/key/info?key=${key}`)
    expect(body.info).toMatchObject({ key_alias: 'ci', user_id: 'ada', key_name: `sk-...${key.slice(-4)}` })
    const { body: list } = await ask(second, 'GET', '/key/list?return_full_object=true&size=5')
    expect(list).toMatchObject({ total_count: 1, keys: [{ key_alias: 'ci' }] })
    expect(JSON.stringify([body, list])).not.toContain(key)
  })

  it('do nothing to others, and learn nothing of them', async () => {
    const gateway = await started(newUrl())
    const own = await keyWith(gateway, { key_alias: 'own' })
    const other = await keyWith(gateway, { key_alias: 'other' })
    for (const name of ['update', 'block', 'unblock', 'regenerate'])
      expect((await ask(gateway, 'POST', `/key/${name}`, { key: other }, own)).status, name).toBe(403)
    expect((await ask(gateway, 'POST', '/key/delete', { keys: [other] }, own)).status).toBe(403)
    expect((await ask(gateway, 'POST', '/key/generate', {}, own)).status).toBe(403)
    expect((await ask(gateway, 'GET', `/key/info?key=${other}`, undefined, own)).status).toBe(403)
    expect((await ask(gateway, 'GET', '/key/info?key=sk-nobody', undefined, own)).status).toBe(403)
    expect((await ask(gateway, 'GET', '/key/list', undefined, own)).body.total_count).toBe(1)
    expect((await ask(gateway, 'GET', '/key/info', undefined, own)).body.info.key_alias).toBe('own')
  })

  it('are told what was spent with them, call by call and summed up', async () => {
    const gateway = await started(newUrl())
    const key = await keyWith(gateway, { user_id: 'ada' })
    for (const model of ['priced', 'priced', 'small']) await statusOf(gateway, key, model)
    await expect.poll(async () => (await ask(gateway, 'GET', '/spend/logs')).body.total).toBe(3)
    const users = await ask(gateway, 'GET', '/spend/users')
    expect(users.body.data).toMatchObject([{ id: 'ada', spend: 0.04, api_requests: 3, unpriced_requests: 1 }])
    const report = await ask(gateway, 'GET', '/spend/days')
    expect(report.body.data).toMatchObject([{ spend: 0.04, prompt_tokens: 30 }])
    const { body } = await ask(gateway, 'GET', `/key/info?key=${key}`)
    expect(body.info.spend).toBe(0.04)
    expect((await ask(gateway, 'GET', '/spend/logs?start_date=tomorrow')).status).toBe(400)
  })

  it('lose no call that was answered before the gateway stops', async () => {
    const url = newUrl()
    const first = await started(url)
    const key = await keyWith(first, {})
    await Promise.all(Array.from({ length: 40 }, () => statusOf(first, key, 'priced')))
    await first.stop(1_000)
    const second = await started(url)
    expect((await ask(second, 'GET', '/spend/logs?size=1')).body.total).toBe(40)
  })

  it('cannot have a limit that is mistyped', async () => {
    const gateway = await started(newUrl())
    const { status, body } = await ask(gateway, 'POST', '/key/generate', { max_budgets: 5 })
    expect([status, body.error.param]).toEqual([400, 'max_budgets'])
    expect((await ask(gateway, 'POST', '/key/generate', [] as object)).status).toBe(400)
    expect((await ask(gateway, 'GET', '/key/list')).body.total_count).toBe(0)
  })
})

describe('without a database', () => {
  it('the routes say what to set', async () => {
    const gateway = await started(undefined, 'keys: [{key: sk-of-the-file}]')
    const { status, body } = await ask(gateway, 'POST', '/key/generate', {})
    expect([status, body.error.code]).toEqual([400, 'no_db_connection'])
    expect(body.error.message).toContain('general_settings.database_url')
    expect(await statusOf(gateway, 'sk-of-the-file')).toBe(200)
  })

  it('a gateway whose database cannot be reached does not start, and tells no password', async () => {
    const error = await started('postgres://me:secret@127.0.0.1:9/none').catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ConfigError)
    expect(String(error)).toContain(
      'proxy_config.yaml:7:53: error: general_settings.database_url: the database cannot be used: ECONNREFUSED',
    )
    expect(String(error)).not.toContain('secret')
    const other = await started('mysql://me:secret@127.0.0.1/none').catch((reason: unknown) => reason)
    expect(String(other)).toContain('database_url: a database has the URL postgresql://… or sqlite:…')
    expect(String(other)).not.toContain('secret')
  })
})

const programs = postgresFolder()
describe.skipIf(programs === undefined)('a database that dies (skipped where there is no PostgreSQL)', () => {
  it('keeps nobody out who was in, and nobody in who is a stranger', async () => {
    const server = await startPostgres(programs!)
    const gateway = await started(server.newDatabase(), 'keys: [{key: sk-of-the-file}]')
    const key = await keyWith(gateway, {})
    expect(await statusOf(gateway, key)).toBe(200)
    await server.stop()
    expect(await statusOf(gateway, key)).toBe(200)
    expect(await statusOf(gateway, 'sk-of-the-file')).toBe(200)
    const stranger = await ask(gateway, 'GET', '/v1/models', undefined, 'sk-stranger')
    expect([stranger.status, stranger.headers.get('retry-after')]).toEqual([503, '5'])
    expect(stranger.body.error.message).toContain('cannot reach its database')
  })
})
