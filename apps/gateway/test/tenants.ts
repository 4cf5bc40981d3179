import { openStore, type Store, sql, writeSpend } from '@tianjillm/store'
import { onTestFinished } from 'vitest'
import { managementRoutes } from '../src/http/management-routes.ts'
import { MASTER_KEY, startGateway } from './support.ts'

/** What a gateway answered. */
export interface Told {
  readonly status: number
  readonly text: string
}

/** How it is asked: with whatever body, by default with the master key. */
export interface Asking {
  readonly key?: string | undefined
  readonly body?: string | Uint8Array | undefined
  readonly type?: string | undefined
}

/** A gateway whose database several tenants share. */
export interface Tenants {
  readonly store: Store
  /** Rejects when there is no answer within some seconds. */
  ask(method: string, path: string, asking?: Asking): Promise<Told>
  /** All that the database has, but for what changes by being looked at. */
  contents(): Promise<string>
  /** Has the database as it was when the tenants had just moved in. */
  restore(): Promise<void>
}

/** Milliseconds after which an answer is taken for one that never comes. */
const PATIENCE = 10_000

/** Keys of people, by their names. */
export const keys = { ida: 'sk-ida-of-blue', tom: 'sk-tom-of-blue', nobody: 'sk-nobody', eve: 'sk-eve-of-red' } as const

/** What nobody of the team blue may ever read: it is in every name of the team red, and in what it has written. */
export const FOREIGN = 'crimson'

const tables = [
  ...(['tianji_keys', 'tianji_users', 'tianji_teams', 'tianji_team_members', 'tianji_organizations'] as const),
  ...(['tianji_budgets', 'tianji_end_users', 'tianji_spend_logs', 'tianji_daily_spend'] as const),
  ...(['tianji_daily_totals', 'tianji_weekly_spend'] as const),
  ...(['tianji_budget_counters', 'tianji_prompts', 'tianji_prompt_labels', 'tianji_mcp_servers'] as const),
]

const member = { max_budget_in_team: 1 }

/** How they moved in. */
const moves: readonly (readonly [path: string, body: object])[] = [
  ['/budget/new', { budget_id: 'small', max_budget: 1 }],
  ['/budget/new', { budget_id: 'unused', max_budget: 1 }],
  ['/budget/new', { budget_id: `${FOREIGN}-budget`, max_budget: 7 }],
  ['/organization/new', { organization_id: 'acme', organization_alias: 'Acme' }],
  ['/organization/new', { organization_id: `${FOREIGN}-org`, organization_alias: `The ${FOREIGN}`, max_budget: 9 }],
  ['/user/new', { user_id: 'ida', user_role: 'internal_user', auto_create_key: false }],
  ['/user/new', { user_id: 'tom', user_role: 'internal_user', user_email: 'tom@blue.test', auto_create_key: false }],
  ['/user/new', { user_id: 'una', auto_create_key: false }],
  ['/user/new', { user_id: `${FOREIGN}-eve`, user_email: `eve@${FOREIGN}.test`, auto_create_key: false }],
  ['/team/new', { team_id: 'blue', organization_id: 'acme', members_with_roles: [{ user_id: 'tom', role: 'admin' }] }],
  ['/team/new', { team_id: `${FOREIGN}-team`, team_alias: `the ${FOREIGN}`, organization_id: `${FOREIGN}-org` }],
  ['/team/member_add', { team_id: 'blue', member: { user_id: 'ida' }, ...member }],
  ['/team/member_add', { team_id: `${FOREIGN}-team`, member: { user_id: `${FOREIGN}-eve`, role: 'admin' }, ...member }],
  ['/key/generate', { key: keys.ida, user_id: 'ida', key_alias: 'of ida' }],
  ['/key/generate', { key: keys.tom, user_id: 'tom', team_id: 'blue' }],
  ['/key/generate', { key: keys.nobody }],
  ['/key/generate', { key: keys.eve, user_id: `${FOREIGN}-eve`, team_id: `${FOREIGN}-team`, key_alias: FOREIGN }],
  ['/customer/new', { user_id: 'carol', alias: 'Carol' }],
  ['/customer/new', { user_id: `${FOREIGN}-customer`, budget_id: `${FOREIGN}-budget` }],
  ['/prompts', { name: 'greeting', template: 'Hi {{name}}', labels: ['production'] }],
  ['/prompts', { name: `${FOREIGN}-prompt`, template: FOREIGN }],
  ['/v1/mcp/server', { server_id: 'docs-id', server_name: 'docs', url: 'http://127.0.0.1:1/mcp' }],
  ['/v1/mcp/server', { server_id: `${FOREIGN}-mcp`, server_name: `${FOREIGN} tools`, url: 'http://127.0.0.1:1/mcp' }],
]

