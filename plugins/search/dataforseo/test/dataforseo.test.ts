import { connectSearch } from '@tianjillm/engine'
import { type OperationCase, searchContract } from '@tianjillm/testing'
import { expect, it } from 'vitest'
import { dataforseo } from '../src/dataforseo.ts'

const url = 'https://api.dataforseo.com/v3/serp/google/organic/live/advanced'
const authorization = `Basic ${Buffer.from('login:secret-password').toString('base64')}`
const place = { location_code: 2840, language_code: 'en' }
const none = { object: 'search', results: [] }
const organic = (number: number) => ({
  type: 'organic',
  rank_group: number,
  title: `Title ${number}`,
  url: `https://example.test/${number}`,
  description: `Text ${number}`,
  timestamp: null,
})
const result = (number: number) => ({
  title: `Title ${number}`,
  url: `https://example.test/${number}`,
  snippet: `Text ${number}`,
  date: null,
  last_updated: null,
})
const task = (status_code: number, status_message: string, result: unknown = null) => ({
  status_code: 20000,
  status_message: 'Ok.',
  tasks_error: status_code === 20000 ? 0 : 1,
  tasks: [{ id: 'task-1', status_code, status_message, result }],
})
const found = (...items: readonly unknown[]) => task(20000, 'Ok.', [{ keyword: 'q', items }])

/** A query that finds nothing, and the task it is. */
const asks = (title: string, input: object, wanted: object): OperationCase => ({
  title,
  input: { model: 'web', query: 'q', max_results: 1, ...input },
  sent: { url, json: [{ keyword: 'q', depth: 1, ...place, ...wanted }] },
  reply: { body: found() },
  answer: none,
})

const fails = (body: unknown, kind: string, message: string): OperationCase => ({
  title: `tells ${JSON.stringify(body).slice(0, 160)} as ${kind}`,
  input: { model: 'web', query: 'q', max_results: 1 },
  sent: { url },
  reply: { body: JSON.stringify(body) },
  error: { kind, message },
})

const refuses = (param: string, value: string): OperationCase => ({
  title: `names the ${param} ${value} that it does not know`,
  input: { model: 'web', query: 'q', max_results: 1, [param]: value },
  sent: [],
  reply: [],
  error: { kind: 'unsupported_parameter', message: `dataforseo: the ${param} "${value}" is not known`, param },
})

