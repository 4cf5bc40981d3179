import type { Caller, JsonObject } from '@tianjillm/core'
import { openStore } from '@tianjillm/store'
import { describeOnBoth, failedReport, sampleReport, stubLog } from '@tianjillm/testing'
import { expect, it, onTestFinished } from 'vitest'
import { type Actor, createKeys, createSpendWriter, hashOf, type SpendTable, spendIn } from '../src/index.ts'
import { admin } from './support.ts'

const DAY = Date.UTC(2026, 10, 20)
const HOUR = 3_600_000
const viewer: Actor = { ...admin, role: 'proxy_admin_viewer' }
const [adaKey, adaOther, bobKey] = ['sk-ada', 'sk-ada-2', 'sk-bob'].map(hashOf) as [string, string, string]
const ada: Actor = { role: undefined, keyHash: adaKey, userId: 'ada', teamId: undefined }
/** A key without a user. */
const lonely: Actor = { role: undefined, keyHash: 'lonely', userId: undefined, teamId: undefined }

interface Made {
  readonly at?: number
  readonly caller?: Caller
  readonly model?: string
  readonly cost?: number
  readonly tags?: readonly string[]
}

/** Spend of three people over two days. */
async function spentIn(url: string, ...more: readonly Made[]) {
  const store = await openStore({ url })
  onTestFinished(() => store.close())
  const keys = createKeys({ store, now: () => DAY, changed: () => {} })
  const owners = { 'sk-ada': 'ada', 'sk-ada-2': 'ada', 'sk-bob': 'bob' }
  for (const [key, user_id] of Object.entries(owners)) await keys.generate({ key, user_id, key_alias: key }, admin)
  const writer = createSpendWriter({ store, log: stubLog(), now: () => DAY })
  const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }
  const calls: readonly Made[] = [
    { caller: { keyHash: adaKey, userId: 'ada', teamId: 'blue' }, cost: 1, tags: ['x', 'y'] },
    { caller: { keyHash: adaOther, userId: 'ada', teamId: 'red' }, cost: 2, model: 'large' },
    { caller: { keyHash: bobKey, userId: 'bob', teamId: 'blue', endUserId: 'carl' }, cost: 4, at: DAY + 25 * HOUR },
    { caller: { keyHash: 'lonely' }, cost: 8, at: DAY + 26 * HOUR, tags: ['x'] },
    ...more,
  ]
  for (const [index, { at = DAY, caller = {}, model = 'small', cost, tags = [] }] of calls.entries())
    writer.add(sampleReport({ id: `c${index}`, startTime: at, caller, modelGroup: model, cost, tags, usage }), [])
  const failed = { id: 'f', startTime: DAY, caller: { keyHash: adaKey, userId: 'ada' }, modelGroup: 'small', tags: [] }
  writer.add(failedReport({ ...failed, provider: undefined }), [])
  await writer.flush()
  return { store, spend: spendIn(store) }
}

async function rowsOf({ pages }: SpendTable): Promise<readonly JsonObject[]> {
  return (await Array.fromAsync(pages)).flat()
}

const refused = { kind: 'permission_denied' }
const wrong = (param: string) => ({ kind: 'invalid_request', facts: { param } })

