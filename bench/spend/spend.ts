import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'
import { openStore } from '../../packages/store/src/index.ts'
import { type Actor, type Spend, type SpendTable, spendIn } from '../../packages/tenancy/src/index.ts'

const { values } = parseArgs({ options: { keys: { type: 'string', default: '200' } } })

const CALLS = 1_000_000
/** With up to 2,000 there is a call of each on each day with each model. */
const KEYS = Number(values.keys)
const DAYS = 90
const START = Date.UTC(2026, 0, 1)
const TIMES = 9

const admin: Actor = { role: 'proxy_admin', keyHash: undefined, userId: undefined, teamId: undefined }
const month = { start_date: '2026-03-01' }
/** Neither of which is the end of a week, let alone of a month. */
const crooked = { start_date: '2026-01-14', end_date: '2026-03-17' }

/** What is asked of a million calls; each of it is told within a tenth of a second. */
const questions: Readonly<Record<string, (spend: Spend) => Promise<unknown>>> = {
  'logs, a page': (spend) => spend.logs({}, admin),
  'logs that failed': (spend) => spend.logs({ status: 'failure' }, admin),
  'logs of a user': (spend) => spend.logs({ user_id: 'user-3' }, admin),
  'logs, summed up by day': (spend) => spend.logs({ summarize: true }, admin),
  'activity, 50 days': (spend) => spend.activity('user', {}, admin),
  'activity, a month': (spend) => spend.activity('user', month, admin),
  'activity, a model': (spend) => spend.activity('user', { model: 'group-1' }, admin),
  'activity of a user': (spend) => spend.activity('user', { user_id: 'user-3' }, admin),
  'activity of teams': (spend) => spend.activity('team', {}, admin),
  'sums of keys': (spend) => spend.sums('keys', {}),
  'sums of keys, 63 days': (spend) => spend.sums('keys', crooked),
  'sums of users': (spend) => spend.sums('users', {}),
  'sums of models': (spend) => spend.sums('models', {}),
  'sums of days': (spend) => spend.days({}),
  'all spend': (spend) => spend.global('total', {}),
  'global teams': (spend) => spend.global('teams', {}),
  'report of teams, a month': (spend) => spend.report(month),
  'report of keys': (spend) => spend.report({ group_by: 'api_key' }),
  'report of keys, 63 days': (spend) => spend.report({ group_by: 'api_key', ...crooked }),
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
    for (let time = 0; time < TIMES; time++) times.push(await timeOf(async () => JSON.stringify(await ask(spend))))
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

/** As many calls of each key on each day with each of five models, and their sums. */
function fill(file: string): void {
  const database = new DatabaseSync(file)
  const [key, day, model] = [`(i % ${KEYS})`, `(i / ${KEYS} % ${DAYS})`, `(i / ${KEYS * DAYS} % 5)`]
  // As long as a hash, and in no order.
  const hash = `printf('%016x%048d', ${key} * 2654435761 % 4294967291, ${key})`
  database.exec(`begin;
    with recursive n(i) as (select 0 union all select i + 1 from n where i < ${CALLS - 1})
    insert into tianji_spend_logs (request_id, trace_id, call_type, status, start_time, end_time, key_hash, user_id,
      team_id, model, model_group, provider, prompt_tokens, completion_tokens, total_tokens, cached_tokens, spend,
      cache_hit, tags, metadata, http_status)
    select 'call-' || i, 'trace', 'chat', 'success', ${START} + ${day} * 86400000 + i, ${START}, ${hash},
      'user-' || (${key} / 2), 'team-' || (${key} / 10), 'model', 'group-' || ${model}, 'vendor-' || (${model} / 2), 10, 5,
      15, 0, 1000000 + i * 7919 % 100003, 0, '["tag-' || (i / 7 % 20) || '"]', '{}', 200 from n;`)
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
  const sums = ['requests', 'failures', 'unpriced', 'prompt_tokens', 'completion_tokens', 'spend']
  const added = sums.map((column) => `sum(${column})`)
  database.exec(`
    insert into tianji_daily_totals (kind, day, id, ${sums})
    select kind, day, id, ${added} from tianji_daily_spend group by 1, 2, 3;
    insert into tianji_weekly_spend (kind, week, id, model_group, ${sums})
    select kind, date(day, 'weekday 0', '-6 days'), id, model_group, ${added}
    from tianji_daily_spend where kind = 'key' group by 1, 2, 3, 4`)
  database.exec('commit')
  database.close()
}
