import { callsOf, type Facts, get, heading, newKey, sayHi, tell, until } from './gateway.ts'

interface Row {
  readonly id: string
  readonly spend: number
  readonly requests: number
}

interface Call {
  readonly spend: number
  readonly key_hash: string
  readonly status: string
  readonly prompt_tokens: number
  readonly completion_tokens: number
}

/** Reads back what was spent, and adds it up in every way there is. */
export async function spend(): Promise<void> {
  heading('What was spent')
  await allWritten()
  const { data: calls, total } = await get<{ data: readonly Call[]; total: number }>('/spend/logs', { size: 1_000 })
  const ok = calls.filter(({ status }) => status === 'success').length
  tell('calls', { total, listed: calls.length, success: ok, failure: calls.length - ok })

  heading('To whom')
  for (const kind of ['users', 'teams', 'organizations', 'end_users', 'tags', 'models'])
    tell(kind, Object.fromEntries((await sums(kind)).map(({ id, spend }) => [id, spend])))
  const keys = await get<readonly { key_alias: string | null; total_spend: number }[]>('/global/spend/keys', {
    limit: 100,
  })
  const named = keys.filter(({ key_alias, total_spend }) => key_alias !== null && total_spend > 0)
  tell('keys', sorted(Object.fromEntries(named.map(({ key_alias, total_spend }) => [key_alias, total_spend]))))

  heading('What each says of itself')
  tell('/user/info', await told('/user/info', { user_id: 'ada' }, 'user_info'))
  tell('/team/info', await told('/team/info', { team_id: 'blue' }, 'team_info'))
  tell('/organization/info', await told('/organization/info', { organization_id: 'acme' }))
  tell('/customer/info', await told('/customer/info', { end_user_id: 'shop' }))
  await totals(calls)
}

/** Every way to the same sum; the logs are the calls themselves, all else was added up as they came. */
async function totals(calls: readonly Call[]): Promise<void> {
  heading('All of it')
  const { metadata } = await get<{ metadata: Facts }>('/user/daily/activity')
  const report = await get<readonly { readonly teams: readonly Facts[] }[]>('/global/spend/report', {
    group_by: 'team',
  })
  const csv = await get<string>('/spend/models', { format: 'csv' })
  const [columns = '', ...lines] = csv.trim().split(/\r?\n/)
  const place = columns.split(',').indexOf('spend')
  tell('/spend/logs', money(calls))
  tell('/spend/keys', money(await sums('keys')))
  tell('/spend/models', money(await sums('models')))
  tell('/spend/models as CSV', money(lines.map((line) => ({ spend: Number(line.split(',')[place]) }))))
  tell('/spend/days', money(await sums('days')))
  tell('/global/spend', money([await get<Row>('/global/spend')]))
  tell('/user/daily/activity', money([{ spend: Number(metadata.total_spend) }]))
  tell('/spend/teams', money(await sums('teams')))
  tell(
    '/global/spend/report',
    money(report.flatMap(({ teams }) => teams).map(({ total_spend }) => ({ spend: Number(total_spend) }))),
  )
  const tokens = calls.reduce((sum, call) => sum + call.prompt_tokens + call.completion_tokens, 0)
  tell('tokens: /spend/logs', tokens)
  tell('tokens: /user/daily/activity', metadata.total_tokens)
}

/** Calls are written in the order in which they ended: with one more there, all before are. */
async function allWritten(): Promise<void> {
  const last = await newKey({ key_alias: 'bookkeeper' })
  await sayHi(last, { model: 'echo' })
  await until(async () => (await callsOf(last)) === 1)
}

async function sums(kind: string): Promise<readonly Row[]> {
  const { data } = await get<{ readonly data: readonly Row[] }>(`/spend/${kind}`)
  return data
}

async function told(path: string, query: object, within?: string): Promise<Facts> {
  const answer = await get<Facts>(path, query)
  const { spend, max_budget } = (within === undefined ? answer : answer[within]) as Facts
  return { spend, max_budget }
}

function sorted(facts: Facts): Facts {
  return Object.fromEntries(Object.entries(facts).toSorted(([one], [other]) => (one < other ? -1 : 1)))
}

/** In billionths, for sums of fractions come out a little off. */
function money(rows: readonly { readonly spend: number }[]): string {
  return `$${(rows.reduce((sum, { spend }) => sum + Math.round(spend * 1e9), 0) / 1e9).toFixed(2)}`
}
