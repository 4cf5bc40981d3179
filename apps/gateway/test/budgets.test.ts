import { describeOnBoth, type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Started } from '../src/index.ts'
import { MASTER_KEY, startGateway } from './support.ts'

let upstream: FakeUpstream
beforeAll(async () => {
  upstream = await fakeUpstream()
  upstream.script({
    body: {
      id: 'c',
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hi.' }, finish_reason: 'stop' }],
      // A dollar: 1,000 of each at a tenth of a cent and at nothing.
      usage: { prompt_tokens: 1_000, completion_tokens: 0, total_tokens: 1_000 },
    },
  })
})
afterAll(() => upstream.close())

const price = 'input_cost_per_token: 0.001, output_cost_per_token: 0'

async function started(general: string, more = ''): Promise<Started> {
  const gateway = await startGateway(`
model_list:
  - {model_name: dear, litellm_params: {model: openai/one, api_base: ${upstream.url}, api_key: sk-vendor, ${price}}}
  - {model_name: other, litellm_params: {model: openai/two, api_base: ${upstream.url}, api_key: sk-vendor, ${price}}}
general_settings: {master_key: ${MASTER_KEY}${general}}
${more}`)
  onTestFinished(() => gateway.stop(500))
  return gateway
}

/** What a management route answers; it must be allowed. */
async function ask({ url }: Started, path: string, body?: object, key = MASTER_KEY): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
  const answer = (await response.json()) as Answer
  expect(response.status, JSON.stringify(answer)).toBe(200)
  return answer
}

interface Answer {
  readonly key: string
  readonly info: { readonly spend: number; readonly budget_reset_at: string }
}

/** What becomes of calls that are made one after the other: `ok`, or the code of the error. */
async function calls(gateway: Started, key: string, count: number, more: object = {}): Promise<readonly string[]> {
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 2 })
  const results: string[] = []
  for (let turn = 0; turn < count; turn++)
    results.push(
      await client.chat.completions
        .create({ model: 'dear', messages: [{ role: 'user', content: 'hi' }], ...more } as never)
        .then(
          () => 'ok',
          (error: { readonly status: number; readonly code: string }) => `${error.status} ${error.code}`,
        ),
    )
  return results
}

const OVER = '429 budget_exceeded'

