import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { formatProblem, readConfig } from '../src/index.ts'

const env = (name: string) => ({ CI_KEY: 'sk-ci-0123', RPM: '60' })[name]
const read = (text: string) => readConfig(text, { env })
const problemsOf = (text: string) => read(text).problems.map(formatProblem)
const hashOf = (key: string) => createHash('sha256').update(key).digest('hex')

describe('keys', () => {
  test('have their fields, resolved and typed', () => {
    const { config, problems } = read(`keys:
  - key: os.environ/CI_KEY
    key_alias: ci
    user_id: u-1
    team_id: t-1
    models: [fast, openai/*]
    rpm_limit: os.environ/RPM
    expires: 2027-01-31
    blocked: "yes"
    metadata: { cost_center: 7 }
    allowed_routes: [llm_api_routes]
    tpm_limit: "5000"
    max_budget: 2.5
    budget_duration: 1mo
    model_max_budget: { fast: 1, "openai/*": { budget_limit: 2, time_period: 1d } }
    model_rpm_limit: { fast: 5 }
  - key_hash: ${hashOf('sk-other').toUpperCase()}
`)
    expect(problems).toEqual([])
    expect(config?.keys).toEqual([
      {
        key: 'sk-ci-0123',
        keyHash: hashOf('sk-ci-0123'),
        keyAlias: 'ci',
        userId: 'u-1',
        teamId: 't-1',
        models: ['fast', 'openai/*'],
        allowedRoutes: ['llm_api_routes'],
        rpmLimit: 60,
        tpmLimit: 5000,
        modelRpmLimit: new Map([['fast', 5]]),
        modelTpmLimit: new Map(),
        budget: { max: 2.5, soft: undefined, duration: '1mo' },
        modelBudgets: new Map([
          ['fast', { max: 1, soft: undefined, duration: undefined }],
          ['openai/*', { max: 2, soft: undefined, duration: '1d' }],
        ]),
        expires: Date.UTC(2027, 0, 31),
        isBlocked: true,
        metadata: { cost_center: 7 },
        position: { file: 'proxy_config.yaml', line: 2, column: 5 },
      },
      {
        key: undefined,
        keyHash: hashOf('sk-other'),
        keyAlias: undefined,
        userId: undefined,
        teamId: undefined,
        models: [],
        allowedRoutes: [],
        rpmLimit: undefined,
        tpmLimit: undefined,
        modelRpmLimit: new Map(),
        modelTpmLimit: new Map(),
        budget: undefined,
        modelBudgets: new Map(),
        expires: undefined,
        isBlocked: false,
        metadata: {},
        position: { file: 'proxy_config.yaml', line: 17, column: 5 },
      },
    ])
  })

  test('are none when the file has none', () => {
    expect(read('model_list: []').config?.keys).toEqual([])
  })

  test.each([
    ['{ key_alias: ci }', '1:8: error: keys[0]: names no key: give key or key_hash'],
    ['{ key: "" }', '1:8: error: keys[0]: names no key: give key or key_hash'],
    [
      `{ key: sk-1, key_hash: ${hashOf('sk-1')} }`,
      '1:8: error: keys[0]: gives both key and key_hash, and one is enough',
    ],
    [
      '{ key_hash: sk-not-a-hash }',
      '1:10: error: keys[0].key_hash: expected the SHA-256 of a key, 64 hexadecimal digits, received a string that is not shown',
    ],
    ['{ key: 1234 }', '1:10: error: keys[0].key: expected a string, received a number that is not shown'],
    ['{ key: sk-1 }, { key: sk-2 }, { key: sk-1 }', '1:38: error: keys[2]: is the same key as keys[0]'],
    [`{ key: sk-1 }, { key_hash: ${hashOf('sk-1')} }`, '1:23: error: keys[1]: is the same key as keys[0]'],
    ...['0', '-1', '1.5', '"0"', 'many'].map((limit) => [
      `{ key: sk-1, rpm_limit: ${limit} }`,
      `1:21: error: keys[0].rpm_limit: expected a positive whole number, received ${limit === 'many' ? '"many"' : limit}`,
    ]),
    ...['2027-02-30', '31.1.2027', '2027-01-31T18:00', '2027-01-31T25:00Z'].map((date) => [
      `{ key: sk-1, expires: ${date} }`,
      `1:21: error: keys[0].expires: expected a date such as 2027-01-31 or 2027-01-31T18:00:00Z, received "${date}"`,
    ]),
  ])('that are %s are refused', (written, problem) => {
    const { config, problems } = read(`keys: [${written}]`)
    expect(config).toBeUndefined()
    expect(problems.map(formatProblem)).toEqual([`proxy_config.yaml:${problem}`])
  })

  test('may not have the master key among them', () => {
    expect(problemsOf('{ general_settings: { master_key: sk-1 }, keys: [{ key: sk-1 }] }')).toEqual([
      'proxy_config.yaml:1:50: error: keys[0]: is the same key as the master key',
    ])
  })

  test.each([
    ['rpm_limit: os.environ/UNSET', 'keys[0].rpm_limit'],
    ['models: [os.environ/UNSET]', 'keys[0].models[0]'],
  ])('are refused when the variable in %s is not set, for they would be allowed more', (written, path) => {
    const { config, problems } = read(`keys: [{ key: sk-1, ${written} }]`)
    expect(config).toBeUndefined()
    expect(problems).toMatchObject([
      { severity: 'error', path, message: 'UNSET is not set. Set it, or leave out the key.' },
    ])
  })

  test.each(['2027-01-31T18:00Z', '2027-01-31T18:00:00.5+02:00'])('may expire at %s', (date) => {
    expect(read(`keys: [{ key: sk-1, expires: ${date} }]`).config?.keys[0]?.expires).toBe(Date.parse(date))
  })

  test('warn of fields that nobody heeds', () => {
    expect(problemsOf('keys: [{ key: sk-1, rpm_limits: 5, max_budgets: 1 }]')).toEqual([
      'proxy_config.yaml:1:21: warning: keys[0].rpm_limits: unknown key, without effect. Did you mean rpm_limit?',
      'proxy_config.yaml:1:36: warning: keys[0].max_budgets: unknown key, without effect. Did you mean max_budget?',
    ])
  })
})

describe('global_max_parallel_requests', () => {
  test('is a positive whole number', () => {
    const written = (value: string) => read(`general_settings: { global_max_parallel_requests: ${value} }`)
    expect(written('20').config?.general.globalMaxParallelRequests).toBe(20)
    expect(written('0').problems.map(formatProblem)).toEqual([
      'proxy_config.yaml:1:21: error: general_settings.global_max_parallel_requests: expected a positive whole number, received 0',
    ])
  })
})