describeOnBoth('daily activity', (newUrl) => {
  it('tells each day, what it is made of, and all of them together', async () => {
    const { spend } = await spentIn(newUrl())
    const { results, metadata } = (await spend.activity('user', {}, viewer)) as Activity
    expect(results.map(({ date, metrics }) => [date, metrics.spend])).toEqual([
      ['2026-11-21', 12],
      ['2026-11-20', 3],
    ])
    const [, first] = results
    expect(first!.metrics).toEqual({
      ...{ spend: 3, api_requests: 3, successful_requests: 2, failed_requests: 1, unpriced_requests: 1 },
      ...{ prompt_tokens: 20, completion_tokens: 10, total_tokens: 30 },
    })
    expect(first!.breakdown).toMatchObject({
      models: {
        small: { metrics: { spend: 1, failed_requests: 0 } },
        large: { metrics: { spend: 2 } },
        unknown: { metrics: { failed_requests: 1 } },
      },
      providers: { openai: { metrics: { spend: 3 } }, unknown: { metrics: { api_requests: 1 } } },
      api_keys: { [adaKey]: { metrics: { spend: 1 }, metadata: { key_alias: 'sk-ada', user_id: 'ada' } } },
    })
    expect(metadata).toMatchObject({
      ...{ total_spend: 15, total_api_requests: 5, total_failed_requests: 1, total_tokens: 60 },
      ...{ page: 1, total_pages: 1, has_more: false },
    })
  })

  it('comes in pages of days, whose totals are those of all', async () => {
    const { spend } = await spentIn(newUrl())
    const second = (await spend.activity('user', { page: 2, page_size: 1 }, admin)) as Activity
    expect(second.results.map(({ date }) => date)).toEqual(['2026-11-20'])
    expect(second.metadata).toMatchObject({ total_spend: 15, page: 2, total_pages: 2, has_more: false })
    const past = await spend.activity('user', { page: 100_000, page_size: 1 }, admin)
    expect(past).toMatchObject({ results: [], metadata: { total_spend: 15 } })
  })

  it('can be that of a user, a key, a model, some days', async () => {
    const { spend } = await spentIn(newUrl())
    const total = async (query: object) =>
      ((await spend.activity('user', query, admin)) as Activity).metadata.total_spend
    expect(await total({ user_id: 'ada' })).toBe(3)
    expect(await total({ api_key: 'sk-bob' })).toBe(4)
    expect(await total({ api_key: bobKey, model: 'large' })).toBe(0)
    expect(await total({ model: 'large' })).toBe(2)
    expect(await total({ start_date: '2026-11-21', end_date: '2026-11-21' })).toBe(12)
  })

  it('is told of teams, tags and customers, each by itself', async () => {
    const { spend } = await spentIn(newUrl())
    const of = async (kind: 'team' | 'tag' | 'end_user', query = {}) =>
      ((await spend.activity(kind, query, admin)) as Activity).results.flatMap(({ date, breakdown }) =>
        Object.entries(breakdown.entities ?? {}).map(([name, { metrics }]) => [date, name, metrics.spend]),
      )
    expect(await of('team')).toEqual([
      ['2026-11-21', 'blue', 4],
      ['2026-11-20', 'red', 2],
      ['2026-11-20', 'blue', 1],
    ])
    expect(await of('team', { team_ids: 'red,none' })).toEqual([['2026-11-20', 'red', 2]])
    expect(await of('tag', { tags: 'y' })).toEqual([['2026-11-20', 'y', 1]])
    expect(await of('end_user')).toEqual([['2026-11-21', 'carl', 4]])
  })

  it('stays small however many models a day has', async () => {
    const many = Array.from({ length: 130 }, (_, index) => ({ model: `m${index}`, cost: index }))
    const { spend } = await spentIn(newUrl(), ...many)
    const { results } = (await spend.activity('user', { end_date: '2026-11-20' }, admin)) as Activity
    expect(Object.keys(results[0]!.breakdown.models!)).toHaveLength(100)
    expect(results[0]!.breakdown.models).toMatchObject({ m129: { metrics: { spend: 129 } } })
    expect(results[0]!.metrics.spend).toBe(3 + (129 * 130) / 2)
  })

  it('shows those without a role their own alone', async () => {
    const { spend } = await spentIn(newUrl())
    const own = (await spend.activity('user', {}, ada)) as Activity
    expect(own.metadata.total_spend).toBe(3)
    expect(own.results.flatMap(({ breakdown }) => Object.keys(breakdown.api_keys!)).toSorted()).toEqual(
      [adaKey, adaOther].toSorted(),
    )
    expect(await spend.activity('user', { user_id: 'ada', api_key: 'sk-ada-2' }, ada)).toMatchObject({
      metadata: { total_spend: 2 },
    })
    expect(await spend.activity('user', {}, lonely)).toMatchObject({ metadata: { total_spend: 8 } })
    for (const query of [{ user_id: 'bob' }, { api_key: bobKey }, { api_key: 'nobody' }, { user_id: "' or 1=1 --" }])
      for (const actor of [ada, lonely])
        await expect(spend.activity('user', query, actor)).rejects.toMatchObject(refused)
    const nobody = { ...lonely, keyHash: undefined }
    await expect(spend.activity('user', {}, nobody)).rejects.toMatchObject(refused)
  })

  it('of a team is for those who lead it', async () => {
    const { store, spend } = await spentIn(newUrl())
    await expect(spend.activity('team', { team_ids: 'blue' }, ada)).rejects.toMatchObject(refused)
    await store.database.insertInto('tianji_team_members').values(member('blue', 'admin')).execute()
    await store.database.insertInto('tianji_team_members').values(member('red', 'user')).execute()
    expect(await spend.activity('team', { team_ids: 'blue' }, ada)).toMatchObject({ metadata: { total_spend: 5 } })
    for (const team_ids of ['red', 'blue,red']) {
      await expect(spend.activity('team', { team_ids }, ada)).rejects.toMatchObject(refused)
      await expect(spend.tables.activity('team', { team_ids }, ada)).rejects.toMatchObject(refused)
    }
    await expect(spend.activity('team', {}, ada)).rejects.toMatchObject(refused)
    await expect(spend.activity('tag', { tags: 'x' }, ada)).rejects.toMatchObject(refused)
  })

  it('is a table too, a row for each day, model and provider', async () => {
    const many = Array.from({ length: 2_100 }, (_, index) => ({ model: `m${index}`, cost: 0.001 }))
    const { spend } = await spentIn(newUrl(), ...many)
    const rows = await rowsOf(await spend.tables.activity('user', { end_date: '2026-11-20' }, admin))
    expect(rows).toHaveLength(2_103)
    expect(new Set(rows.map(({ model, provider }) => `${model} ${provider}`)).size).toBe(2_103)
    const { columns } = await spend.tables.activity('user', {}, ada)
    expect(columns.slice(0, 5)).toEqual(['date', 'user', 'model', 'provider', 'spend'])
  })
})

