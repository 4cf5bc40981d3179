import { describeOnBoth } from '@tianjillm/testing'
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import {
  type Counter,
  type DailySpendTable,
  openStore,
  type SpendEntry,
  type SpendLog,
  type Store,
  writeSpend,
} from '../src/index.ts'

const HOUR = 3_600_000

async function opened(url: string): Promise<Store> {
  const store = await openStore({ url })
  onTestFinished(() => store.close())
  return store
}

const names: fc.Arbitrary<string | null> = fc.constantFrom('ada', "bob'; drop table keys; --", '名前', null)
const log: fc.Arbitrary<SpendLog> = fc.record<SpendLog>({
  request_id: fc.uuid(),
  trace_id: fc.constant('t'),
  call_type: fc.constant('chat'),
  status: fc.constantFrom('success', 'failure'),
  start_time: fc.integer({ min: 0, max: 72 }).map((hours) => Date.UTC(2026, 10, 20) + hours * HOUR),
  end_time: fc.constant(1),
  first_token_time: fc.constant(null),
  key_hash: names,
  user_id: names,
  team_id: names,
  organization_id: names,
  end_user_id: names,
  model: fc.constant('m'),
  model_group: fc.constantFrom('fast', 'large'),
  provider: fc.constantFrom('openai', null),
  deployment_id: fc.constant(null),
  prompt_tokens: fc.nat(1000),
  completion_tokens: fc.nat(1000),
  total_tokens: fc.constant(0),
  cached_tokens: fc.constant(0),
  spend: fc.option(fc.nat(1_000_000_000)),
  cache_hit: fc.constant(0),
  tags: fc.constantFrom('[]', '["a"]', '["a","b"]'),
  metadata: fc.constant('{}'),
  http_status: fc.constant(200),
  error: fc.constant(null),
})

