import { searchContract } from '@tianjillm/testing'
import { brave } from '../src/brave.ts'

const url = 'https://api.search.brave.com/res/v1/web/search'
const headers = { 'x-subscription-token': 'test-key', accept: 'application/json' }
const none = { object: 'search', results: [] }
const entry = (number: number) => ({
  title: `Title ${number}`,
  url: `https://example.test/${number}`,
  description: `Text ${number}`,
})
const result = (number: number) => ({
  title: `Title ${number}`,
  url: `https://example.test/${number}`,
  snippet: `Text ${number}`,
  date: null,
  last_updated: null,
})

searchContract(brave, {
  options: { apiKey: 'test-key' },
  operations: {
    search: [
      {
        title: 'reads all sections, with their dates as days',
        input: { model: 'web', query: 'red kites', max_results: 10 },
        sent: {
          method: 'GET',
          url: `${url}?q=red+kites&count=10&include_fetch_metadata=true`,
          headers: { ...headers, 'content-type': null },
        },
        reply: {
          body: {
            type: 'search',
            news: { results: [{ ...entry(4), age: 'March 5, 2024' }] },
            videos: { results: [{ title: 'Title 5', url: 'https://example.test/5', age: '2 days ago' }] },
            web: {
              results: [
                {
                  ...entry(1),
                  page_age: '2024-03-02T23:30:00',
                  age: 'January 1, 2020',
                  fetched_content_timestamp: 1_700_000_000,
                },
              ],
            },
            discussions: { results: [entry(2)] },
            faq: { results: [{ question: 'Is it red?', answer: 'Yes.', url: 'https://example.test/3' }] },
            infobox: { results: [entry(9)] },
          },
        },
        answer: {
          object: 'search',
          results: [
            { ...result(1), date: '2024-03-02', last_updated: '2023-11-14' },
            result(2),
            {
              title: 'Is it red?',
              url: 'https://example.test/3',
              snippet: 'Yes.',
              date: null,
              last_updated: null,
            },
            { ...result(4), date: '2024-03-05' },
            { title: 'Title 5', url: 'https://example.test/5', snippet: '', date: null, last_updated: null },
          ],
        },
      },
      {
        title: 'joins several queries and keeps to several domains, but not to excluded ones',
        input: {
          model: 'web',
          query: ['red', 'kites'],
          max_results: 3,
          search_domain_filter: ['bbc.co.uk', '-x.test', 'rspb.org', '-y.test'],
        },
        sent: {
          method: 'GET',
          url: `${url}?q=%28red+kites%29+AND+%28site%3Abbc.co.uk+OR+site%3Arspb.org%29+NOT+site%3Ax.test+NOT+site%3Ay.test&count=3&include_fetch_metadata=true`,
          headers,
        },
        reply: { body: {} },
        answer: none,
      },
      {
        title: 'only excludes when no domain is wanted',
        input: { model: 'web', query: 'kites OR buzzards', max_results: 3, search_domain_filter: ['-x.test'] },
        sent: {
          method: 'GET',
          url: `${url}?q=%28kites+OR+buzzards%29+NOT+site%3Ax.test&count=3&include_fetch_metadata=true`,
        },
        reply: { body: {} },
        answer: none,
      },
      {
        title: 'asks for a country, a language and a range of days',
        input: {
          model: 'web',
          query: '赤い鳥 & more',
          max_results: 20,
          country: 'jp',
          language: 'ja-JP',
          start_date: '2024-01-01T08:00:00Z',
          end_date: '2024-06-30',
          max_tokens_per_page: 512,
        },
        sent: {
          method: 'GET',
          url: `${url}?q=%E8%B5%A4%E3%81%84%E9%B3%A5+%26+more&count=20&country=JP&search_lang=jp&freshness=2024-01-01to2024-06-30&include_fetch_metadata=true`,
        },
        reply: { body: {} },
        answer: none,
      },
      ...(
        [
          ['en-GB', 'en-gb'],
          ['en-US', 'en'],
          ['de', 'de'],
          ['zh', 'zh-hans'],
          ['zh-Hant-TW', 'zh-hant'],
          ['pt-PT', 'pt-pt'],
          ['pt-BR', 'pt-br'],
        ] as const
      ).map(([language, code]) => ({
        title: `says ${language} as ${code}`,
        input: { model: 'web', query: 'q', max_results: 1, language },
        sent: { method: 'GET', url: `${url}?q=q&count=1&search_lang=${code}&include_fetch_metadata=true` },
        reply: { body: {} },
        answer: none,
      })),
      {
        title: 'lets a range without an end reach to today',
        input: { model: 'web', query: 'q', max_results: 1, start_date: '2025-12-24' },
        sent: {
          method: 'GET',
          url: `${url}?q=q&count=1&freshness=2025-12-24to2026-01-02&include_fetch_metadata=true`,
        },
        reply: { body: {} },
        answer: none,
      },
      {
        title: 'lets a range without a start reach back to the beginning',
        input: { model: 'web', query: 'q', max_results: 1, end_date: '2025-12-24' },
        sent: {
          method: 'GET',
          url: `${url}?q=q&count=1&freshness=1970-01-01to2025-12-24&include_fetch_metadata=true`,
        },
        reply: { body: {} },
        answer: none,
      },
      {
        title: "hands on Brave's own parameters, over our defaults",
        input: {
          model: 'web',
          query: 'q',
          max_results: 5,
          safesearch: 'strict',
          include_fetch_metadata: false,
          goggles: ['https://a.test/1', 'https://a.test/2'],
        },
        sent: {
          method: 'GET',
          url: `${url}?q=q&count=5&include_fetch_metadata=false&safesearch=strict&goggles=https%3A%2F%2Fa.test%2F1&goggles=https%3A%2F%2Fa.test%2F2`,
        },
        reply: { body: {} },
        answer: none,
      },
      {
        title: 'reads only the sections that were asked for',
        input: { model: 'web', query: 'q', max_results: 5, result_filter: ['news', 'videos'] },
        sent: { method: 'GET', url: `${url}?q=q&count=5&result_filter=news%2Cvideos&include_fetch_metadata=true` },
        reply: { body: { web: { results: [entry(1)] }, news: { results: [entry(2)] }, videos: null } },
        answer: { object: 'search', results: [result(2)] },
      },
      {
        title: 'never gives more than was asked for',
        input: { model: 'web', query: 'q', max_results: 2 },
        sent: { method: 'GET', url: `${url}?q=q&count=2&include_fetch_metadata=true` },
        reply: {
          body: {
            web: { results: [entry(1), 'no entry', { title: 'no url' }] },
            news: { results: [entry(2), entry(3)] },
          },
        },
        answer: { object: 'search', results: [result(1), result(2)] },
      },
      {
        title: 'takes a whole endpoint as its base',
        options: { apiBase: 'https://search.test/brave/web/search/' },
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { method: 'GET', url: 'https://search.test/brave/web/search?q=q&count=1&include_fetch_metadata=true' },
        reply: { body: {} },
        answer: none,
      },
      {
        title: 'takes key and base from the environment',
        options: { apiKey: undefined },
        env: { BRAVE_API_KEY: 'env-key', BRAVE_API_BASE: 'https://search.test/v1' },
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: {
          method: 'GET',
          url: 'https://search.test/v1/web/search?q=q&count=1&include_fetch_metadata=true',
          headers: { 'x-subscription-token': 'env-key' },
        },
        reply: { body: {} },
        answer: none,
      },
      {
        title: 'refuses an answer that is not an object',
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { method: 'GET', url: `${url}?q=q&count=1&include_fetch_metadata=true` },
        reply: { body: [] },
        error: { kind: 'upstream_invalid_response', message: 'brave: the answer is not an object.' },
      },
    ],
  },
  faults: [
    {
      status: 422,
      body: { type: 'ErrorResponse', error: { status: 422, code: 'SUBSCRIPTION_TOKEN_INVALID', detail: 'Bad token.' } },
      kind: 'upstream_auth_failed',
      message: 'brave: the vendor refused the configured credentials',
    },
    {
      status: 422,
      body: {
        type: 'ErrorResponse',
        error: { status: 422, code: 'VALIDATION', detail: 'Unable to validate request parameter(s)' },
      },
      kind: 'invalid_request',
      message: 'brave: Unable to validate request parameter(s)',
    },
    {
      status: 429,
      body: {
        type: 'ErrorResponse',
        error: { status: 429, code: 'RATE_LIMITED', detail: 'Request rate limit exceeded for plan' },
      },
      kind: 'rate_limited',
      message: 'brave: Request rate limit exceeded for plan',
    },
  ],
})
