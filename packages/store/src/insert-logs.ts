import type { Transaction } from 'kysely'
import { insertInto } from './insert-into.ts'
import type { Dialect } from './migrate.ts'
import type { SpendLog } from './spend.ts'
import type { Tables } from './tables.ts'

const columns = [
  ...['request_id', 'trace_id', 'call_type', 'status', 'start_time', 'end_time', 'first_token_time'],
  ...['key_hash', 'user_id', 'team_id', 'organization_id', 'end_user_id', 'model', 'model_group', 'provider'],
  ...['deployment_id', 'prompt_tokens', 'completion_tokens', 'total_tokens', 'cached_tokens', 'spend', 'cache_hit'],
  ...['tags', 'metadata', 'http_status', 'error'],
] as const satisfies readonly (keyof SpendLog)[]

const insert = insertInto<SpendLog>(
  'tianji_spend_logs',
  columns,
  'on conflict (request_id) do nothing returning request_id',
)

/** Inserts finished calls, and gives the ids of those that were not there already. */
export async function insertLogs(
  transaction: Transaction<Tables>,
  dialect: Dialect,
  logs: readonly SpendLog[],
): Promise<readonly string[]> {
  // As the statement ends.
  const written = (await insert(transaction, dialect, logs)) as readonly { readonly request_id: string }[]
  return written.map(({ request_id }) => request_id)
}
