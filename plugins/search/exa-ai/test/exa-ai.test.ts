import { searchContract } from '@tianjillm/testing'
import { exaAi } from '../src/exa-ai.ts'

const url = 'https://api.exa.ai/search'
const headers = { 'x-api-key': 'test-key', accept: 'application/json', authorization: null }
const contents = { text: true }
const none = { object: 'search', results: [] }
const empty = { body: { requestId: 'r', results: [], costDollars: { total: 0.005 } } }
const entry = (number: number) => ({
  id: `https://example.test/${number}`,
  title: `Title ${number}`,
  url: `https://example.test/${number}`,
  text: `Text ${number}`,
})
const result = (number: number) => ({
  title: `Title ${number}`,
  url: `https://example.test/${number}`,
  snippet: `Text ${number}`,
  date: null,
  last_updated: null,
})

searchContract(exaAi, {
  options: { apiKey: 'test-key' },
  operations: {
    search: [
      {
        title: 'reads texts, else summaries, else highlights, with dates as days',
        input: { model: 'web', query: 'red kites', max_results: 10 },
        sent: { method: 'POST', url, headers, json: { query: 'red kites', numResults: 10, contents } },
        reply: {
          body: {
            requestId: 'r',
            resolvedSearchType: 'neural',
            results: [
              { ...entry(1), publishedDate: '2023-11-16T01:36:32.547Z', author: null },
              { ...entry(2), text: undefined, summary: 'Text 2', highlights: ['no'] },
              { ...entry(3), text: undefined, highlights: ['One.', 'Two.'], publishedDate: null },
              { ...entry(4), title: null, text: undefined },
            ],
          },
        },
        answer: {
          object: 'search',
          results: [
            { ...result(1), date: '2023-11-16' },
            result(2),
            { ...result(3), snippet: 'One.\nTwo.' },
            { ...result(4), title: '', snippet: '' },
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
            numResults: 3,
            includeDomains: ['bbc.co.uk', 'rspb.org'],
            excludeDomains: ['x.test', 'y.test'],
            contents,
          },
        },
        reply: empty,
        answer: none,
      },
      {
        title: 'asks for a country, a range of days and short texts',
        input: {
          model: 'web',
          query: '赤い鳥',
          max_results: 20,
          country: 'jp',
          language: 'ja',
          start_date: '2024-01-01T08:00:00Z',
          end_date: '2024-06-30',
          max_tokens_per_page: 512,
        },
        sent: {
          url,
          json: {
            query: '赤い鳥',
            numResults: 20,
            userLocation: 'JP',
            startPublishedDate: '2024-01-01T00:00:00.000Z',
            endPublishedDate: '2024-06-30T23:59:59.999Z',
            contents: { text: { maxCharacters: 2048 } },
          },
        },
        reply: empty,
        answer: none,
      },
      {
        title: 'takes the country from the language when none is given',
        input: { model: 'web', query: 'q', max_results: 1, language: 'de-AT', end_date: '2024-06-30' },
        sent: {
          url,
          json: {
            query: 'q',
            numResults: 1,
            userLocation: 'AT',
            endPublishedDate: '2024-06-30T23:59:59.999Z',
            contents,
          },
        },
        reply: empty,
        answer: none,
      },
      {
        title: "hands on Exa's own parameters, but no other key or base of the caller",
        input: {
          model: 'web',
          query: 'q',
          max_results: 5,
          type: 'fast',
          contents: { highlights: true },
          api_key: 'theirs',
          api_base: 'https://evil.test',
        },
        sent: { url, headers, json: { query: 'q', numResults: 5, type: 'fast', contents: { highlights: true } } },
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
        options: { apiBase: 'https://search.test/exa/search/' },
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { url: 'https://search.test/exa/search' },
        reply: empty,
        answer: none,
      },
      {
        title: 'takes key and base from the environment',
        options: { apiKey: undefined },
        env: { EXA_API_KEY: 'env-key', EXA_API_BASE: 'https://search.test/v1/' },
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { url: 'https://search.test/v1/search', headers: { 'x-api-key': 'env-key' } },
        reply: empty,
        answer: none,
      },
      {
        title: 'refuses an answer without results',
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { url },
        reply: { body: [] },
        error: { kind: 'upstream_invalid_response', message: 'exa_ai: the answer has no results.' },
      },
      {
        title: 'tells an error that comes with a good status',
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { url },
        reply: { body: { requestId: 'r', error: 'Search is down.', tag: 'DEFAULT_ERROR' } },
        error: { kind: 'upstream_error', message: 'exa_ai: Search is down.' },
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
      body: { requestId: 'r', error: 'Too many results asked for.', tag: 'NUM_RESULTS_EXCEEDED' },
      kind: 'invalid_request',
      message: 'exa_ai: Too many results asked for.',
    },
    {
      status: 401,
      body: { requestId: 'r', error: 'Invalid API key', tag: 'INVALID_API_KEY' },
      kind: 'upstream_auth_failed',
      message: 'exa_ai: the vendor refused the configured credentials',
    },
    {
      status: 402,
      body: { requestId: 'r', error: 'No credits left.', tag: 'NO_MORE_CREDITS' },
      kind: 'quota_exceeded',
      message: 'exa_ai: No credits left.',
    },
    {
      status: 403,
      body: { requestId: 'r', error: 'Not on your plan.', tag: 'ACCESS_DENIED' },
      kind: 'upstream_auth_failed',
    },
    {
      status: 403,
      body: { requestId: 'r', error: 'The query was blocked.', tag: 'PROHIBITED_CONTENT' },
      kind: 'content_policy_violation',
      message: 'exa_ai: The query was blocked.',
    },
    {
      status: 429,
      headers: { 'retry-after': '1' },
      body: { requestId: 'r', error: 'Ten requests a second are enough.', tag: 'RATE_LIMITED' },
      kind: 'rate_limited',
      message: 'exa_ai: Ten requests a second are enough.',
    },
  ],
})
