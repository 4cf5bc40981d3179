import { type Insertable, sql, type Transaction } from 'kysely'
import type { Store } from './open.ts'
import type { DailySpendTable, SpendLogTable, Tables } from './tables.ts'

/** A finished call, to be written down. */
export type SpendLog = Insertable<SpendLogTable>

/** Rows of one statement; SQLite takes at most 32,766 parameters. */
const ROWS_AT_ONCE = 500

/**
 * Writes finished calls down, and what they cost to whoever made them: all of it or nothing. A call that is there
 * already is left out of every sum, so that writing again what may have been written is safe.
 */
export async function writeSpend({ database }: Store, logs: readonly SpendLog[]): Promise<void> {
  for (let start = 0; start < logs.length; start += ROWS_AT_ONCE) {
    const some = logs.slice(start, start + ROWS_AT_ONCE)
    await database.transaction().execute((transaction) => writeSome(transaction, some))
  }
}

async function writeSome(transaction: Transaction<Tables>, logs: readonly SpendLog[]): Promise<void> {
  const written = await transaction
    .insertInto('tianji_spend_logs')
    .values([...logs])
    .onConflict((conflict) => conflict.column('request_id').doNothing())
    .returning('request_id')
    .execute()
  const isNew = new Set(written.map(({ request_id }) => request_id))
  const fresh = logs.filter(({ request_id }) => isNew.delete(request_id))
  if (fresh.length === 0) return
  await addToDays(transaction, fresh)
  await addToSpenders(transaction, fresh)
}

/** To whom a call is put down in the sums of days. */
function accountsOf(log: SpendLog): readonly (readonly [kind: string, id: string])[] {
  const named = [
    ['key', log.key_hash],
    ['user', log.user_id],
    ['team', log.team_id],
    ['organization', log.organization_id],
    ['end_user', log.end_user_id],
  ] as const
  return [
    ['all', ''],
    ...named.flatMap(([kind, id]) => (id == null ? [] : [[kind, id] as const])),
    // They were written from a list of texts.
    ...(JSON.parse(log.tags) as readonly string[]).map((tag) => ['tag', tag] as const),
  ]
}

async function addToDays(transaction: Transaction<Tables>, logs: readonly SpendLog[]): Promise<void> {
  const sums = new Map<string, DailySpendTable>()
  for (const log of logs) {
    const day = new Date(log.start_time).toISOString().slice(0, 10)
    for (const [kind, id] of accountsOf(log)) {
      const { model_group, provider } = log
      const name = JSON.stringify([day, kind, id, model_group, provider])
      const sum = sums.get(name) ?? emptyDay(day, kind, id, model_group, provider ?? '')
      sums.set(name, {
        ...sum,
        requests: sum.requests + 1,
        failures: sum.failures + (log.status === 'failure' ? 1 : 0),
        unpriced: sum.unpriced + (log.spend == null ? 1 : 0),
        prompt_tokens: sum.prompt_tokens + log.prompt_tokens,
        completion_tokens: sum.completion_tokens + log.completion_tokens,
        spend: sum.spend + (log.spend ?? 0),
      })
    }
  }
  const counters = ['requests', 'failures', 'unpriced', 'prompt_tokens', 'completion_tokens', 'spend'] as const
  // In one order, for two that write at the same time must not wait for each other.
  const rows = [...sums.entries()].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, sum]) => sum)
  for (let start = 0; start < rows.length; start += ROWS_AT_ONCE)
    await transaction
      .insertInto('tianji_daily_spend')
      .values(rows.slice(start, start + ROWS_AT_ONCE))
      .onConflict((conflict) =>
        conflict
          .columns(['kind', 'day', 'id', 'model_group', 'provider'])
          .doUpdateSet(({ ref, eb }) =>
            Object.fromEntries(
              counters.map((name) => [name, eb(ref(`tianji_daily_spend.${name}`), '+', ref(`excluded.${name}`))]),
            ),
          ),
      )
      .execute()
}

function emptyDay(day: string, kind: string, id: string, model_group: string, provider: string): DailySpendTable {
  const counters = { requests: 0, failures: 0, unpriced: 0, prompt_tokens: 0, completion_tokens: 0, spend: 0 }
  return { day, kind, id, model_group, provider, ...counters }
}

/** Who has spent, by which of a call's columns. */
const spenders = [
  ['tianji_keys', 'key_hash'],
  ['tianji_users', 'user_id'],
  ['tianji_teams', 'team_id'],
  ['tianji_organizations', 'organization_id'],
  ['tianji_end_users', 'end_user_id'],
] as const

/** Adds to what each has spent of its budget. Nobody is made up who is not there. */
async function addToSpenders(transaction: Transaction<Tables>, logs: readonly SpendLog[]): Promise<void> {
  for (const [table, column] of spenders)
    for (const [id, amount] of sumsBy(logs, (log) => log[column]))
      await sql`update ${sql.table(table)} set spend = spend + ${amount} where ${sql.ref(column)} = ${id}`.execute(
        transaction,
      )
  for (const [member, amount] of sumsBy(logs, memberOf)) {
    // As `memberOf` wrote it.
    const [team, user] = JSON.parse(member) as [string, string]
    await transaction
      .updateTable('tianji_team_members')
      .set(({ eb }) => ({ spend: eb('spend', '+', amount) }))
      .where('team_id', '=', team)
      .where('user_id', '=', user)
      .execute()
  }
}

function memberOf({ team_id, user_id }: SpendLog): string | null {
  return team_id == null || user_id == null ? null : JSON.stringify([team_id, user_id])
}

/** What was spent by each, in one order for everybody who writes. */
function sumsBy(
  logs: readonly SpendLog[],
  idOf: (log: SpendLog) => string | null | undefined,
): readonly (readonly [id: string, amount: number])[] {
  const sums = new Map<string, number>()
  for (const log of logs) {
    const id = idOf(log)
    if (id != null && log.spend) sums.set(id, (sums.get(id) ?? 0) + log.spend)
  }
  return [...sums].sort(([one], [other]) => (one < other ? -1 : 1))
}
