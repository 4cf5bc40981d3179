import { errorBody, type GatewayError } from '@tianjillm/core'
import { connectSearch } from '@tianjillm/engine'
import { type OperationCase, searchContract } from '@tianjillm/testing'
import { expect, it } from 'vitest'
import { googlePse } from '../src/google-pse.ts'

const url = 'https://www.googleapis.com/customsearch/v1'
const account = 'key=test-key&cx=engine-1'
const none = { object: 'search', results: [] }
const item = (number: number) => ({
  kind: 'customsearch#result',
  title: `Title ${number}`,
  link: `https://example.test/${number}`,
  snippet: `Text ${number}`,
})
const result = (number: number) => ({
  title: `Title ${number}`,
  url: `https://example.test/${number}`,
  snippet: `Text ${number}`,
  date: null,
  last_updated: null,
})
const page = (from: number, count: number) => ({
  body: { items: Array.from({ length: count }, (_, index) => item(from + index)) },
})
const results = (count: number) => ({
  object: 'search',
  results: Array.from({ length: count }, (_, index) => result(index + 1)),
})

/** A query that finds nothing, and what it is for Google. */
const asks = (title: string, input: object, query: string): OperationCase => ({
  title,
  input: { model: 'web', query: 'q', max_results: 1, ...input },
  sent: { method: 'GET', url: `${url}?${account}&${query}` },
  reply: { body: {} },
  answer: none,
})

