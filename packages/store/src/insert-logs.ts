import { CompiledQuery, type Transaction } from 'kysely'
import type { Dialect } from './migrate.ts'
import type { SpendLog } from './spend.ts'
import type { Tables } from './tables.ts'

const columns = [
  ...['request_id', 'trace_id', 'call_type', 'status', 'start_time', 'end_time', 'first_token_time'],
  ...['key_hash', 'user_id', 'team_id', 'organization_id', 'end_user_id', 'model', 'model_group', 'provider'],
  ...['deployment_id', 'prompt_tokens', 'completion_tokens', 'total_tokens', 'cached_tokens', 'spend', 'cache_hit'],
  ...['tags', 'metadata', 'http_status', 'error'],
] as const satisfies readonly (keyof SpendLog)[]

/** Statements by how many rows they insert; there are as many as rows of one transaction at most. */
const statements: Readonly<Record<Dialect, Map<number, string>>> = { sqlite: new Map(), postgres: new Map() }

/**
 * Inserts finished calls, and gives the ids of those that were not there already. The statement is not built anew each
 * time: for thousands of rows a second that would cost more than to carry it out.
 */
export async function insertLogs(
  transaction: Transaction<Tables>,
  dialect: Dialect,
  logs: readonly SpendLog[],
): Promise<readonly string[]> {
  const known = statements[dialect]
  const text = known.get(logs.length) ?? statementFor(dialect, logs.length)
  known.set(logs.length, text)
  const values: unknown[] = []
  for (const log of logs) for (const column of columns) values.push(log[column])
  const { rows } = await transaction.executeQuery(CompiledQuery.raw(text, values))
  // As the statement ends.
  return (rows as readonly { readonly request_id: string }[]).map(({ request_id }) => request_id)
}

function statementFor(dialect: Dialect, count: number): string {
  const width = columns.length
  const place = (at: number) => (dialect === 'postgres' ? `$${at + 1}` : '?')
  const rows = Array.from(
    { length: count },
    (_, row) => `(${columns.map((_column, index) => place(row * width + index)).join(', ')})`,
  )
  return `insert into tianji_spend_logs (${columns.join(', ')}) values ${rows.join(', ')} on conflict (request_id) do nothing returning request_id`
}
