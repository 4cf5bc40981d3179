import { type CreateTableBuilder, sql } from 'kysely'
import type { Migration } from '../migrate.ts'

type Table = CreateTableBuilder<string, string>

const limits = (table: Table): Table =>
  table
    .addColumn('max_budget', 'bigint')
    .addColumn('soft_budget', 'bigint')
    .addColumn('budget_duration', 'text')
    .addColumn('budget_started_at', 'bigint')
    .addColumn('rpm_limit', 'bigint')
    .addColumn('tpm_limit', 'bigint')
    .addColumn('max_parallel_requests', 'bigint')
    .addColumn('model_limits', 'text', (column) => column.notNull())

const made = (table: Table): Table =>
  table
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .addColumn('created_by', 'text')

const spender = (table: Table): Table =>
  made(limits(table))
    .addColumn('models', 'text', (column) => column.notNull())
    .addColumn('metadata', 'text', (column) => column.notNull())
    .addColumn('blocked', 'integer', (column) => column.notNull().defaultTo(0))

const sums = (table: Table): Table =>
  table
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('requests', 'bigint', (column) => column.notNull())
    .addColumn('failures', 'bigint', (column) => column.notNull())
    .addColumn('unpriced', 'bigint', (column) => column.notNull())
    .addColumn('prompt_tokens', 'bigint', (column) => column.notNull())
    .addColumn('completion_tokens', 'bigint', (column) => column.notNull())
    .addColumn('spend', 'bigint', (column) => column.notNull())