searchContract(googlePse, {
  options: { apiKey: 'test-key', searchEngineId: 'engine-1' },
  operations: {
    search: [
      {
        title: 'asks with key and engine in the query, and reads the items',
        input: { model: 'web', query: 'red kites', max_results: 10 },
        sent: {
          method: 'GET',
          url: `${url}?${account}&q=red+kites&num=10`,
          headers: { accept: 'application/json', authorization: null, 'content-type': null },
        },
        reply: { body: { kind: 'customsearch#search', items: [item(1), { title: 'no link' }, 'no item', item(2)] } },
        answer: results(2),
      },
      {
        title: 'reads days out of the tags of a page, else out of its snippet',
        input: { model: 'web', query: 'q', max_results: 3 },
        sent: { method: 'GET', url: `${url}?${account}&q=q&num=3` },
        reply: {
          body: {
            items: [
              {
                ...item(1),
                pagemap: {
                  metatags: [
                    {
                      'article:published_time': '2024-03-02T23:30:00+01:00',
                      'article:modified_time': '2024-04-01',
                    },
                  ],
                },
              },
              { ...item(2), snippet: 'Mar 5, 2024 ... Red kites are' },
              { ...item(3), snippet: '2 days ago ... Red', pagemap: { metatags: [{ date: 'yesterday' }] } },
            ],
          },
        },
        answer: {
          object: 'search',
          results: [
            { ...result(1), date: '2024-03-02', last_updated: '2024-04-01' },
            { ...result(2), snippet: 'Mar 5, 2024 ... Red kites are', date: '2024-03-05' },
            { ...result(3), snippet: '2 days ago ... Red' },
          ],
        },
      },
      {
        title: 'is content with an answer that found nothing, where there are no items',
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { method: 'GET', url: `${url}?${account}&q=q&num=1` },
        reply: { body: { kind: 'customsearch#search', searchInformation: { totalResults: '0' } } },
        answer: none,
      },
      {
        title: 'never gives more than was asked for',
        input: { model: 'web', query: 'q', max_results: 2 },
        sent: { method: 'GET', url: `${url}?${account}&q=q&num=2` },
        reply: page(1, 10),
        answer: results(2),
      },
      {
        title: 'takes several words as one phrase',
        input: { model: 'web', query: ['red', 'kites'], max_results: 1 },
        sent: { method: 'GET', url: `${url}?${account}&q=red+kites&num=1` },
        reply: { body: {} },
        answer: none,
      },
      asks(
        'keeps to one domain',
        { search_domain_filter: ['a.test'] },
        'q=q&siteSearch=a.test&siteSearchFilter=i&num=1',
      ),
      asks(
        'leaves one domain out',
        { search_domain_filter: ['-a.test'] },
        'q=q&siteSearch=a.test&siteSearchFilter=e&num=1',
      ),
      asks(
        'keeps to several domains, and not to excluded ones',
        { search_domain_filter: ['a.test', '-x.test', 'b.test', '-y.test'] },
        'q=q+%28site%3Aa.test+OR+site%3Ab.test%29+-site%3Ax.test+-site%3Ay.test&num=1',
      ),
      asks(
        'only excludes when no domain is wanted',
        { search_domain_filter: ['-x.test', '-y.test'] },
        'q=q+-site%3Ax.test+-site%3Ay.test&num=1',
      ),
      asks(
        'asks in a language, for a country and a range of days',
        {
          query: '赤い鳥',
          country: 'jp',
          language: 'ja-JP',
          start_date: '2024-01-01T08:00:00Z',
          end_date: '2024-06-30',
        },
        'q=%E8%B5%A4%E3%81%84%E9%B3%A5&num=1&gl=JP&hl=ja&lr=lang_ja&sort=date%3Ar%3A20240101%3A20240630',
      ),
      asks('says Hebrew in the old way', { language: 'he' }, 'q=q&num=1&hl=iw&lr=lang_iw'),
      asks('knows scripts of Chinese', { language: 'zh-Hant-TW' }, 'q=q&num=1&gl=TW&hl=zh-TW&lr=lang_zh-TW'),
      asks('takes simple Chinese as what is meant', { language: 'zh' }, 'q=q&num=1&hl=zh-CN&lr=lang_zh-CN'),
      asks('does not confine results to a language that Google cannot', { language: 'sw' }, 'q=q&num=1&hl=sw'),
      asks(
        'lets a range reach to today',
        { start_date: '2025-12-24' },
        'q=q&num=1&sort=date%3Ar%3A20251224%3A20260102',
      ),
      asks(
        'lets a range reach back to the beginning',
        { end_date: '2025-12-24' },
        'q=q&num=1&sort=date%3Ar%3A19700101%3A20251224',
      ),
      asks(
        "hands on Google's own parameters, but no other key",
        { safe: 'active', fileType: 'pdf', key: 'mine', max_tokens_per_page: 512 },
        'q=q&num=1&safe=active&fileType=pdf',
      ),
      {
        title: 'lets a query name another engine',
        input: { model: 'web', query: 'q', max_results: 1, search_engine_id: 'engine-2' },
        sent: { method: 'GET', url: `${url}?key=test-key&cx=engine-2&q=q&num=1` },
        reply: { body: {} },
        answer: none,
      },
      {
        title: 'takes everything from the environment',
        options: { apiKey: undefined, searchEngineId: undefined },
        env: {
          GOOGLE_PSE_API_KEY: 'env-key',
          GOOGLE_PSE_ENGINE_ID: 'env-engine',
          GOOGLE_PSE_API_BASE: 'https://search.test/v1/',
        },
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { method: 'GET', url: 'https://search.test/v1?key=env-key&cx=env-engine&q=q&num=1' },
        reply: { body: {} },
        answer: none,
      },
      ...[{ items: 'none' }, ['no object'], null].map((body) => ({
        title: `refuses ${JSON.stringify(body)} for an answer`,
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { method: 'GET', url: `${url}?${account}&q=q&num=1` },
        reply: { body: JSON.stringify(body) },
        error: { kind: 'upstream_invalid_response', message: 'google_pse: the answer has no list of items.' },
      })),
      {
        title: 'refuses a page of HTML',
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { method: 'GET', url: `${url}?${account}&q=q&num=1` },
        reply: { body: '<html>Sorry…</html>' },
        error: { kind: 'upstream_invalid_response' },
      },
    ],
  },
  faults: [
    {
      status: 400,
      body: {
        error: {
          code: 400,
          message: 'API key not valid. Please pass a valid API key.',
          errors: [{ message: 'API key not valid.', domain: 'global', reason: 'badRequest' }],
          status: 'INVALID_ARGUMENT',
          details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' }],
        },
      },
      kind: 'upstream_auth_failed',
      message: 'google_pse: the vendor refused the configured credentials',
    },
    {
      status: 400,
      body: { error: { code: 400, message: 'Request contains an invalid argument.', status: 'INVALID_ARGUMENT' } },
      kind: 'invalid_request',
      message: 'google_pse: Request contains an invalid argument.',
    },
    {
      status: 403,
      body: { error: { code: 403, message: 'Daily Limit Exceeded', errors: [{ reason: 'dailyLimitExceeded' }] } },
      kind: 'quota_exceeded',
      message: 'google_pse: Daily Limit Exceeded',
    },
    {
      status: 404,
      body: { error: { code: 404, message: 'No /v1?key=test-key&cx=1', errors: [{ reason: 'notFound' }] } },
      kind: 'upstream_error',
      message: 'google_pse: No /v1?key=[redacted]&cx=1',
    },
    {
      status: 429,
      body: { error: { code: 429, message: 'Quota exceeded', errors: [{ reason: 'rateLimitExceeded' }] } },
      kind: 'rate_limited',
      message: 'google_pse: Quota exceeded',
    },
  ],
})

