import { describeOnBoth, expectSent, type FakeUpstream, fakeUpstream, freePort } from '@tianjillm/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Started } from '../src/index.ts'
import { MASTER_KEY, startGateway } from './support.ts'

let upstream: FakeUpstream
beforeAll(async () => {
  upstream = await fakeUpstream()
})
afterAll(() => upstream.close())

const found = { web: { results: [{ title: 'Kites', url: 'https://kites.test/', description: 'They are red.' }] } }

/** A gateway with these tools. */
async function startWith(tools: readonly string[], settings = '', env: Readonly<Record<string, string>> = {}) {
  upstream.script({ body: found })
  const list = tools.length === 0 ? '' : `search_tools:\n${tools.map((tool) => `  - ${tool}\n`).join('')}`
  const gateway = await startGateway(`${list}general_settings: {master_key: ${MASTER_KEY}}\n${settings}`, env)
  onTestFinished(() => gateway.stop(100))
  return gateway
}

/** A tool that asks the fake upstream. */
const brave = (name: string, more = '', base = upstream.url, info = '{}'): string =>
  `{search_tool_name: ${name}, litellm_params: {search_provider: brave, api_key: k, api_base: '${base}'${more}}, search_tool_info: ${info}}`

async function search({ url }: Started, path: string, body: object) {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${MASTER_KEY}` }
  const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

const routes = ['/v1/search/web', '/search/web', '/v1/search', '/search']

describe('which tool is asked', () => {
  it('is the only one, when none is named', async () => {
    const gateway = await startWith([brave('web')])
    for (const path of routes) expect((await search(gateway, path, { query: 'x' })).status, path).toBe(200)
    expect(upstream.arrived).toHaveLength(4)
  })

  it('is that of the path rather than that of the body', async () => {
    const gateway = await startWith([brave('web'), brave('other')])
    const { headers } = await search(gateway, '/v1/search/web', { query: 'x', search_tool_name: 'other' })
    expect(headers.get('x-litellm-model-id')).toBe('brave/web')
  })

  it('has to be said where there are several', async () => {
    const gateway = await startWith([brave('web'), brave('other')])
    for (const path of ['/v1/search', '/search'])
      expect(await search(gateway, path, { query: 'x' })).toMatchObject({
        status: 400,
        body: { error: { type: 'invalid_request_error', param: 'search_tool_name' } },
      })
  })

  it.each(routes)('is nobody without any: %s', async (path) => {
    const gateway = await startWith([])
    expect(await search(gateway, path, { query: 'x' })).toMatchObject({
      status: 400,
      body: { error: { type: 'invalid_request_error', code: 'no_search_provider' } },
    })
  })

  it('is nobody by an unknown name, wherever it stands', async () => {
    const gateway = await startWith([brave('web')])
    const refusal = { status: 404, body: { error: { type: 'not_found_error', code: 'search_tool_not_found' } } }
    expect(await search(gateway, '/search/none', { query: 'x' })).toMatchObject(refusal)
    expect(await search(gateway, '/v1/search', { query: 'x', search_tool_name: 'none' })).toMatchObject(refusal)
  })
})

describe('what a search may ask for', () => {
  it.each([
    [{ query: '  ' }, 'query'],
    [{ query: [] }, 'query'],
    [{ query: ['x', ''] }, 'query'],
    [{ max_results: 1.5 }, 'max_results'],
    [{ max_results: '5' }, 'max_results'],
    [{ search_domain_filter: 'a.test' }, 'search_domain_filter'],
    [{ search_domain_filter: ['a.test', ''] }, 'search_domain_filter[1]'],
    [{ search_domain_filter: ['a.test OR b.test'] }, 'search_domain_filter[0]'],
    [{ search_domain_filter: ['https://a.test'] }, 'search_domain_filter[0]'],
    [{ country: 'Germany' }, 'country'],
    [{ language: 'the German one' }, 'language'],
    [{ start_date: 'yesterday' }, 'start_date'],
    [{ start_date: '2026-02-30' }, 'start_date'],
    [{ end_date: '01/31/2026' }, 'end_date'],
    [{ start_date: '2026-02-01', end_date: '2026-01-31' }, 'end_date'],
    [{ max_tokens_per_page: 0 }, 'max_tokens_per_page'],
    [{ search_tool_name: 5 }, 'search_tool_name'],
  ])('refuses %o by the name of its field', async (fields, param) => {
    const gateway = await startWith([brave('web')])
    expect(await search(gateway, '/v1/search', { query: 'x', ...fields })).toMatchObject({
      status: 400,
      body: { error: { type: 'invalid_request_error', param } },
    })
    expect(upstream.arrived).toEqual([])
  })

  it('may be null, which asks for nothing', async () => {
    const gateway = await startWith([brave('web')])
    const nothing = { max_results: null, search_domain_filter: null, country: null, language: null, start_date: null }
    expect((await search(gateway, '/v1/search/web', { query: 'x', ...nothing })).status).toBe(200)
    expect(upstream.arrived[0]!.path).toBe('/web/search?q=x&count=10&include_fetch_metadata=true')
  })

  it('is a range of one day, with or without a time', async () => {
    const gateway = await startWith([brave('web')])
    const day = { start_date: '2026-01-31T08:00:00+01:00', end_date: '2026-01-31' }
    expect((await search(gateway, '/v1/search/web', { query: 'x', ...day })).status).toBe(200)
  })

  it('is not another host for the key', async () => {
    const gateway = await startWith([brave('web')])
    const other = await fakeUpstream()
    onTestFinished(() => other.close())
    await search(gateway, '/v1/search/web', { query: 'x', api_base: other.url, api_key: 'mine' })
    expect(other.arrived).toEqual([])
    expect(upstream.arrived[0]).toMatchObject({ headers: { 'x-subscription-token': 'k' } })
  })
})

describe('several tools of one name', () => {
  it('share the load', async () => {
    const gateway = await startWith([brave('web', '', `${upstream.url}/a`), brave('web', '', `${upstream.url}/b`)])
    for (let time = 0; time < 40; time++) await search(gateway, '/v1/search/web', { query: 'x' })
    expect(new Set(upstream.arrived.map(({ path }) => path.slice(0, 3)))).toEqual(new Set(['/a/', '/b/']))
  })

  it('stand in for one another, so that a dead one is not noticed', async () => {
    const dead = `http://127.0.0.1:${await freePort()}`
    const gateway = await startWith([brave('web', '', dead), brave('web')])
    for (let time = 0; time < 20; time++) {
      const { status, headers } = await search(gateway, '/v1/search/web', { query: 'x' })
      expect({ status, by: headers.get('x-litellm-model-id') }).toEqual({ status: 200, by: 'brave/web#2' })
    }
  })

  it('are not asked when they lack a key', async () => {
    const gateway = await startWith([
      "{search_tool_name: web, litellm_params: {search_provider: dataforseo, api_base: 'http://127.0.0.1:9'}}",
      brave('web'),
    ])
    for (let time = 0; time < 10; time++) {
      const { status, headers } = await search(gateway, '/v1/search/web', { query: 'x' })
      expect(status).toBe(200)
      expect(headers.get('x-litellm-attempted-retries')).toBe('0')
    }
  })

  it.each([
    ['their own max_retries', ', max_retries: 0', ''],
    ['those of the router', '', 'router_settings: {num_retries: 0}'],
  ])('are asked as often as %s says', async (_whose, more, settings) => {
    const gateway = await startWith([brave('web', more)], settings)
    upstream.script({ status: 500, body: {} })
    expect((await search(gateway, '/v1/search/web', { query: 'x' })).status).toBe(500)
    expect(upstream.arrived).toHaveLength(1)
  })
})

