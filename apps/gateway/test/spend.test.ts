import { openStore } from '@tianjillm/store'
import { describeOnBoth, type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
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
      usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    },
  })
})
afterAll(() => upstream.close())

const everybody = ['/spend/logs', '/user/daily/activity']
const global = [
  ...['/spend/keys', '/spend/users', '/spend/teams', '/spend/tags', '/spend/models', '/spend/days'],
  ...['/global/spend', '/global/spend/keys', '/global/spend/teams', '/global/spend/models', '/global/spend/tags'],
  '/global/spend/report',
]

/** A gateway that Ada and Bob have each asked once. */
async function spending(url: string) {
  const gateway = await startGateway(`
model_list:
  - model_name: small
    litellm_params: {model: openai/one, api_base: ${upstream.url}, api_key: k, input_cost_per_token: 0.001, output_cost_per_token: 0.002}
general_settings: {master_key: ${MASTER_KEY}, database_url: '${url}'}
`)
  onTestFinished(() => gateway.stop(100))
  const [ada, bob] = [await keyOf(gateway, 'ada'), await keyOf(gateway, '=cmd|bob')]
  for (const key of [ada, bob]) {
    const body = JSON.stringify({ model: 'small', messages: [{ role: 'user', content: 'Hi' }] })
    await (await ask(gateway, '/v1/chat/completions', key, { method: 'POST', body })).text()
  }
  await expect.poll(async () => (await json(gateway, '/spend/logs')).total).toBe(2)
  return { gateway, ada, bob }
}

async function keyOf(gateway: Started, user_id: string): Promise<string> {
  const body = JSON.stringify({ user_id })
  const response = await ask(gateway, '/key/generate', MASTER_KEY, { method: 'POST', body })
  return ((await response.json()) as { readonly key: string }).key
}

function ask({ url }: Started, path: string, key = MASTER_KEY, init: RequestInit = {}): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...init.headers, authorization: `Bearer ${key}` }
  return fetch(`${url}${path}`, { ...init, headers })
}

interface Told {
  readonly total: number
  readonly data: readonly { readonly user_id: string }[]
  readonly results: readonly unknown[]
  readonly error: { readonly message: string; readonly param: string | null; readonly type: string }
}

async function json(gateway: Started, path: string, key = MASTER_KEY): Promise<Told> {
  return (await (await ask(gateway, path, key)).json()) as Told
}

describeOnBoth('the routes of spend', (newUrl) => {
  it('tell everybody of their own alone, and nobody of what is there besides', async () => {
    const { gateway, ada, bob } = await spending(newUrl())
    expect((await json(gateway, '/spend/logs', ada)).data.map(({ user_id }) => user_id)).toEqual(['ada'])
    expect(await json(gateway, '/user/daily/activity', ada)).toMatchObject({ metadata: { total_spend: 0.02 } })
    for (const path of everybody) {
      const refusals = await Promise.all(
        ['user_id==cmd|bob', 'user_id=nobody', `api_key=${bob}`, 'api_key=nothing'].map(async (query) => {
          const response = await ask(gateway, `${path}?${query}`, ada)
          expect(response.status, query).toBe(403)
          return ((await response.json()) as Told).error.message
        }),
      )
      expect(new Set(refusals).size).toBe(1)
    }
    expect(
      (await json(gateway, `/user/daily/activity?user_id=${encodeURIComponent('=cmd|bob')}`)).results,
    ).toHaveLength(1)
  })

  it('tell of everybody those who may see all, and nobody else', async () => {
    const { gateway, ada } = await spending(newUrl())
    for (const path of global) {
      expect((await ask(gateway, path)).status, path).toBe(200)
      expect((await ask(gateway, path, ada)).status, path).toBe(403)
      expect((await ask(gateway, path, 'sk-wrong')).status, path).toBe(401)
      expect((await ask(gateway, path, MASTER_KEY, { method: 'POST' })).status, path).toBe(405)
    }
    for (const name of ['team', 'tag', 'customer', 'organization'])
      expect((await ask(gateway, `/${name}/daily/activity`, ada)).status, name).toBe(403)
  })

  it('write CSV when asked to, in which nothing is a formula', async () => {
    const { gateway, ada } = await spending(newUrl())
    const logs = await ask(gateway, '/spend/logs?format=csv')
    expect(logs.headers.get('content-type')).toContain('text/csv')
    const [names, ...lines] = (await logs.text()).trimEnd().split('\r\n')
    expect(names).toMatch(/^request_id,startTime,/)
    expect(lines).toHaveLength(2)
    expect(lines[0]).toContain(",'=cmd|bob,")
    for (const path of ['/spend/users', '/user/daily/activity', '/spend/days', '/team/daily/activity']) {
      const response = await ask(gateway, path, MASTER_KEY, { headers: { accept: 'text/csv' } })
      expect(response.headers.get('content-type'), path).toContain('text/csv')
      expect(await response.text(), path).toMatch(/^(id|date),/)
    }
    const own = await (await ask(gateway, '/spend/logs?format=csv', ada)).text()
    expect(own.trimEnd().split('\r\n')).toHaveLength(2)
    expect((await ask(gateway, '/spend/logs?format=csv&user_id=bob', ada)).status).toBe(403)
    for (const [path, param] of [
      ['/global/spend?format=csv', 'format'],
      ['/spend/logs?format=xml', 'format'],
      ['/spend/logs?format=csv&start_date=9999-99-99', 'start_date'],
    ] as const) {
      const { error } = await json(gateway, path)
      expect(error).toMatchObject({ type: 'invalid_request_error', param })
    }
  })

  it('refuse what makes no sense, in words of their own', async () => {
    const { gateway } = await spending(newUrl())
    for (const path of ['/spend/logs', '/user/daily/activity', '/global/spend/report']) {
      for (const query of ['start_date=2026-02-30', 'start_date=0000-01-01', 'user_id=%00', "page=1;'", 'secret=1']) {
        const response = await ask(gateway, `${path}?${query}`)
        expect(response.status, `${path} ${query}`).toBe(400)
        expect(await response.text()).not.toMatch(/sqlite|postgres|syntax|select/i)
      }
    }
  })

  it('say nothing of what a database says that cannot be asked', async () => {
    const url = newUrl()
    const { gateway, ada } = await spending(url)
    const store = await openStore({ url })
    onTestFinished(() => store.close())
    for (const table of ['tianji_spend_logs', 'tianji_daily_spend', 'tianji_daily_totals'] as const)
      await store.database.schema.dropTable(table).execute()
    for (const path of ['/spend/logs', '/spend/logs?format=csv', '/user/daily/activity', '/spend/days?format=csv']) {
      const response = await ask(gateway, path, path.startsWith('/spend/days') ? MASTER_KEY : ada)
      expect(response.status, path).toBe(503)
      expect(response.headers.get('retry-after')).toBe('5')
      expect(await response.text()).not.toMatch(/sqlite|postgres|tianji_|select|no such|relation/i)
    }
  })
})
