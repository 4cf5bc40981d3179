import { searchContract } from '@tianjillm/testing'
import { tavily } from '../src/tavily.ts'

const url = 'https://api.tavily.com/search'
const headers = { authorization: 'Bearer test-key', accept: 'application/json' }
const none = { object: 'search', results: [] }
const empty = { body: { query: 'q', results: [], response_time: 0.1 } }
const entry = (number: number) => ({
  title: `Title ${number}`,
  url: `https://example.test/${number}`,
  content: `Text ${number}`,
  score: 0.9,
})
const result = (number: number) => ({
  title: `Title ${number}`,
  url: `https://example.test/${number}`,
  snippet: `Text ${number}`,
  date: null,
  last_updated: null,
})

searchContract(tavily, {
  options: { apiKey: 'test-key' },
  operations: {
    search: [
      {
        title: 'reads results, with their dates as days',
        input: { model: 'web', query: 'red kites', max_results: 10 },
        sent: { method: 'POST', url, headers, json: { query: 'red kites', max_results: 10 } },
        reply: {
          body: {
            query: 'red kites',
            answer: 'They are red.',
            images: [],
            results: [
              { ...entry(1), published_date: 'Fri, 03 Jan 2025 12:00:00 GMT', raw_content: 'All of it' },
              { ...entry(2), published_date: '2025-01-04T00:00:00Z' },
              { ...entry(3), published_date: 'last week' },
              { title: null, url: 'https://example.test/4' },
            ],
          },
        },
        answer: {
          object: 'search',
          results: [
            { ...result(1), date: '2025-01-03' },
            { ...result(2), date: '2025-01-04' },
            result(3),
            { title: '', url: 'https://example.test/4', snippet: '', date: null, last_updated: null },
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
          url,
          json: {
            query: 'red kites',
            max_results: 3,
            include_domains: ['bbc.co.uk', 'rspb.org'],
            exclude_domains: ['x.test', 'y.test'],
          },
        },
        reply: empty,
        answer: none,
      },
      {
        title: 'only excludes when no domain is wanted',
        input: { model: 'web', query: 'q', max_results: 3, search_domain_filter: ['-x.test'] },
        sent: { url, json: { query: 'q', max_results: 3, exclude_domains: ['x.test'] } },
        reply: empty,
        answer: none,
      },
      {
        title: 'asks for a range of days',
        input: {
          model: 'web',
          query: '赤い鳥',
          max_results: 20,
          start_date: '2024-01-01T08:00:00Z',
          end_date: '2024-06-30',
          max_tokens_per_page: 512,
        },
        sent: { url, json: { query: '赤い鳥', max_results: 20, start_date: '2024-01-01', end_date: '2024-06-30' } },
        reply: empty,
        answer: none,
      },
      ...(
        [
          [{ country: 'jp', language: 'ja' }, 'japan'],
          [{ language: 'de-AT' }, 'austria'],
          [{ country: 'BA' }, 'bosnia and herzegovina'],
          [{ country: 'CZ' }, 'czech republic'],
          [{ country: 'United States' }, 'united states'],
          [{ country: 'FR', topic: 'general' }, 'france'],
        ] as const
      ).map(([given, country]) => ({
        title: `says ${JSON.stringify(given)} as ${country}`,
        input: { model: 'web', query: 'q', max_results: 1, ...given },
        sent: { url, json: { query: 'q', max_results: 1, country, ...('topic' in given && { topic: given.topic }) } },
        reply: empty,
        answer: none,
      })),
      {
        title: 'tells no country where the topic knows none, and no language',
        input: { model: 'web', query: 'q', max_results: 1, country: 'FR', language: 'fr', topic: 'news' },
        sent: { url, json: { query: 'q', max_results: 1, topic: 'news' } },
        reply: empty,
        answer: none,
      },
      {
        title: "hands on Tavily's own parameters, but no other key or base of the caller",
        input: {
          model: 'web',
          query: 'q',
          max_results: 5,
          search_depth: 'advanced',
          include_domains: ['a.test'],
          api_key: 'theirs',
          api_base: 'https://evil.test',
        },
        sent: {
          url,
          headers,
          json: { query: 'q', max_results: 5, search_depth: 'advanced', include_domains: ['a.test'] },
        },
        reply: empty,
        answer: none,
      },
      {
        title: 'never gives more than was asked for',
        input: { model: 'web', query: 'q', max_results: 2 },
        sent: { url },
        reply: {
          body: { results: ['no entry', { title: 'no url' }, ...Array.from({ length: 5000 }, (_, i) => entry(i + 1))] },
        },
        answer: { object: 'search', results: [result(1), result(2)] },
      },
      {
        title: 'takes a whole endpoint as its base',
        options: { apiBase: 'https://search.test/tavily/search/' },
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { url: 'https://search.test/tavily/search' },
        reply: empty,
        answer: none,
      },
      {
        title: 'takes key and base from the environment',
        options: { apiKey: undefined },
        env: { TAVILY_API_KEY: 'env-key', TAVILY_API_BASE: 'https://search.test/v1/' },
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { url: 'https://search.test/v1/search', headers: { authorization: 'Bearer env-key' } },
        reply: empty,
        answer: none,
      },
      {
        title: 'refuses a date that is none without asking',
        input: { model: 'web', query: 'q', max_results: 1, start_date: 'yesterday' },
        sent: [],
        reply: [],
        error: { kind: 'invalid_request', param: 'start_date' },
      },
      {
        title: 'refuses an answer without results',
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { url },
        reply: { body: {} },
        error: { kind: 'upstream_invalid_response', message: 'tavily: the answer has no results.' },
      },
      {
        title: 'tells an error that comes with a good status',
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { url },
        reply: { body: { detail: { error: 'Search is down.' } } },
        error: { kind: 'upstream_error', message: 'tavily: Search is down.' },
      },
      {
        title: 'refuses a page that comes with a good status',
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { url },
        reply: { body: '<html>Welcome</html>' },
        error: { kind: 'upstream_invalid_response', message: /^(?!.*Welcome)/ },
      },
    ],
  },
  faults: [
    {
      status: 400,
      body: { detail: { error: 'Query is too long. Max query length is 400 characters.' } },
      kind: 'invalid_request',
      message: 'tavily: Query is too long. Max query length is 400 characters.',
    },
    {
      status: 401,
      body: { detail: { error: 'Unauthorized: missing or invalid API key.' } },
      kind: 'upstream_auth_failed',
      message: 'tavily: the vendor refused the configured credentials',
    },
    {
      status: 422,
      body: { detail: [{ loc: ['body', 'topic'], msg: 'value is not a valid topic', type: 'value_error' }] },
      kind: 'invalid_request',
      message: 'tavily: value is not a valid topic',
    },
    {
      status: 429,
      headers: { 'retry-after': '3' },
      body: { detail: { error: 'Your request has been blocked due to excessive requests.' } },
      kind: 'rate_limited',
      message: 'tavily: Your request has been blocked due to excessive requests.',
    },
    ...[432, 433].map((status) => ({
      status,
      body: { detail: { error: "This request exceeds your plan's set usage limit." } },
      kind: 'quota_exceeded',
      message: "tavily: This request exceeds your plan's set usage limit.",
    })),
  ],
})
