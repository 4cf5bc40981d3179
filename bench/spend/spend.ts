import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openStore } from '../../packages/store/src/index.ts'
import { type Actor, type Spend, type SpendTable, spendIn } from '../../packages/tenancy/src/index.ts'

const CALLS = 1_000_000
const KEYS = 200
const DAYS = 90
const START = Date.UTC(2026, 0, 1)
const TIMES = 9

const admin: Actor = { role: 'proxy_admin', keyHash: undefined, userId: undefined, teamId: undefined }
const month = { start_date: '2026-03-01' }

/** What is asked of a million calls; each of it is told within a tenth of a second. */
const questions: Readonly<Record<string, (spend: Spend) => Promise<unknown>>> = {
  'logs, a page': (spend) => spend.logs({}, admin),
  'logs of a user': (spend) => spend.logs({ user_id: 'user-3' }, admin),
  'logs, summed up by day': (spend) => spend.logs({ summarize: true }, admin),
  'activity, 50 days': (spend) => spend.activity('user', {}, admin),
  'activity, a month': (spend) => spend.activity('user', month, admin),
  'activity of a user': (spend) => spend.activity('user', { user_id: 'user-3' }, admin),
  'activity of teams': (spend) => spend.activity('team', {}, admin),
  'sums of keys': (spend) => spend.sums('keys', {}),
  'sums of models': (spend) => spend.sums('models', {}),
  'sums of days': (spend) => spend.days({}),
  'all spend': (spend) => spend.global('total', {}),
  'global teams': (spend) => spend.global('teams', {}),
  'report of teams': (spend) => spend.report({}),
  'report of keys': (spend) => spend.report({ group_by: 'api_key' }),
}

const tables: Readonly<Record<string, (spend: Spend) => SpendTable | Promise<SpendTable>>> = {
  'all logs as a table': (spend) => spend.tables.logs({}, admin),
  'activity of teams as a table': (spend) => spend.tables.activity('team', {}, admin),
}

const folder = mkdtempSync(join(tmpdir(), 'tianji-spend-'))
try {
  await measure(join(folder, 'spend.db'))
} finally {
  rmSync(folder, { recursive: true })
}

async function measure(file: string): Promise<void> {
  const store = await openStore({ url: `sqlite:${file}` })
  fill(file)
  const spend = spendIn(store)
  for (const [name, ask] of Object.entries(questions)) {
    const times: number[] = []
    for (let time = 0; time < TIMES; time++) times.push(await timeOf(() => ask(spend)))
    times.sort((one, other) => one - other)
    console.log(`${name.padEnd(30)} ${times[TIMES >> 1]!.toFixed(1)} ms, at most ${times.at(-1)!.toFixed(1)}`)
  }
  for (const [name, read] of Object.entries(tables)) {
    let rows = 0
    const time = await timeOf(async () => {
      for await (const page of (await read(spend)).pages) rows += page.length
    })
    console.log(`${name.padEnd(30)} ${rows} rows in ${time.toFixed(0)} ms`)
  }
  await store.close()
}

async function timeOf(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await act()
  return performance.now() - start
}

/** Calls of many keys on all days with five models, each as likely as the other, and their sums. */
function fill(file: string): void {
  const database = new DatabaseSync(file)
  // The same numbers at every run, in no order.
  const chance = (factor: number, below: number) => `(i * ${factor} % 2147483647 % ${below})`
  const [key, model, day] = [chance(48_271, KEYS), chance(69_621, 5), chance(16_807, DAYS)]
  database.exec(`begin;
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${CALLS})
    insert into tianji_spend_logs (request_id, trace_id, call_type, status, start_time, end_time, key_hash, user_id,
      team_id, model, model_group, provider, prompt_tokens, completion_tokens, total_tokens, cached_tokens, spend,
      cache_hit, tags, metadata, http_status)
    select 'call-' || i, 'trace', 'chat', 'success', ${START} + ${day} * 86400000 + i, ${START}, 'key-' || ${key},
      'user-' || (${key} / 2), 'team-' || (${key} / 10), 'model', 'group-' || ${model}, 'vendor-' || (${model} / 2), 10, 5,
      15, 0, 1000000 + i % 1000, 0, '["tag-' || ${chance(39_373, 20)} || '"]', '{}', 200 from n;`)
  const accounts = {
    all: "''",
    key: 'key_hash',
    user: 'user_id',
    team: 'team_id',
    tag: "json_extract(tags, '$[0]')",
  }
  for (const [kind, id] of Object.entries(accounts))
    database.exec(`
      insert into tianji_daily_spend (day, kind, id, model_group, provider, requests, failures, unpriced, prompt_tokens,
        completion_tokens, spend)
      select date(start_time / 1000, 'unixepoch'), '${kind}', ${id}, model_group, provider, count(*), 0, 0,
        sum(prompt_tokens), sum(completion_tokens), sum(spend)
      from tianji_spend_logs group by 1, 3, 4, 5`)
  database.exec('commit')
  database.close()
}