describeOnBoth('spend', (newUrl) => {
  it('is in each sum once, whoever writes it, in whatever batches, and however often', async () => {
    const { database, ...rest } = await opened(newUrl())
    const store = { database, ...rest }
    const batches = fc.array(fc.array(log, { maxLength: 20 }), { maxLength: 5 })
    const written: SpendLog[] = []
    await fc.assert(
      fc.asyncProperty(batches, async (some) => {
        await Promise.all(some.map((batch) => writeSpend(store, batch.map(entry))))
        await Promise.all(some.map((batch) => writeSpend(store, batch.map(entry))))
        written.push(...some.flat())
      }),
      { numRuns: 15 },
    )
    expect(written.length).toBeGreaterThan(50)
    const logged = await database.selectFrom('tianji_spend_logs').selectAll().execute()
    expect(logged).toHaveLength(written.length)
    const days = await database.selectFrom('tianji_daily_spend').selectAll().execute()
    const sum = (logs: readonly SpendLog[]) => ({
      requests: logs.length,
      failures: logs.filter(({ status }) => status === 'failure').length,
      unpriced: logs.filter(({ spend }) => spend === null).length,
      prompt_tokens: logs.reduce((total, { prompt_tokens }) => total + prompt_tokens, 0),
      spend: logs.reduce((total, { spend }) => total + (spend ?? 0), 0),
    })
    for (const { kind, id, day, model_group, provider, completion_tokens: _, ...counters } of days) {
      const isOfDay = ({ start_time }: SpendLog) => new Date(start_time).toISOString().startsWith(day)
      const isOwn = (one: SpendLog) =>
        kind === 'all' || (kind === 'tag' ? JSON.parse(one.tags).includes(id) : ownerOf(one, kind) === id)
      const own = written.filter(
        (one) => isOfDay(one) && isOwn(one) && modelOf(one) === model_group && (one.provider ?? '') === provider,
      )
      expect({ kind, id, ...counters }).toEqual({ kind, id, ...sum(own) })
    }
    const totals = await database.selectFrom('tianji_daily_totals').selectAll().execute()
    expect(sorted(totals)).toEqual(sorted(summed(days, ({ kind, day, id }) => ({ kind, day, id }))))
    const weeks = await database.selectFrom('tianji_weekly_spend').selectAll().execute()
    const ofKeys = days.filter(({ kind }) => kind === 'key')
    expect(sorted(weeks)).toEqual(
      sorted(summed(ofKeys, ({ kind, day, id, model_group }) => ({ kind, week: mondayOf[day], id, model_group }))),
    )
    const total = days.filter(({ kind }) => kind === 'all').reduce((all, { spend }) => all + spend, 0)
    expect(total).toBe(sum(written).spend)
  })

  it('is added to its counters, each of them once', async () => {
    const store = await opened(newUrl())
    const [one] = fc.sample(log, { numRuns: 1, seed: 7 })
    const counters = [forGood('key', 'k'), { ...forGood('team', 't'), period: 5, endsAt: 9 }]
    const entries = [
      { log: { ...one!, request_id: 'a', spend: 10 }, counters },
      { log: { ...one!, request_id: 'b', spend: 20 }, counters: counters.slice(0, 1) },
      { log: { ...one!, request_id: 'c', spend: null }, counters },
    ]
    await writeSpend(store, entries)
    await writeSpend(store, entries)
    const rows = await store.database.selectFrom('tianji_budget_counters').selectAll().orderBy('kind').execute()
    expect(rows).toEqual([
      { kind: 'key', id: 'k', period: 0, spend: 30, ends_at: null },
      { kind: 'team', id: 't', period: 5, spend: 10, ends_at: 9 },
    ])
  })

  it('is in sums alone where calls are not kept', async () => {
    const store = await opened(newUrl())
    const [one] = fc.sample(log, { numRuns: 1, seed: 7 })
    const counters = [forGood('key', 'k')]
    await writeSpend(store, [{ log: { ...one!, spend: 10 }, counters }], { keepsLogs: false })
    const { database } = store
    expect(await database.selectFrom('tianji_spend_logs').selectAll().execute()).toEqual([])
    expect(await database.selectFrom('tianji_budget_counters').select('spend').execute()).toEqual([{ spend: 10 }])
    const days = database.selectFrom('tianji_daily_spend').select('spend').where('kind', '=', 'all')
    expect(await days.execute()).toEqual([{ spend: 10 }])
  })

  it('is not written at all when a part of it cannot be', async () => {
    const store = await opened(newUrl())
    const [one, two] = fc.sample(log, { numRuns: 2, seed: 7 })
    const broken = { ...two!, model: null as unknown as string }
    await expect(writeSpend(store, [one!, broken].map(entry))).rejects.toThrow()
    expect(await store.database.selectFrom('tianji_spend_logs').selectAll().execute()).toEqual([])
    expect(await store.database.selectFrom('tianji_daily_spend').selectAll().execute()).toEqual([])
  })
})

/** The four days of the calls; the last of them is a Monday. */
const mondayOf: Readonly<Record<string, string>> = {
  '2026-11-20': '2026-11-16',
  '2026-11-21': '2026-11-16',
  '2026-11-22': '2026-11-16',
  '2026-11-23': '2026-11-23',
}

/** Rows of days added up by what is left of their place. */
function summed(days: readonly DailySpendTable[], placeOf: (row: DailySpendTable) => object): readonly object[] {
  const groups = Map.groupBy(days, (row) => JSON.stringify(placeOf(row)))
  const counters = ['requests', 'failures', 'unpriced', 'prompt_tokens', 'completion_tokens', 'spend'] as const
  return [...groups.values()].map((rows) => ({
    ...placeOf(rows[0]!),
    ...Object.fromEntries(counters.map((name) => [name, rows.reduce((sum, row) => sum + row[name], 0)])),
  }))
}

/** In an order that does not depend on that of rows, nor of columns. */
function sorted(rows: readonly object[]): readonly string[] {
  return rows.map((row) => JSON.stringify(Object.entries(row).sort())).sort()
}

/** What reached no provider counts for none. */
const modelOf = (one: SpendLog) => (one.status === 'failure' && one.provider === null ? 'unknown' : one.model_group)
const forGood = (kind: string, id: string): Counter => ({ kind, id, period: 0, endsAt: null })
const entry = (one: SpendLog): SpendEntry => ({ log: one, counters: [] })

function ownerOf(one: SpendLog, kind: string): string | null | undefined {
  const owners: Readonly<Record<string, string | null | undefined>> = {
    key: one.key_hash,
    user: one.user_id,
    team: one.team_id,
    organization: one.organization_id,
    end_user: one.end_user_id,
  }
  return owners[kind]
}
