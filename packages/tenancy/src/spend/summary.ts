import { GatewayError, type JsonObject } from '@tianjillm/core'
import { type Tables, toDollars } from '@tianjillm/store'
import type { Kysely } from 'kysely'
import type { AccountKind } from './daily.ts'
import type { Range } from './query.ts'
import { type DaySums, rankedByDay } from './ranked.ts'

/** Models and users of a day that are told, those that cost most. The sum of a day is that of its models. */
const MOST_MODELS = 1_000
const MOST_USERS = 100

/** Whose calls are summed up, in the order in which one is as good as several: a key has but one user. */
const accounts = {
  api_key: 'key',
  user_id: 'user',
  team_id: 'team',
  end_user: 'end_user',
} as const satisfies Readonly<Record<string, AccountKind>>

/** What calls are asked for by, of which sums by day know only some. */
export interface Summed extends Range {
  readonly [field: string]: unknown
  readonly model?: string | undefined
}

/** What was spent on each day, with each model and by each user. https://docs.litellm.ai/docs/proxy/cost_tracking */
export async function summaryOf(database: Kysely<Tables>, asked: Summed): Promise<readonly JsonObject[]> {
  for (const param of ['request_id', 'status'])
    if (asked[param] !== undefined) throw refused(param, `Sums by day are not known by \`${param}\`.`)
  const given = Object.keys(accounts).filter((field) => asked[field] !== undefined)
  const [field, second] = given[0] === 'api_key' ? given.filter((one) => one !== 'user_id') : given
  if (second !== undefined)
    throw refused(second, `Sums by day are known by \`${field}\` or \`${second}\`, not by both.`)
  const { start_date, end_date, model } = asked
  const range = { start_date, end_date, model }
  // Texts, as the query was read.
  const account =
    field === undefined
      ? { kind: 'all' as const }
      : { kind: accounts[field as keyof typeof accounts], ids: [asked[field] as string] }
  const models = await rankedByDay(database, { ...range, ...account }, 'model_group', MOST_MODELS)
  const isByUser = account.kind === 'all' || account.kind === 'user'
  const users = isByUser ? await rankedByDay(database, { ...range, ...account, kind: 'user' }, 'id', MOST_USERS) : []
  const usersOf = Map.groupBy(users, ({ day }) => day)
  return [...Map.groupBy(models, ({ day }) => day)].map(([day, some]) => ({
    startTime: day,
    spend: toDollars(some.reduce((total, { spend }) => total + spend, 0)),
    users: spendByName(usersOf.get(day) ?? []),
    models: spendByName(some),
  }))
}

function spendByName(rows: readonly DaySums[]): JsonObject {
  return Object.fromEntries(rows.map(({ name, spend }) => [name, toDollars(spend)]))
}

function refused(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param })
}