describe('what a search costs', () => {
  it.each([
    ['litellm_params', ', input_cost_per_query: 0.25', '{}', 0.25],
    ['search_tool_info', '', '{input_cost_per_query: 0.5}', 0.5],
    ['the map of models', '', '{}', 0.005],
  ])('is told to callbacks, by %s', async (_where, more, info, cost) => {
    const settings = 'litellm_settings: {callbacks: [prometheus]}'
    const gateway = await startWith([brave('web', more, upstream.url, info)], settings)
    await search(gateway, '/v1/search/web', { query: 'x' })
    await vi.waitFor(async () => {
      const page = await (await fetch(`${gateway.url}/metrics`)).text()
      const [, labels, spend] = /^litellm_spend_metric_total\{(.*)\} (\S+)$/m.exec(page) ?? []
      expect(Number(spend)).toBe(cost)
      expect(labels).toContain('model="web"')
    }, 10_000)
  })
})

describeOnBoth('searches in the spend log', (newUrl) => {
  it('have their tool, who searched and what it cost', async () => {
    upstream.script({ body: found })
    const gateway = await startGateway(`
search_tools:
  - ${brave('web', ', input_cost_per_query: 0.25')}
general_settings: {master_key: ${MASTER_KEY}, database_url: '${newUrl()}'}
`)
    onTestFinished(() => gateway.stop(100))
    await search(gateway, '/v1/search/web', { query: 'x' })
    await vi.waitFor(async () => {
      const response = await fetch(`${gateway.url}/spend/logs`, { headers: { authorization: `Bearer ${MASTER_KEY}` } })
      const { data } = (await response.json()) as { readonly data: readonly object[] }
      expect(data).toMatchObject([{ call_type: 'search', model: 'web', provider: 'brave', spend: 0.25 }])
    }, 10_000)
  })
})

