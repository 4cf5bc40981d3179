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

/** Rows of one statement: few kinds of it are worth preparing, and any number of rows is made of them. */
const sizes = [256, 64, 16, 4, 1] as const

const statements: Readonly<Record<Dialect, Map<number, CompiledQuery>>> = { sqlite: new Map(), postgres: new Map() }

/**
 * Inserts finished calls, and gives the ids of those that were not there already. Statements are not built anew each
 * time: for thousands of rows a second that would cost more than to carry them out.
 */
export async function insertLogs(
  transaction: Transaction<Tables>,
  dialect: Dialect,
  logs: readonly SpendLog[],
): Promise<readonly string[]> {
  const written: string[] = []
  for (let start = 0; start < logs.length; ) {
    const size = sizes.find((most) => most <= logs.length - start)!
    const values: unknown[] = []
    for (const log of logs.slice(start, start + size)) for (const column of columns) values.push(log[column])
    // Not through `raw`, which would freeze thousands of values.
    const { rows } = await transaction.executeQuery({ ...statementFor(dialect, size), parameters: values })
    // As the statement ends.
    for (const { request_id } of rows as readonly { readonly request_id: string }[]) written.push(request_id)
    start += size
  }
  return written
}

function statementFor(dialect: Dialect, count: number): CompiledQuery {
  const known = statements[dialect].get(count)
  if (known !== undefined) return known
  const width = columns.length
  const place = (at: number) => (dialect === 'postgres' ? `$${at + 1}` : '?')
  const rows = Array.from(
    { length: count },
    (_, row) => `(${columns.map((_column, index) => place(row * width + index)).join(', ')})`,
  )
  const text = `insert into tianji_spend_logs (${columns.join(', ')}) values ${rows.join(', ')} on conflict (request_id) do nothing returning request_id`
  const statement = CompiledQuery.raw(text)
  statements[dialect].set(count, statement)
  return statement
}