describeOnBoth('logs', (newUrl) => {
  it('show those without a role their own alone', async () => {
    const { spend } = await spentIn(newUrl())
    const ids = async (query: object, actor: Actor) =>
      ((await spend.logs(query, actor)) as Logs).data.map(({ request_id }) => request_id)
    expect(await ids({}, viewer)).toEqual(['c3', 'c2', 'c0', 'c1', 'f'])
    expect(await ids({}, ada)).toEqual(['c0', 'c1', 'f'])
    expect(await ids({ api_key: 'sk-ada-2' }, ada)).toEqual(['c1'])
    expect(await ids({}, lonely)).toEqual(['c3'])
    expect(await ids({ request_id: 'c2' }, ada)).toEqual([])
    expect(await ids({ team_id: 'blue' }, ada)).toEqual(['c0'])
    for (const query of [{ user_id: 'bob' }, { api_key: 'sk-bob' }, { user_id: 'nobody' }]) {
      const told = await spend.logs(query, ada).catch((error: unknown) => error)
      expect(told).toMatchObject({ ...refused, message: expect.stringContaining('its own user') })
      await expect(spend.tables.logs(query, ada)).rejects.toMatchObject(refused)
    }
  })

  it('are found by what is known of them', async () => {
    const { spend } = await spentIn(newUrl())
    const count = async (query: object) => ((await spend.logs(query, admin)) as Logs).total
    expect(await count({ status: 'failure' })).toBe(1)
    expect(await count({ model: 'large' })).toBe(1)
    expect(await count({ end_user: 'carl' })).toBe(1)
    expect(await count({ start_date: '2026-11-21' })).toBe(2)
    expect(await spend.logs({ status: 'success', size: 3, page: 2 }, admin)).toMatchObject({ total: 4, data: [{}] })
    expect(await spend.logs({ page: 2 }, admin)).toMatchObject({ total: 5, data: [] })
    await expect(count({ status: 'maybe' })).rejects.toMatchObject(wrong('status'))
    await expect(count({ modle: 'large' })).rejects.toThrow('Did you mean')
  })

  it('are a table of all pages, none twice, though calls come in between', async () => {
    const sameMoment = Array.from({ length: 2_050 }, () => ({ at: DAY + HOUR, cost: 0.001 }))
    const { store, spend } = await spentIn(newUrl(), ...sameMoment)
    const seen: unknown[] = []
    for await (const page of (await spend.tables.logs({}, admin)).pages) {
      seen.push(...page.map(({ request_id }) => request_id))
      const writer = createSpendWriter({ store, log: stubLog(), now: () => DAY })
      writer.add(sampleReport({ id: `new-${seen.length}`, startTime: DAY + 60 * HOUR }), [])
      await writer.flush()
    }
    expect(seen).toHaveLength(2_055)
    expect(new Set(seen).size).toBe(2_055)
    expect(await rowsOf(await spend.tables.logs({ size: 2, page: 2, end_date: '2026-11-21' }, admin))).toHaveLength(2)
  })

  it('are summed up by day', async () => {
    const { spend } = await spentIn(newUrl())
    expect(await spend.logs({ summarize: true, end_date: '2026-11-20' }, admin)).toEqual([
      { startTime: '2026-11-20', spend: 3, users: { ada: 3 }, models: { large: 2, small: 1, unknown: 0 } },
    ])
    expect(await spend.logs({ summarize: true }, ada)).toMatchObject([{ spend: 3, users: { ada: 3 } }])
    expect(await spend.logs({ summarize: true, api_key: 'sk-ada' }, ada)).toMatchObject([{ spend: 1, users: {} }])
    await expect(spend.logs({ summarize: true, team_id: 'red' }, ada)).rejects.toMatchObject(wrong('team_id'))
    await expect(spend.logs({ summarize: true, status: 'success' }, admin)).rejects.toMatchObject(wrong('status'))
  })
})