/** Google, with `find` in its place; what it was asked comes sorted, for pages come at the same time. */
async function searchFor(count: number, find: (start: number) => Response, query: object = {}) {
  const asked: string[] = []
  const ask = (async (input: string | URL | Request) => {
    const { searchParams } = new URL(input instanceof Request ? input.url : input)
    asked.push(`${searchParams.get('num')} from ${searchParams.get('start') ?? 1}`)
    return find(Number(searchParams.get('start') ?? 1))
  }) as typeof fetch
  const google = connectSearch(googlePse, { apiKey: 'AIza-secret', searchEngineId: 'e' }, { host: { fetch: ask } })
  const found = await google.search({ query: 'q', max_results: count, ...query }).catch((error: unknown) => error)
  return { asked: asked.sort(), found }
}

it.each([
  [10, ['10 from 1']],
  [11, ['1 from 11', '10 from 1']],
  [20, ['10 from 1', '10 from 11']],
])('finds %i results, ten a page', async (count, asked) => {
  const answer = await searchFor(count, (start) => Response.json(page(start, 10).body))
  expect(answer).toEqual({ asked, found: results(count) })
})

it('is content when there is no second page', async () => {
  const { found } = await searchFor(20, (start) => Response.json(start === 1 ? page(1, 4).body : {}))
  expect(found).toEqual(results(4))
})

it('goes on where a query starts', async () => {
  const { asked } = await searchFor(20, () => Response.json({}), { start: 21 })
  expect(asked).toEqual(['10 from 21', '10 from 31'])
})

it('names the variable to set when the engine is missing', () => {
  const create = () => connectSearch(googlePse, { apiKey: 'k' }, { host: { env: () => undefined } })
  expect(create).toThrow(
    'google_pse: no search engine id. Set GOOGLE_PSE_ENGINE_ID or litellm_params.search_engine_id.',
  )
})

it.each([
  ['cannot be reached', () => Promise.reject(new TypeError('fetch failed: https://x.test/?key=AIza-secret'))],
  ['answers nonsense', () => new Response('GET /v1?key=AIza-secret')],
  ['is redirected', () => new Response('', { status: 302, headers: { location: '/?key=AIza-secret' } })],
])('does not tell its key when Google %s', async (_when, answer) => {
  const { found } = await searchFor(1, answer as () => Response)
  expect(JSON.stringify(errorBody(found as GatewayError))).toMatch(/"type":"api_error"/)
  expect(JSON.stringify(errorBody(found as GatewayError))).not.toContain('AIza-secret')
})