/** A gateway, and tenants in its database, until the test ends. */
export async function tenantsIn(url: string): Promise<Tenants> {
  const gateway = await startGateway(`
model_list:
  - {model_name: mock, litellm_params: {model: mock/mock}}
litellm_settings: {cache: true}
general_settings: {master_key: ${MASTER_KEY}, database_url: '${url}'}
`)
  onTestFinished(() => gateway.stop(100))
  const store = await openStore({ url })
  onTestFinished(() => store.close())
  const { database } = store
  const ask: Tenants['ask'] = async (method, path, { key = MASTER_KEY, body, type = 'application/json' } = {}) => {
    const response = await fetch(`${gateway.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': type }) },
      ...(body !== undefined && { body: typeof body === 'string' ? body : new Uint8Array(body) }),
      signal: AbortSignal.timeout(PATIENCE),
    })
    return { status: response.status, text: await response.text() }
  }
  for (const [path, body] of moves) {
    const { status, text } = await ask('POST', path, { body: JSON.stringify(body) })
    if (status !== 200) throw new Error(`${path} ${JSON.stringify(body)}: ${text}`)
  }
  await writeSpend(store, [
    callOf('ida', 'blue', 'r-1'),
    callOf(`${FOREIGN}-eve`, `${FOREIGN}-team`, `${FOREIGN}-call`),
  ])
  const read = () => Promise.all(tables.map((table) => database.selectFrom(table).selectAll().execute()))
  const first = await read()
  let last: { readonly version: string; readonly contents: string } | undefined
  const contents = async () => {
    const version = await versionOf(store)
    if (last?.version !== version) last = { version, contents: contentsOf(await read()) }
    return last.contents
  }
  const restore = async () => {
    last = undefined
    for (const [index, table] of tables.entries()) {
      await database.deleteFrom(table).execute()
      const rows = first[index]!
      // They come from this very table.
      if (rows.length > 0)
        await database
          .insertInto(table)
          .values(rows as never)
          .execute()
    }
  }
  return { store, ask, restore, contents }
}

/** What is another after anybody else has written, and perhaps without that. */
async function versionOf({ database, dialect }: Store): Promise<string> {
  const query = {
    sqlite: sql<{ version: string }>`select cast(data_version as text) as version from pragma_data_version`,
    postgres: sql<{ version: string }>`select cast(txid_current_snapshot() as text) as version`,
  }
  const { rows } = await query[dialect].execute(database)
  return rows[0]!.version
}

/** Rows in one order, for a database gives changed ones last. */
function contentsOf(all: readonly (readonly object[])[]): string {
  const rows = all.map((some) => some.map((row) => JSON.stringify({ ...row, last_used_at: null })).toSorted())
  return JSON.stringify(rows)
}

const customerExamples = {
  new: { user_id: 'dave' },
  update: { user_id: 'carol' },
  ...{ delete: { user_ids: ['carol'] }, block: { user_ids: ['carol'] }, unblock: { user_ids: ['carol'] } },
  info: { end_user_id: 'carol' },
}

/** What each route takes, a body or a query, by its path or its method and path; none: nothing. Each is answered with 200. */
const examples: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  '/key/update': { key: keys.ida },
  '/key/delete': { keys: [keys.ida] },
  '/key/block': { key: keys.ida },
  '/key/unblock': { key: keys.ida },
  '/key/regenerate': { key: keys.ida },
  '/key/info': { key: keys.ida },
  '/user/update': { user_id: 'ida' },
  '/user/delete': { user_ids: ['ida'] },
  '/user/block': { user_ids: ['ida'] },
  '/user/unblock': { user_ids: ['ida'] },
  '/user/info': { user_id: 'ida' },
  '/team/update': { team_id: 'blue' },
  '/team/delete': { team_ids: ['blue'] },
  '/team/block': { team_id: 'blue' },
  '/team/unblock': { team_id: 'blue' },
  '/team/member_add': { team_id: 'blue', member: { user_id: 'una' } },
  '/team/member_update': { team_id: 'blue', user_id: 'ida' },
  '/team/member_delete': { team_id: 'blue', user_id: 'ida' },
  '/team/info': { team_id: 'blue' },
  '/organization/new': { organization_alias: 'New' },
  '/organization/update': { organization_id: 'acme' },
  '/organization/delete': { organization_ids: ['acme'] },
  '/organization/info': { organization_id: 'acme' },
  '/budget/update': { budget_id: 'small' },
  '/budget/delete': { id: 'unused' },
  '/budget/info': { budgets: ['small'] },
  ...Object.fromEntries(
    ['customer', 'end_user'].flatMap((who) =>
      Object.entries(customerExamples).map(([end, fields]) => [`/${who}/${end}`, fields]),
    ),
  ),
  'POST /prompts': { name: 'other', template: 'Hi' },
  '/prompts/test': { template: 'Hi {{name}}', variables: { name: 'x' } },
  'PUT /prompts/:id': { template: 'Hi' },
  'PATCH /prompts/:id': { metadata: {} },
  'POST /v1/mcp/server': { server_name: 'other', url: 'http://127.0.0.1:1/mcp' },
  'PUT /v1/mcp/server': { server_id: 'docs-id' },
  '/v1/mcp/make_public': { mcp_server_ids: ['docs-id'] },
  '/mcp-rest/test/connection': { url: 'http://127.0.0.1:1/mcp' },
  '/mcp-rest/test/tools/list': { url: 'http://127.0.0.1:1/mcp' },
  '/cache/delete': { keys: [] },
  '/team/daily/activity': { team_ids: 'blue' },
  '/utils/token_counter': { model: 'mock', messages: [{ role: 'user', content: 'Hi' }] },
  '/utils/transform_request': {
    call_type: 'completion',
    request_body: { model: 'mock', messages: [{ role: 'user', content: 'Hi' }] },
  },
}

/** What stands for the varying parts of a path. */
const parts: Readonly<Record<string, string>> = { ':key': keys.ida, ':id': 'greeting' }

/** A route with what it takes. */
export interface KnownRoute {
  readonly method: string
  readonly pattern: string
  readonly audience: string
  /** With something in its varying parts. */
  readonly path: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** All routes of the table itself, so that none is forgotten. */
export const routes: readonly KnownRoute[] = managementRoutes.map(({ method, path: pattern, audience }) => ({
  ...{ method, pattern, audience },
  path: pattern.replace(/:\w+/g, (part) => (pattern.startsWith('/v1/mcp/') ? 'docs-id' : (parts[part] ?? part))),
  fields: examples[`${method} ${pattern}`] ?? examples[pattern] ?? {},
}))

function callOf(user: string, team: string, id: string): Parameters<typeof writeSpend>[1][number] {
  const time = Date.UTC(2026, 10, 20)
  return {
    log: {
      ...{ request_id: id, trace_id: id, call_type: 'chat', status: 'success', start_time: time, end_time: time + 1 },
      ...{ first_token_time: null, key_hash: null, user_id: user, team_id: team, organization_id: null },
      ...{ end_user_id: `customer of ${user}`, model: 'm', model_group: team, provider: 'p', deployment_id: null },
      ...{ prompt_tokens: 1, completion_tokens: 1, total_tokens: 2, cached_tokens: 0, spend: 5, cache_hit: 0 },
      ...{ tags: JSON.stringify([`tag of ${user}`]), metadata: '{}', http_status: 200, error: null },
    },
    counters: [{ kind: 'user', id: user, period: 0, endsAt: null }],
  }
}