describeOnBoth('sums of everybody', (newUrl) => {
  it('are those of keys, teams, models and tags', async () => {
    const { spend } = await spentIn(newUrl())
    expect(await spend.global('total', {})).toEqual({ spend: 15 })
    expect(await spend.global('total', { start_date: '2030-01-01' })).toEqual({ spend: 0 })
    expect(await spend.global('keys', { limit: 2 })).toEqual([
      { api_key: 'lonely', key_alias: null, key_name: null, total_spend: 8 },
      { api_key: bobKey, key_alias: 'sk-bob', key_name: expect.any(String), total_spend: 4 },
    ])
    expect(await spend.global('models', {})).toEqual([
      { model: 'small', total_spend: 13 },
      { model: 'large', total_spend: 2 },
      { model: 'unknown', total_spend: 0 },
    ])
    expect(await spend.global('tags', { tags: 'x' })).toEqual({
      spend_per_tag: [{ name: 'x', spend: 9, log_count: 2 }],
    })
    expect(await spend.global('teams', {})).toEqual({
      daily_spend: [
        { date: '2026-11-21', blue: 4 },
        { date: '2026-11-20', red: 2, blue: 1 },
      ],
      teams: ['blue', 'red'],
      total_spend_per_team: [
        { team_id: 'blue', total_spend: 5 },
        { team_id: 'red', total_spend: 2 },
      ],
    })
    expect(await spend.sums('end_users', {})).toMatchObject({ data: [{ id: 'carl', spend: 4 }] })
    expect(await rowsOf(spend.tables.sums('users', {}))).toMatchObject([{ id: 'bob' }, { id: 'ada' }])
    expect(await rowsOf(spend.tables.days({}))).toMatchObject([{ spend: 3 }, { spend: 12 }])
  })

  it('are reports to charge teams, customers, users and keys by', async () => {
    const { spend } = await spentIn(newUrl())
    const [first, second] = await spend.report({})
    expect(first).toMatchObject({
      group_by_day: '2026-11-20T00:00:00+00:00',
      teams: [
        {
          team_name: 'blue',
          total_spend: 1,
          metadata: [{ model: 'small', spend: 1, total_tokens: 15, api_key: null }],
        },
        { team_name: 'red', total_spend: 2 },
      ],
    })
    expect(second).toMatchObject({ teams: [{ team_name: 'blue', total_spend: 4 }] })
    expect(await spend.report({ group_by: 'customer' })).toMatchObject([{ customers: [{ customer: 'carl' }] }])
    expect(await spend.report({ customer_id: 'nobody' })).toEqual([])
    expect(await spend.report({ group_by: 'internal_user_id' })).toMatchObject([
      { internal_users: [{ internal_user_id: 'ada', total_spend: 3 }] },
      { internal_users: [{ internal_user_id: 'bob', total_spend: 4 }] },
    ])
    expect(await spend.report({ api_key: 'sk-bob' })).toEqual([
      {
        ...{ api_key: bobKey, total_cost: 4, total_input_tokens: 10, total_output_tokens: 5 },
        model_details: [{ model: 'small', total_cost: 4, total_input_tokens: 10, total_output_tokens: 5 }],
      },
    ])
    expect(await spend.report({ internal_user_id: 'ada' })).toMatchObject([{ total_cost: 2 }, { total_cost: 1 }])
    expect(await spend.report({ group_by: 'api_key' })).toHaveLength(4)
    await expect(spend.report({ group_by: 'password' })).rejects.toMatchObject(wrong('group_by'))
    await expect(spend.report({ group_by: 'team', customer_id: 'carl' })).rejects.toMatchObject(wrong('customer_id'))
    await expect(spend.report({ api_key: 'sk-bob', team_id: 'red' })).rejects.toMatchObject(wrong('team_id'))
  })

  it('have every call of a range once, however its weeks are cut', async () => {
    const days = Array.from({ length: 23 }, (_, index) => DAY + index * 24 * HOUR)
    const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10)
    const calls = days.map((at) => ({ at, caller: { keyHash: 'daily' }, cost: 1 }))
    const { spend } = await spentIn(newUrl(), ...calls)
    const ask = async (range: object) =>
      (await spend.report({ api_key: 'daily', ...range })).map(({ total_cost }) => total_cost)
    for (const [first, from] of days.entries()) {
      expect(await ask({ start_date: dayOf(from) })).toEqual([days.length - first])
      expect(await ask({ end_date: dayOf(from) })).toEqual([first + 1])
      for (const [length, to] of days.slice(first).entries())
        expect(await ask({ start_date: dayOf(from), end_date: dayOf(to) })).toEqual([length + 1])
    }
    expect(await ask({ start_date: dayOf(days.at(-1)! + 24 * HOUR) })).toEqual([])
  })

  it('refuse what is no range of days, no page and no name', async () => {
    const { store, spend } = await spentIn(newUrl())
    const days = ['9999-12-31', '0000-01-01', '2026-02-30', '2026-1-1', 'yesterday', '', "2026-01-01'; drop table x"]
    for (const start_date of [...days, 5, null, ['2026-01-01']]) {
      const query = { start_date }
      await expect(spend.logs(query, admin)).rejects.toMatchObject(wrong('start_date'))
      await expect(spend.activity('user', query, admin)).rejects.toMatchObject(wrong('start_date'))
      await expect(spend.sums('keys', query)).rejects.toMatchObject(wrong('start_date'))
      await expect(spend.global('keys', query)).rejects.toMatchObject(wrong('start_date'))
      await expect(spend.report(query)).rejects.toMatchObject(wrong('start_date'))
    }
    const reversed = { start_date: '2026-11-22', end_date: '2026-11-21' }
    for (const asked of [
      () => spend.logs(reversed, admin),
      () => spend.activity('team', reversed, admin),
      () => spend.sums('teams', reversed),
      () => spend.days(reversed),
      () => spend.global('total', reversed),
      () => spend.report(reversed),
    ])
      await expect(asked()).rejects.toMatchObject(wrong('start_date'))
    for (const page of [-1, 1.5, 1_002, Number.MAX_SAFE_INTEGER, '1; --'])
      await expect(spend.logs({ page }, admin)).rejects.toMatchObject(wrong('page'))
    for (const user_id of ['', 'a\u0000b', '\ud800', 'x'.repeat(300)])
      await expect(spend.logs({ user_id }, admin)).rejects.toMatchObject(wrong('user_id'))
    for (const model of ["'; drop table tianji_daily_spend; --", '__proto__', '名前'])
      expect(await spend.activity('user', { model }, admin)).toMatchObject({ results: [] })
    expect(await store.database.selectFrom('tianji_daily_spend').select('day').limit(1).execute()).toHaveLength(1)
  })

  it('keep names that mean something to JavaScript', async () => {
    const { spend } = await spentIn(newUrl(), { model: '__proto__', caller: { teamId: 'constructor' }, cost: 1 })
    const { results } = (await spend.activity('user', {}, admin)) as Activity
    expect(JSON.stringify(results[1]!.breakdown.models)).toContain('"__proto__":{"metrics":{"spend":1,')
    expect(JSON.stringify(await spend.global('teams', {}))).toContain('"constructor":1')
  })
})

interface Metrics {
  readonly spend: number
}

interface Activity extends JsonObject {
  readonly results: readonly {
    readonly date: string
    readonly metrics: Metrics
    readonly breakdown: Readonly<Record<string, Readonly<Record<string, { readonly metrics: Metrics }>>>>
  }[]
  readonly metadata: Readonly<Record<string, unknown>>
}

interface Logs extends JsonObject {
  readonly total: number
  readonly data: readonly { readonly request_id: string }[]
}

const noLimits = {
  ...{ max_budget: null, soft_budget: null, budget_duration: null, budget_started_at: null, budget_id: null },
  ...{ rpm_limit: null, tpm_limit: null, max_parallel_requests: null, model_limits: '{}' },
}

function member(team_id: string, role: string) {
  return { ...noLimits, team_id, user_id: 'ada', role, created_at: 1 }
}