describeOnBoth('budgets in a database', (newUrl) => {
  const open = (more = '') => started(`, database_url: '${newUrl()}'`, more)

  it('of a key let calls in until they are used up, tell why, and begin anew when they are raised', async () => {
    const gateway = await open()
    const { key } = await ask(gateway, '/key/generate', { key_alias: 'ci', max_budget: 2 })
    const before = upstream.arrived.length
    expect(await calls(gateway, key, 4)).toEqual(['ok', 'ok', OVER, OVER])
    // The client would try again after a 429, were it not told otherwise.
    expect(upstream.arrived.length - before).toBe(2)
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'dear', messages: [{ role: 'user', content: 'hi' }] }),
    })
    expect(await response.json()).toEqual({
      error: {
        message: 'The budget of $2.00 of the key "ci" is used up ($2.00 are spent).',
        type: 'budget_exceeded',
        param: null,
        code: 'budget_exceeded',
      },
    })
    await expect.poll(async () => (await ask(gateway, `/key/info?key=${key}`)).info.spend).toBe(2)
    await ask(gateway, '/key/update', { key, max_budget: 3 })
    expect(await calls(gateway, key, 2)).toEqual(['ok', OVER])
    await ask(gateway, '/key/update', { key, spend: 0 })
    await vi.waitFor(async () => expect(await calls(gateway, key, 1)).toEqual(['ok']), {
      timeout: 10_000,
      interval: 200,
    })
  })

  it('are those of the team, the member, the user, the organization and the customer as well', async () => {
    const gateway = await open()
    await ask(gateway, '/organization/new', { organization_id: 'acme', organization_alias: 'acme', max_budget: 7 })
    await ask(gateway, '/team/new', { team_id: 'blue', team_alias: 'blue', organization_id: 'acme', max_budget: 5 })
    await ask(gateway, '/user/new', { user_id: 'ada', max_budget: 3, auto_create_key: false })
    const member = { role: 'user', user_id: 'bob' }
    await ask(gateway, '/team/member_add', { team_id: 'blue', member, max_budget_in_team: 1 })
    await ask(gateway, '/customer/new', { user_id: 'shop', max_budget: 1 })
    const keyOf = async (fields: object) => (await ask(gateway, '/key/generate', fields)).key
    const adas = await keyOf({ user_id: 'ada' })
    const bobs = await keyOf({ user_id: 'bob', team_id: 'blue' })
    const teams = await keyOf({ team_id: 'blue' })
    const organizations = await keyOf({ organization_id: 'acme' })
    expect(await calls(gateway, adas, 4)).toEqual(['ok', 'ok', 'ok', OVER])
    expect(await calls(gateway, bobs, 2)).toEqual(['ok', OVER])
    expect(await calls(gateway, teams, 5)).toEqual(['ok', 'ok', 'ok', 'ok', OVER])
    expect(await calls(gateway, organizations, 3)).toEqual(['ok', 'ok', OVER])
    const free = await keyOf({})
    expect(await calls(gateway, free, 2, { user: 'shop' })).toEqual(['ok', OVER])
    expect(await calls(gateway, free, 1, { user: 'elsewhere' })).toEqual(['ok'])
    await ask(gateway, '/customer/block', { user_ids: ['shop'] })
    expect(await calls(gateway, free, 1, { user: 'shop' })).toEqual(['403 customer_blocked'])
  })

  it('of a model hold for that model alone, and begin anew by themselves', async () => {
    const gateway = await open()
    const { key } = await ask(gateway, '/key/generate', {
      model_max_budget: { dear: { budget_limit: 1, time_period: '1d' } },
    })
    expect(await calls(gateway, key, 2)).toEqual(['ok', OVER])
    expect(await calls(gateway, key, 1, { model: 'other' })).toEqual(['ok'])
    const short = await ask(gateway, '/key/generate', { max_budget: 1, budget_duration: '2s' })
    expect(await calls(gateway, short.key, 2)).toEqual(['ok', OVER])
    await vi.waitFor(async () => expect(await calls(gateway, short.key, 1)).toEqual(['ok']), {
      timeout: 10_000,
      interval: 200,
    })
  })

  it('may be given by name to several, each with its own', async () => {
    const gateway = await open()
    await ask(gateway, '/budget/new', { budget_id: 'small', max_budget: 1, rpm_limit: 100 })
    const keys = await Promise.all(
      [1, 2].map(async () => (await ask(gateway, '/key/generate', { budget_id: 'small' })).key),
    )
    for (const key of keys) expect(await calls(gateway, key, 2)).toEqual(['ok', OVER])
    await ask(gateway, '/budget/update', { budget_id: 'small', max_budget: 2 })
    for (const key of keys) expect(await calls(gateway, key, 2)).toEqual(['ok', OVER])
  })

  it('are remembered over a restart', async () => {
    const url = newUrl()
    const first = await started(`, database_url: '${url}'`)
    const { key } = await ask(first, '/key/generate', { max_budget: 2 })
    expect(await calls(first, key, 1)).toEqual(['ok'])
    await first.stop(2_000)
    const second = await started(`, database_url: '${url}'`)
    expect(await calls(second, key, 2)).toEqual(['ok', OVER])
  })

  it('shared by two gateways are overspent by no more than what was under way', async () => {
    const url = newUrl()
    const gateways = [await started(`, database_url: '${url}'`), await started(`, database_url: '${url}'`)]
    const { key } = await ask(gateways[0]!, '/key/generate', { max_budget: 40 })
    const CLIENTS = 3
    const results = await Promise.all(
      gateways.flatMap((gateway) => Array.from({ length: CLIENTS }, () => calls(gateway, key, 20))),
    )
    const through = results.flat().filter((result) => result === 'ok').length
    expect(through).toBeLessThanOrEqual(40 + 2 * CLIENTS)
    // Both together could have spent three times as much, and one alone cannot be refused what nobody has spent.
    expect(through).toBeGreaterThanOrEqual(30)
    await expect.poll(async () => (await ask(gateways[1]!, `/key/info?key=${key}`)).info.spend).toBe(through)
  })
})

