import { searchContract } from '@tianjillm/testing'
import { searxng } from '../src/searxng.ts'

const base = 'https://searx.test'
const url = `${base}/search`
const none = { object: 'search', results: [] }
const empty = { body: { query: 'q', number_of_results: 0, results: [], unresponsive_engines: [] } }
const entry = (number: number, rest: object = {}) => ({
  title: `Title ${number}`,
  url: `https://example.test/${number}`,
  content: `Text ${number}`,
  engine: 'mojeek',
  ...rest,
})
const result = (number: number, rest: object = {}) => ({
  title: `Title ${number}`,
  url: `https://example.test/${number}`,
  snippet: `Text ${number}`,
  date: null,
  last_updated: null,
  ...rest,
})

searchContract(searxng, {
  options: { apiBase: base },
  isKeyless: true,
  operations: {
    search: [
      {
        title: 'reads results, with their dates as days, and needs no key',
        input: { model: 'web', query: 'red kites', max_results: 10 },
        sent: {
          method: 'GET',
          url: `${url}?q=red+kites&format=json`,
          headers: { accept: 'application/json', authorization: null, 'content-type': null },
        },
        reply: {
          body: {
            query: 'red kites',
            answers: [],
            infoboxes: [{ infobox: 'Red kite' }],
            results: [
              entry(1, { publishedDate: '2024-03-02T23:30:00', pubdate: 'no' }),
              entry(2, { publishedDate: null, pubdate: '2024-03-03 00:00:00' }),
              entry(3, { publishedDate: 'a while ago', content: null }),
            ],
            unresponsive_engines: [['qwant', 'timeout']],
          },
        },
        answer: {
          object: 'search',
          results: [result(1, { date: '2024-03-02' }), result(2, { date: '2024-03-03' }), result(3, { snippet: '' })],
        },
      },
      {
        title: 'joins several queries and keeps to several domains, even where an engine does not',
        input: {
          model: 'web',
          query: ['red', 'kites'],
          max_results: 10,
          search_domain_filter: ['bbc.co.uk', 'rspb.org/Birds', '-old.bbc.co.uk', '.gov'],
        },
        sent: {
          method: 'GET',
          url: `${url}?q=red+kites+%28site%3Abbc.co.uk+OR+site%3Arspb.org%2FBirds+OR+site%3A.gov%29+-site%3Aold.bbc.co.uk&format=json`,
        },
        reply: {
          body: {
            results: [
              'https://bbc.co.uk/',
              'https://www.bbc.co.uk/news',
              'https://notbbc.co.uk/',
              'https://old.bbc.co.uk/news',
              'https://rspb.org/Birds/kite',
              'https://rspb.org/shop',
              'https://www.nps.gov/kites',
              'https://evil.test/?bbc.co.uk',
              'no url at all',
            ].map((page, index) => entry(index, { url: page })),
          },
        },
        answer: {
          object: 'search',
          results: [
            result(0, { url: 'https://bbc.co.uk/' }),
            result(1, { url: 'https://www.bbc.co.uk/news' }),
            result(4, { url: 'https://rspb.org/Birds/kite' }),
            result(6, { url: 'https://www.nps.gov/kites' }),
          ],
        },
      },
      {
        title: 'only excludes when no domain is wanted',
        input: { model: 'web', query: 'q', max_results: 3, search_domain_filter: ['-x.test'] },
        sent: { method: 'GET', url: `${url}?q=q+-site%3Ax.test&format=json` },
        reply: { body: { results: [entry(1, { url: 'https://www.x.test/' }), entry(2)] } },
        answer: { object: 'search', results: [result(2)] },
      },
      ...(
        [
          [{ language: 'de' }, 'de'],
          [{ language: 'de', country: 'at' }, 'de-AT'],
          [{ language: 'pt_BR' }, 'pt-BR'],
          [{ language: 'en-GB', country: 'us' }, 'en-US'],
          [{ language: 'zh-Hant' }, 'zh-TW'],
          [{ language: 'zh-Hans-CN' }, 'zh-CN'],
          [{ language: 'auto' }, 'auto'],
          [{ country: 'jp' }, 'ja-JP'],
          [{ country: 'uk' }, 'en-GB'],
          [{ country: 'br' }, 'pt-BR'],
        ] as const
      ).map(([given, language]) => ({
        title: `says ${JSON.stringify(given)} as ${language}`,
        input: { model: 'web', query: '赤い鳥', max_results: 1, ...given },
        sent: { method: 'GET', url: `${url}?q=%E8%B5%A4%E3%81%84%E9%B3%A5&format=json&language=${language}` },
        reply: empty,
        answer: none,
      })),
      {
        title: 'refuses a country that is none without asking',
        input: { model: 'web', query: 'q', max_results: 1, country: 'Germany' },
        sent: [],
        reply: [],
        error: { kind: 'invalid_request', message: 'searxng: `language` must be as in BCP 47' },
      },
      ...(
        [
          ['2026-01-02', '&time_range=day'],
          ['2026-01-01', '&time_range=week'],
          ['2025-12-24', '&time_range=month'],
          ['2025-06-01', '&time_range=year'],
          ['2020-01-01', ''],
        ] as const
      ).map(([start_date, range]) => ({
        title: `asks for what is since ${start_date}${range && ` with ${range}`}`,
        input: { model: 'web', query: 'q', max_results: 1, start_date },
        sent: { method: 'GET', url: `${url}?q=q&format=json${range}` },
        reply: empty,
        answer: none,
      })),
      {
        title: 'leaves out what is known to be of another time',
        input: { model: 'web', query: 'q', max_results: 10, start_date: '2024-01-01', end_date: '2024-12-31' },
        sent: { method: 'GET', url: `${url}?q=q&format=json` },
        reply: {
          body: {
            results: [
              entry(1, { publishedDate: '2023-12-31T23:59:59' }),
              entry(2, { publishedDate: '2024-01-01T00:00:00' }),
              entry(3, { publishedDate: '2024-12-31T23:59:59' }),
              entry(4, { publishedDate: '2025-01-01T00:00:00' }),
              entry(5),
            ],
          },
        },
        answer: {
          object: 'search',
          results: [result(2, { date: '2024-01-01' }), result(3, { date: '2024-12-31' }), result(5)],
        },
      },
      {
        title: "hands on SearXNG's own parameters, but no key or base of the caller",
        input: {
          model: 'web',
          query: 'q',
          max_results: 5,
          categories: 'news',
          time_range: 'month',
          max_tokens_per_page: 512,
          api_key: 'theirs',
          api_base: 'https://evil.test',
        },
        sent: {
          method: 'GET',
          url: `${url}?q=q&format=json&time_range=month&categories=news`,
          headers: { authorization: null },
        },
        reply: empty,
        answer: none,
      },
      {
        title: 'never gives more than was asked for',
        input: { model: 'web', query: 'q', max_results: 2 },
        sent: { method: 'GET', url: `${url}?q=q&format=json` },
        reply: {
          body: { results: ['no entry', { title: 'no url' }, ...Array.from({ length: 5000 }, (_, i) => entry(i + 1))] },
        },
        answer: { object: 'search', results: [result(1), result(2)] },
      },
      {
        title: 'takes a whole endpoint as its base, and a key when there is one',
        options: { apiBase: 'https://search.test/searx/search/', apiKey: 'test-key' },
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: {
          method: 'GET',
          url: 'https://search.test/searx/search?q=q&format=json',
          headers: { authorization: 'Bearer test-key' },
        },
        reply: empty,
        answer: none,
      },
      {
        title: 'takes key and base from the environment',
        options: { apiBase: undefined },
        env: { SEARXNG_API_KEY: 'env-key', SEARXNG_API_BASE: 'https://search.test/searx/' },
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: {
          method: 'GET',
          url: 'https://search.test/searx/search?q=q&format=json',
          headers: { authorization: 'Bearer env-key' },
        },
        reply: empty,
        answer: none,
      },
      {
        title: 'names the variable to set when the base is missing',
        options: { apiBase: undefined },
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: [],
        reply: [],
        error: {
          kind: 'misconfigured',
          message: 'searxng: no base URL. Set SEARXNG_API_BASE or litellm_params.api_base.',
        },
      },
      {
        title: 'does not pass engines that did not answer for nothing found',
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { method: 'GET', url: `${url}?q=q&format=json` },
        reply: {
          body: {
            results: [],
            suggestions: [],
            unresponsive_engines: [['brave', 'Suspended: too many requests'], ['startpage', 'CAPTCHA'], 'odd'],
          },
        },
        error: {
          kind: 'overloaded',
          message: 'searxng: no engine answered (brave: Suspended: too many requests, startpage: CAPTCHA, odd).',
        },
      },
      {
        title: 'believes that nothing was found when an engine says so',
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { method: 'GET', url: `${url}?q=q&format=json` },
        reply: { body: { results: [], suggestions: ['kites'], unresponsive_engines: [['brave', 'timeout']] } },
        answer: none,
      },
      {
        title: 'refuses an answer without results',
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { method: 'GET', url: `${url}?q=q&format=json` },
        reply: { body: {} },
        error: { kind: 'upstream_invalid_response', message: 'searxng: the answer has no results.' },
      },
      {
        title: 'tells an error that comes with a good status',
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { method: 'GET', url: `${url}?q=q&format=json` },
        reply: { body: { error: 'search error' } },
        error: { kind: 'upstream_error', message: 'searxng: search error' },
      },
      {
        title: 'refuses a page that comes with a good status',
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { method: 'GET', url: `${url}?q=q&format=json` },
        reply: { body: '<html>Welcome</html>' },
        error: { kind: 'upstream_invalid_response', message: /^(?!.*Welcome)/ },
      },
    ],
  },
  faults: [
    {
      status: 400,
      body: { error: 'Invalid value "xx-XX-XX" for parameter language' },
      kind: 'invalid_request',
      message: 'searxng: Invalid value "xx-XX-XX" for parameter language',
    },
    {
      status: 403,
      body: '<!doctype html><title>403 Forbidden</title>',
      kind: 'misconfigured',
      message: 'searxng: the instance refused. Add `json` to `search.formats`',
    },
    {
      status: 429,
      headers: { 'retry-after': '60' },
      body: '<!doctype html><title>Too Many Requests</title>',
      kind: 'rate_limited',
      message: 'searxng: the vendor answered 429',
    },
  ],
})