describe('engines of other wires', () => {
  it('ask Google, whose key is never told', async () => {
    const key = 'a-google-key-of-ours'
    const tool = `{search_tool_name: web, litellm_params: {search_provider: google_pse, api_key: ${key}, search_engine_id: e, api_base: '${upstream.url}/customsearch/v1', max_retries: 0}}`
    const gateway = await startWith([tool])
    upstream.script({ body: { items: [{ title: 'Kites', link: 'https://kites.test/', snippet: 'Red.' }] } })
    expect(await search(gateway, '/v1/search/web', { query: 'kites', max_results: 2 })).toMatchObject({
      status: 200,
      body: { results: [{ title: 'Kites', url: 'https://kites.test/', snippet: 'Red.', date: null }] },
    })
    expect(upstream.arrived[0]!.path).toBe(`/customsearch/v1?key=${key}&cx=e&q=kites&num=2`)
    upstream.script((request) => ({ status: 400, body: { error: { code: 400, message: `Bad URL ${request.path}` } } }))
    const refused = await search(gateway, '/v1/search/web', { query: 'kites' })
    expect(refused).toMatchObject({ status: 400, body: { error: { message: expect.stringContaining('Bad URL') } } })
    expect(JSON.stringify(refused.body)).not.toContain(key)
  })

  it('ask DataForSEO with a login and a password of the environment, and tell errors that come as answers', async () => {
    const api_key = 'os.environ/DATAFORSEO_LOGIN:os.environ/DATAFORSEO_PASSWORD'
    const tool = `{search_tool_name: web, litellm_params: {search_provider: dataforseo, api_key: '${api_key}', api_base: '${upstream.url}', max_retries: 0}}`
    const gateway = await startWith([tool], '', { DATAFORSEO_LOGIN: 'me', DATAFORSEO_PASSWORD: 'secret' })
    const task = { status_code: 40200, status_message: 'Payment Required.', result: null }
    upstream.script({ body: { status_code: 20000, tasks: [task] } })
    expect(await search(gateway, '/v1/search/web', { query: 'Rotmilan', country: 'de', language: 'de' })).toMatchObject(
      {
        status: 429,
        body: { error: { code: 'insufficient_quota', message: 'dataforseo: Payment Required.' } },
      },
    )
    await expectSent(upstream.arrived[0], {
      url: `${upstream.url}/v3/serp/google/organic/live/advanced`,
      headers: { authorization: `Basic ${Buffer.from('me:secret').toString('base64')}` },
      json: [{ keyword: 'Rotmilan', depth: 10, location_code: 2276, language_code: 'de' }],
    })
  })
})