describeOnBoth('limits in a database', (newUrl) => {
  const open = (more = '') => started(`, database_url: '${newUrl()}'`, more)
  const LIMITED = '429 rate_limit_exceeded'
  const once = { maxRetries: 0 }

  it('of tokens are kept by all whom a call is put down to', async () => {
    const gateway = await open()
    await ask(gateway, '/team/new', { team_id: 'blue', tpm_limit: 1_500 })
    const { key } = await ask(gateway, '/key/generate', { team_id: 'blue' })
    const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, ...once })
    const question = { model: 'dear', messages: [{ role: 'user' as const, content: 'hi' }] }
    const { response } = await client.chat.completions.create(question).withResponse()
    expect(response.headers.get('x-ratelimit-limit-tokens')).toBe('1500')
    await client.chat.completions.create(question)
    // Two thousand are used: the next one waits until five hundred have flowed in.
    await vi.waitFor(
      () =>
        expect(client.chat.completions.create(question)).rejects.toMatchObject({
          status: 429,
          code: 'rate_limit_exceeded',
        }),
      10_000,
    )
    const { key: own } = await ask(gateway, '/key/generate', {})
    expect(await calls(gateway, own, 1)).toEqual(['ok'])
  })

  it('of requests are kept for users and models, and routes for keys', async () => {
    const gateway = await open()
    await ask(gateway, '/user/new', { user_id: 'ada', rpm_limit: 2, auto_create_key: false })
    const quick = async (key: string, model = 'dear') => {
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] }),
      })
      const { error } = (await response.json()) as { readonly error?: { readonly code: string } }
      return error === undefined ? 'ok' : `${response.status} ${error.code}`
    }
    const { key: one } = await ask(gateway, '/key/generate', { user_id: 'ada' })
    const { key: two } = await ask(gateway, '/key/generate', { user_id: 'ada' })
    expect([await quick(one), await quick(two), await quick(one)]).toEqual(['ok', 'ok', LIMITED])
    const { key: narrow } = await ask(gateway, '/key/generate', { model_rpm_limit: { dear: 1 } })
    expect([await quick(narrow), await quick(narrow), await quick(narrow, 'other')]).toEqual(['ok', LIMITED, 'ok'])
    const once = await ask(gateway, '/key/generate', { rpm_limit: 1 })
    expect(await quick(once.key)).toBe('ok')
    const renewed = await ask(gateway, `/key/${once.key}/regenerate`, {})
    expect(await quick(renewed.key)).toBe(LIMITED)
    const { key: reader } = await ask(gateway, '/key/generate', { key_type: 'read_only' })
    expect(await quick(reader)).toBe('403 route_access_denied')
    expect((await ask(gateway, '/key/info', undefined, reader)).info).toMatchObject({ spend: 0 })
  })

  it('are in force everywhere within two seconds, whichever gateway was told', async () => {
    const url = newUrl()
    const [one, other] = [await started(`, database_url: '${url}'`), await started(`, database_url: '${url}'`)]
    const { key } = await ask(one, '/key/generate', {})
    expect(await calls(other, key, 1)).toEqual(['ok'])
    await ask(one, '/key/block', { key })
    await vi.waitFor(async () => expect(await calls(other, key, 1)).toEqual(['401 key_blocked']), {
      timeout: 10_000,
      interval: 100,
    })
    await ask(one, '/key/delete', { keys: [key] })
    await vi.waitFor(async () => expect(await calls(other, key, 1)).toEqual(['401 invalid_api_key']), {
      timeout: 10_000,
      interval: 100,
    })
  })
})

describe('budgets of the file', () => {
  it('hold for keys, without any database', async () => {
    const gateway = await started('', 'keys: [{key: sk-own, key_alias: own, max_budget: 1, budget_duration: 1d}]')
    expect(await calls(gateway, 'sk-own', 2)).toEqual(['ok', OVER])
    expect(await calls(gateway, MASTER_KEY, 1)).toEqual(['ok'])
  })

  it('hold for all calls together, and for tags', async () => {
    const gateway = await started('', 'litellm_settings: {max_budget: 3, tag_budget_config: {batch: {max_budget: 1}}}')
    expect(await calls(gateway, MASTER_KEY, 2, { metadata: { tags: ['batch'] } })).toEqual(['ok', OVER])
    expect(await calls(gateway, MASTER_KEY, 3)).toEqual(['ok', 'ok', OVER])
  })

  it('of a provider or a deployment send calls elsewhere, or nowhere', async () => {
    const spare = `{model_name: both, litellm_params: {model: openai/three, api_base: ${upstream.url}, api_key: k, ${price}, max_budget: 1, order: 1}}`
    const backup = `{model_name: both, litellm_params: {model: groq/four, api_base: ${upstream.url}, api_key: k, ${price}, order: 2}}`
    const gateway = await startGateway(`
model_list: [${spare}, ${backup}]
router_settings: {provider_budget_config: {groq: {budget_limit: 2, time_period: 1d}}, num_retries: 0}
general_settings: {master_key: ${MASTER_KEY}}`)
    onTestFinished(() => gateway.stop(100))
    const before = upstream.arrived.length
    const result: string[] = []
    for (let turn = 0; turn < 6; turn++) {
      result.push(...(await calls(gateway, MASTER_KEY, 1, { model: 'both' })))
      // What is spent is heard of a moment after the answer.
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    const models = upstream.arrived
      .slice(before)
      .map(({ text }) => (JSON.parse(text) as { readonly model: string }).model)
    expect(models.slice(0, 3)).toEqual(['three', 'four', 'four'])
    expect(result.at(-1)).toBe('429 no_deployments_available')
  })
})