/** Keys and whom they belong to, what was spent, prompts, and conversations. */
export const keysAndSpend: Migration = {
  name: '2026-11-keys-and-spend',
  async up(database, dialect) {
    const { schema } = database
    await spender(schema.createTable('tianji_keys').addColumn('key_hash', 'text', (column) => column.primaryKey()))
      .addColumn('key_id', 'text', (column) => column.notNull())
      .addColumn('key_name', 'text', (column) => column.notNull())
      .addColumn('key_alias', 'text', (column) => column.unique())
      .addColumn('user_id', 'text')
      .addColumn('team_id', 'text')
      .addColumn('organization_id', 'text')
      .addColumn('budget_id', 'text')
      .addColumn('allowed_routes', 'text', (column) => column.notNull())
      .addColumn('tags', 'text', (column) => column.notNull())
      .addColumn('expires_at', 'bigint')
      .addColumn('last_used_at', 'bigint')
      .addColumn('object_permission', 'text')
      .execute()
    await spender(schema.createTable('tianji_users').addColumn('user_id', 'text', (column) => column.primaryKey()))
      .addColumn('user_email', 'text', (column) => column.unique())
      .addColumn('user_alias', 'text')
      .addColumn('user_role', 'text', (column) => column.notNull())
      .addColumn('budget_id', 'text')
      .addColumn('object_permission', 'text')
      .execute()
    await spender(schema.createTable('tianji_teams').addColumn('team_id', 'text', (column) => column.primaryKey()))
      .addColumn('team_alias', 'text')
      .addColumn('organization_id', 'text')
      .addColumn('tags', 'text', (column) => column.notNull())
      .addColumn('object_permission', 'text')
      .execute()
    await limits(schema.createTable('tianji_team_members').addColumn('team_id', 'text', (column) => column.notNull()))
      .addColumn('user_id', 'text', (column) => column.notNull())
      .addColumn('role', 'text', (column) => column.notNull())
      .addColumn('budget_id', 'text')
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('tianji_team_members_key', ['team_id', 'user_id'])
      .execute()
    await spender(
      schema.createTable('tianji_organizations').addColumn('organization_id', 'text', (column) => column.primaryKey()),
    )
      .addColumn('organization_alias', 'text')
      .addColumn('budget_id', 'text')
      .addColumn('object_permission', 'text')
      .execute()
    await made(
      limits(schema.createTable('tianji_budgets').addColumn('budget_id', 'text', (column) => column.primaryKey())),
    ).execute()
    await spender(
      schema.createTable('tianji_end_users').addColumn('end_user_id', 'text', (column) => column.primaryKey()),
    )
      .addColumn('alias', 'text')
      .addColumn('budget_id', 'text')
      .execute()
    await schema
      .createTable('tianji_spend_logs')
      .addColumn('request_id', 'text', (column) => column.primaryKey())
      .addColumn('trace_id', 'text', (column) => column.notNull())
      .addColumn('call_type', 'text', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('start_time', 'bigint', (column) => column.notNull())
      .addColumn('end_time', 'bigint', (column) => column.notNull())
      .addColumn('first_token_time', 'bigint')
      .addColumn('key_hash', 'text')
      .addColumn('user_id', 'text')
      .addColumn('team_id', 'text')
      .addColumn('organization_id', 'text')
      .addColumn('end_user_id', 'text')
      .addColumn('model', 'text', (column) => column.notNull())
      .addColumn('model_group', 'text', (column) => column.notNull())
      .addColumn('provider', 'text')
      .addColumn('deployment_id', 'text')
      .addColumn('prompt_tokens', 'bigint', (column) => column.notNull())
      .addColumn('completion_tokens', 'bigint', (column) => column.notNull())
      .addColumn('total_tokens', 'bigint', (column) => column.notNull())
      .addColumn('cached_tokens', 'bigint', (column) => column.notNull())
      .addColumn('spend', 'bigint')
      .addColumn('cache_hit', 'integer', (column) => column.notNull().defaultTo(0))
      .addColumn('tags', 'text', (column) => column.notNull())
      .addColumn('metadata', 'text', (column) => column.notNull())
      .addColumn('http_status', 'integer', (column) => column.notNull())
      .addColumn('error', 'text')
      .execute()
    // SQLite looks once for a row that is kept with its key, and twice for any other.
    const dense = (table: Table): Table => (dialect === 'sqlite' ? table.modifyEnd(sql`without rowid`) : table)
    await dense(sums(schema.createTable('tianji_daily_spend').addColumn('day', 'text', (column) => column.notNull())))
      .addColumn('model_group', 'text', (column) => column.notNull())
      .addColumn('provider', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('tianji_daily_spend_key', ['kind', 'day', 'id', 'model_group', 'provider'])
      .execute()
    await dense(sums(schema.createTable('tianji_daily_totals').addColumn('day', 'text', (column) => column.notNull())))
      .addPrimaryKeyConstraint('tianji_daily_totals_key', ['kind', 'day', 'id'])
      .execute()
    await dense(sums(schema.createTable('tianji_weekly_spend').addColumn('week', 'text', (column) => column.notNull())))
      .addColumn('model_group', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('tianji_weekly_spend_key', ['kind', 'week', 'id', 'model_group'])
      .execute()
    await dense(schema.createTable('tianji_budget_counters').addColumn('kind', 'text', (column) => column.notNull()))
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('period', 'bigint', (column) => column.notNull())
      .addColumn('spend', 'bigint', (column) => column.notNull())
      .addColumn('ends_at', 'bigint')
      .addPrimaryKeyConstraint('tianji_budget_counters_key', ['kind', 'id', 'period'])
      .execute()
    await schema
      .createTable('tianji_budget_leases')
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('period', 'bigint', (column) => column.notNull())
      .addColumn('holder', 'text', (column) => column.notNull())
      .addColumn('amount', 'bigint', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('tianji_budget_leases_key', ['kind', 'id', 'period', 'holder'])
      .execute()
    await schema
      .createTable('tianji_revision')
      .addColumn('revision', 'bigint', (column) => column.notNull())
      .execute()
    await sql`insert into tianji_revision (revision) values (0)`.execute(database)
    await schema
      .createTable('tianji_prompts')
      .addColumn('prompt_id', 'text', (column) => column.notNull())
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('content', 'text', (column) => column.notNull())
      .addColumn('metadata', 'text', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('created_by', 'text')
      .addPrimaryKeyConstraint('tianji_prompts_key', ['prompt_id', 'version'])
      .execute()
    await schema
      .createTable('tianji_prompt_labels')
      .addColumn('prompt_id', 'text', (column) => column.notNull())
      .addColumn('label', 'text', (column) => column.notNull())
      .addColumn('version', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('tianji_prompt_labels_key', ['prompt_id', 'label'])
      .execute()
    await made(
      schema
        .createTable('tianji_mcp_servers')
        .addColumn('server_id', 'text', (column) => column.primaryKey())
        .addColumn('server_name', 'text', (column) => column.notNull().unique())
        .addColumn('entry', 'text', (column) => column.notNull())
        .addColumn('is_public', 'integer', (column) => column.notNull().defaultTo(0)),
    ).execute()
    await schema
      .createTable('tianji_mcp_tokens')
      .addColumn('server', 'text', (column) => column.notNull())
      .addColumn('owner', 'text', (column) => column.notNull())
      .addColumn('content', 'text', (column) => column.notNull())
      .addColumn('updated_at', 'bigint', (column) => column.notNull())
      .addColumn('holder', 'text')
      .addColumn('held_until', 'bigint')
      .addPrimaryKeyConstraint('tianji_mcp_tokens_key', ['server', 'owner'])
      .execute()
    await schema
      .createTable('tianji_mcp_pins')
      .addColumn('server', 'text', (column) => column.notNull())
      .addColumn('tool', 'text', (column) => column.notNull())
      .addColumn('mark', 'text', (column) => column.notNull())
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('updated_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('tianji_mcp_pins_key', ['server', 'tool'])
      .execute()
    await schema
      .createTable('tianji_sessions')
      .addColumn('session_id', 'text', (column) => column.primaryKey())
      .addColumn('owner', 'text', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('updated_at', 'bigint', (column) => column.notNull())
      .addColumn('messages', 'text', (column) => column.notNull())
      .addColumn('context', 'text', (column) => column.notNull())
      .addColumn('provider_preference', 'text')
      .addColumn('max_messages', 'integer', (column) => column.notNull())
      .addColumn('version', 'integer', (column) => column.notNull())
      .execute()
    // Of what few calls are or have, so that all others are written without them.
    await schema
      .createIndex('tianji_spend_logs_failures')
      .on('tianji_spend_logs')
      .column('start_time')
      .where(sql.ref('status'), '=', 'failure')
      .execute()
    await schema
      .createIndex('tianji_spend_logs_end_users')
      .on('tianji_spend_logs')
      .columns(['end_user_id', 'start_time'])
      .where('end_user_id', 'is not', null)
      .execute()
    for (const [table, columns] of indexes)
      await schema
        .createIndex(`${table}_${columns.join('_')}`)
        .on(table)
        .columns(columns)
        .execute()
  },
}

/** What is looked for besides primary keys. */
const indexes: readonly (readonly [table: string, columns: string[]])[] = [
  ['tianji_keys', ['user_id']],
  ['tianji_keys', ['team_id']],
  ['tianji_keys', ['created_at']],
  ['tianji_budget_counters', ['ends_at']],
  ['tianji_team_members', ['user_id']],
  ['tianji_sessions', ['updated_at']],
  ['tianji_spend_logs', ['start_time']],
  ['tianji_spend_logs', ['key_hash', 'start_time']],
  ['tianji_spend_logs', ['user_id', 'start_time']],
  ['tianji_spend_logs', ['team_id', 'start_time']],
]
