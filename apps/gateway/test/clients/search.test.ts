import { expectSent } from '@tianjillm/testing'
import { describe, expect, it } from 'vitest'
import { gatewayAndUpstream, MASTER_KEY } from '../support.ts'

const key = 'BSA-upstream-subscription'

const { gateway, upstream } = gatewayAndUpstream(
  (url) => `
search_tools:
  - search_tool_name: web
    litellm_params: { search_provider: brave, api_key: ${key}, api_base: '${url}/res/v1' }
  - search_tool_name: other
    litellm_params: { search_provider: brave, api_key: other-key, api_base: '${url}/other' }
general_settings:
  master_key: ${MASTER_KEY}
`,
)

const entry = (number: number) => ({
  title: `Title ${number}`,
  url: `https://example.test/${number}`,
  description: `Text ${number}`,
  page_age: '2026-03-02T23:30:00',
  language: 'en',
})
const results = (count: number) => ({
  type: 'search',
  query: { original: 'red kites' },
  web: { type: 'search', results: Array.from({ length: count }, (_, index) => entry(index + 1)) },
})
const result = (number: number) => ({
  title: `Title ${number}`,
  url: `https://example.test/${number}`,
  snippet: `Text ${number}`,
  date: '2026-03-02',
  last_updated: null,
})

async function search(path: string, body: object, authorization = `Bearer ${MASTER_KEY}`) {
  const response = await fetch(`${gateway().url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization },
    body: JSON.stringify(body),
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

describe('POST /v1/search/{name}', () => {
  it.each(['/v1/search/web', '/search/web'])('(%s) answers in one shape, whoever searched', async (path) => {
    upstream().script({ body: results(2) })
    const { status, body } = await search(path, { query: 'red kites', country: 'gb', language: 'en-GB' })
    expect(status).toBe(200)
    expect(body).toEqual({ object: 'search', results: [result(1), result(2)] })
    await expectSent(upstream().arrived[0], {
      method: 'GET',
      url: `${upstream().url}/res/v1/web/search?q=red+kites&count=10&country=GB&search_lang=en-gb&include_fetch_metadata=true`,
      headers: { 'x-subscription-token': key, authorization: null, 'content-type': null },
    })
  })

  it('gives no more results than were asked for', async () => {
    upstream().script({ body: results(20) })
    const { body } = await search('/v1/search/web', { query: 'red kites', max_results: 3 })
    expect(body.results).toEqual([result(1), result(2), result(3)])
    expect(new URL(upstream().arrived[0]!.url).searchParams.get('count')).toBe('3')
  })

  it.each([
    [{}, 'query'],
    [{ query: '' }, 'query'],
    [{ query: 'x', max_results: 0 }, 'max_results'],
    [{ query: 'x', max_results: 21 }, 'max_results'],
    [{ query: 'x', search_domain_filter: Array.from({ length: 21 }, () => 'a.test') }, 'search_domain_filter'],
  ])('refuses %o by the name of its field', async (body, param) => {
    upstream().script({ body: results(1) })
    const answer = await search('/v1/search/web', body)
    expect(answer).toMatchObject({ status: 400, body: { error: { type: 'invalid_request_error', param } } })
    expect(upstream().arrived).toEqual([])
  })

  it("passes the vendor's own fields and the client's headers on, but not its key", async () => {
    upstream().script({ body: results(1) })
    const extra_headers = { 'X-Loc-City': 'Ulm', 'X-Subscription-Token': 'mine' }
    await search('/v1/search/web', { query: 'kites', safesearch: 'strict', extra_headers })
    const { path, headers } = upstream().arrived[0]!
    expect(path).toContain('&safesearch=strict')
    expect(path).not.toContain('extra_headers')
    expect(headers).toMatchObject({ 'x-loc-city': 'Ulm', 'x-subscription-token': key })
  })

  it('takes the name of the tool from the body', async () => {
    upstream().script({ body: results(1) })
    const { status, body } = await search('/v1/search', { search_tool_name: 'other', query: 'kites' })
    expect({ status, body }).toEqual({ status: 200, body: { object: 'search', results: [result(1)] } })
    const { path, headers } = upstream().arrived[0]!
    expect(path).toBe('/other/web/search?q=kites&count=10&include_fetch_metadata=true')
    expect(headers['x-subscription-token']).toBe('other-key')
  })

  it('does not know every tool, and says so only to those with a key', async () => {
    expect(await search('/v1/search/wep', { query: 'x' })).toMatchObject({
      status: 404,
      body: { error: { code: 'search_tool_not_found', message: expect.stringContaining('Did you mean') } },
    })
    expect(await search('/v1/search/wep', { query: 'x' }, 'Bearer wrong')).toMatchObject({
      status: 401,
      body: { error: { code: 'invalid_api_key' } },
    })
  })

  it("does not pass the vendor's refusal of its key for one of the client's", async () => {
    const error = { code: 'SUBSCRIPTION_TOKEN_INVALID', detail: `The token ${key} is invalid.`, status: 422 }
    for (const status of [401, 422]) {
      upstream().script({ status, body: { type: 'ErrorResponse', error } })
      const answer = await search('/v1/search/web', { query: 'x' })
      expect(answer).toMatchObject({
        status: 502,
        body: { error: { type: 'api_error', code: 'upstream_auth_failed' } },
      })
      expect(JSON.stringify(answer.body)).not.toContain(key)
    }
  })

  it('says when to come again', async () => {
    upstream().script({ status: 429, headers: { 'retry-after': '1' }, body: { error: { code: 'RATE_LIMITED' } } })
    const { status, headers, body } = await search('/v1/search/web', { query: 'x' })
    expect({ status, code: body.error.code }).toEqual({ status: 429, code: 'rate_limit_exceeded' })
    expect(headers.get('retry-after')).toBe('1')
  })
})

it('lists the tools', async () => {
  const response = await fetch(`${gateway().url}/v1/search/tools`, {
    headers: { authorization: `Bearer ${MASTER_KEY}` },
  })
  expect(await response.json()).toEqual({
    object: 'list',
    data: [{ search_tool_name: 'web' }, { search_tool_name: 'other' }],
  })
})