searchContract(dataforseo, {
  options: { apiKey: 'login:secret-password' },
  operations: {
    search: [
      {
        title: 'sends one task, and reads what is organic',
        input: { model: 'web', query: 'red kites', max_results: 3 },
        sent: {
          method: 'POST',
          url,
          headers: { authorization, 'content-type': 'application/json' },
          json: [{ keyword: 'red kites', depth: 3, ...place }],
        },
        reply: {
          body: found(
            { type: 'paid', title: 'Buy kites', url: 'https://ads.test/' },
            { ...organic(1), timestamp: '2024-03-02 23:30:00 +00:00' },
            { type: 'people_also_ask', title: 'Who?', items: [] },
            { type: 'organic', title: 'no url' },
            null,
            organic(2),
          ),
        },
        answer: { object: 'search', results: [{ ...result(1), date: '2024-03-02' }, result(2)] },
      },
      {
        title: 'never gives more than was asked for',
        input: { model: 'web', query: 'q', max_results: 2 },
        sent: { url, json: [{ keyword: 'q', depth: 2, ...place }] },
        reply: { body: found(organic(1), organic(2), organic(3)) },
        answer: { object: 'search', results: [result(1), result(2)] },
      },
      asks('takes several words as one phrase', { query: ['red', 'kites'] }, { keyword: 'red kites' }),
      asks('keeps signs that would be decoded', { query: '100% C++' }, { keyword: '100%25 C%2B%2B' }),
      asks(
        'keeps to several domains, and not to excluded ones',
        { search_domain_filter: ['a.test', '-x.test', 'b.test', '-y.test'] },
        { keyword: 'q (site:a.test OR site:b.test) -site:x.test -site:y.test' },
      ),
      asks(
        'only excludes when no domain is wanted',
        { search_domain_filter: ['-x.test'] },
        { keyword: 'q -site:x.test' },
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
        {
          keyword: '赤い鳥',
          location_code: 2392,
          language_code: 'ja',
          search_param: '&tbs=cdr:1,cd_min:01/01/2024,cd_max:06/30/2024',
        },
      ),
      asks(
        'knows Great Britain and Norwegian',
        { country: 'GB', language: 'no' },
        { location_code: 2826, language_code: 'nb' },
      ),
      asks(
        'knows scripts of Chinese',
        { country: 'TW', language: 'zh-Hant-TW' },
        { location_code: 2158, language_code: 'zh-TW' },
      ),
      asks('takes simple Chinese as what is meant', { language: 'zh' }, { language_code: 'zh-CN' }),
      asks(
        'lets a range reach to today',
        { start_date: '2025-12-24' },
        { search_param: '&tbs=cdr:1,cd_min:12/24/2025,cd_max:01/02/2026' },
      ),
      asks(
        'lets a range reach back to the beginning',
        { end_date: '2025-12-24' },
        { search_param: '&tbs=cdr:1,cd_min:01/01/1970,cd_max:12/24/2025' },
      ),
      {
        title: 'lets a task name a place and a language of its own',
        input: {
          model: 'web',
          query: 'q',
          max_results: 1,
          location_name: 'Ulm,Germany',
          language_name: 'German',
          device: 'mobile',
        },
        sent: {
          url,
          json: [{ keyword: 'q', depth: 1, location_name: 'Ulm,Germany', language_name: 'German', device: 'mobile' }],
        },
        reply: { body: found() },
        answer: none,
      },
      asks(
        'takes the country of a language, when it knows it',
        { language: 'de-AT' },
        { location_code: 2040, language_code: 'de' },
      ),
      asks('is content with a language of no country', { language: 'es-419' }, { language_code: 'es' }),
      refuses('country', 'XX'),
      refuses('language', 'tlh'),
      {
        title: 'leaves out a country it does not know when that is wanted',
        dropParams: true,
        input: { model: 'web', query: 'q', max_results: 1, country: 'XX' },
        sent: { url, json: [{ keyword: 'q', depth: 1, ...place }] },
        reply: { body: found() },
        answer: none,
      },
      ...[task(40102, 'No Search Results.'), task(20000, 'Ok.'), task(20000, 'Ok.', [{ items: null }])].map((body) => ({
        title: `finds nothing in ${JSON.stringify(body.tasks)}`,
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { url },
        reply: { body },
        answer: none,
      })),
      {
        title: 'takes login, password and base from the environment',
        options: { apiKey: undefined },
        env: {
          DATAFORSEO_LOGIN: 'me',
          DATAFORSEO_PASSWORD: 'schlüssel',
          DATAFORSEO_API_BASE: 'https://sandbox.dataforseo.com/',
        },
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: {
          url: 'https://sandbox.dataforseo.com/v3/serp/google/organic/live/advanced',
          headers: { authorization: `Basic ${Buffer.from('me:schlüssel').toString('base64')}` },
        },
        reply: { body: found() },
        answer: none,
      },
      {
        title: 'takes a whole endpoint as its base',
        options: { apiBase: 'https://proxy.test/v3/serp/google/organic/live/advanced' },
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { url: 'https://proxy.test/v3/serp/google/organic/live/advanced' },
        reply: { body: found() },
        answer: none,
      },
      fails(task(40501, "Invalid Field: 'keyword'."), 'invalid_request', "dataforseo: Invalid Field: 'keyword'."),
      fails(task(40101, 'Internal SE Server Error.'), 'upstream_error', 'dataforseo: Internal SE Server Error.'),
      fails(task(40200, 'Payment Required.'), 'quota_exceeded', 'dataforseo: Payment Required.'),
      fails(task(50301, 'Unavailable.'), 'upstream_error', 'dataforseo: Unavailable.'),
      fails(
        { status_code: 40100, status_message: 'You are not Authorized.', tasks: null },
        'upstream_auth_failed',
        'dataforseo: the vendor refused the configured credentials',
      ),
      fails({ status_code: 40202, status_message: 'Too many.' }, 'rate_limited', 'dataforseo: Too many.'),
      fails({ status_code: 20000, tasks: [] }, 'upstream_invalid_response', 'dataforseo: the answer has no task.'),
      fails([], 'upstream_invalid_response', 'dataforseo: the answer has no task.'),
      {
        title: 'refuses a page of HTML',
        input: { model: 'web', query: 'q', max_results: 1 },
        sent: { url },
        reply: { body: '<html>Sorry…</html>' },
        error: { kind: 'upstream_invalid_response' },
      },
    ],
  },
  faults: [
    {
      status: 401,
      body: { status_code: 40100, status_message: 'You are not Authorized to Access this Resource.' },
      kind: 'upstream_auth_failed',
      message: 'dataforseo: the vendor refused the configured credentials',
    },
    {
      status: 402,
      body: { status_code: 40200, status_message: 'Payment Required.' },
      kind: 'quota_exceeded',
      message: 'dataforseo: Payment Required.',
    },
    {
      status: 500,
      body: { status_code: 50000, status_message: 'Internal Error.' },
      kind: 'upstream_error',
      message: 'dataforseo: Internal Error.',
    },
  ],
})

it.each([
  [{ apiKey: 'no-colon' }, 'dataforseo: litellm_params.api_key must be "login:password".'],
  [{}, 'dataforseo: no password. Set DATAFORSEO_PASSWORD or litellm_params.api_key ("login:password").'],
])('refuses %o without repeating it', (options, message) => {
  const env = (name: string) => (name === 'DATAFORSEO_LOGIN' ? 'me' : undefined)
  expect(() => connectSearch(dataforseo, options, { host: { env } })).toThrow(message)
})
