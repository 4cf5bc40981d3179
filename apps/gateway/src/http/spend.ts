import { GatewayError, isGatewayError, type JsonObject } from '@tianjillm/core'
import type { ActivityKind, Actor, GlobalView, Spend, SpendKind, SpendTable } from '@tianjillm/tenancy'
import { csvResponse } from './csv.ts'
import { type Audience, actorOf, demandTenancy, type ManagementRequest, type ManagementRoute } from './management.ts'

/** A question about spend: as JSON, and where it has rows also as a table. */
interface Question {
  readonly path: string
  readonly audience: Audience
  ask(spend: Spend, query: JsonObject, actor: Actor): Promise<JsonObject | readonly JsonObject[]>
  table?(spend: Spend, query: JsonObject, actor: Actor): SpendTable | Promise<SpendTable>
}

const sums: readonly SpendKind[] = ['keys', 'users', 'teams', 'organizations', 'end_users', 'tags', 'models']

const activities: Readonly<Record<string, ActivityKind>> = {
  user: 'user',
  team: 'team',
  organization: 'organization',
  customer: 'end_user',
  tag: 'tag',
}

const globals: Readonly<Record<string, GlobalView>> = {
  '': 'total',
  '/keys': 'keys',
  '/models': 'models',
  '/tags': 'tags',
  '/teams': 'teams',
}

/** What may be asked; everybody is told of their own spend alone. https://docs.litellm.ai/docs/proxy/cost_tracking */
const questions: readonly Question[] = [
  ...['/spend/logs', '/spend/logs/v2'].map((path) => ({
    path,
    audience: 'everybody' as const,
    ask: (spend: Spend, query: JsonObject, actor: Actor) => spend.logs(query, actor),
    table: (spend: Spend, query: JsonObject, actor: Actor) => spend.tables.logs(query, actor),
  })),
  ...Object.entries(activities).map(([name, kind]) => ({
    path: `/${name}/daily/activity`,
    audience: 'everybody' as const,
    ask: (spend: Spend, query: JsonObject, actor: Actor) => spend.activity(kind, query, actor),
    table: (spend: Spend, query: JsonObject, actor: Actor) => spend.tables.activity(kind, query, actor),
  })),
  ...sums.map((kind) => ({
    path: `/spend/${kind}`,
    audience: 'viewer' as const,
    ask: (spend: Spend, query: JsonObject) => spend.sums(kind, query),
    table: (spend: Spend, query: JsonObject) => spend.tables.sums(kind, query),
  })),
  {
    path: '/spend/days',
    audience: 'viewer',
    ask: (spend, query) => spend.days(query),
    table: (spend, query) => spend.tables.days(query),
  },
  ...Object.entries(globals).map(([end, view]) => ({
    path: `/global/spend${end}`,
    audience: 'viewer' as const,
    ask: (spend: Spend, query: JsonObject) => spend.global(view, query),
  })),
  { path: '/global/spend/report', audience: 'viewer', ask: (spend, query) => spend.report(query) },
]

/** What was spent. */
export const spendRoutes: readonly ManagementRoute[] = questions.map(routeOf)

function routeOf(question: Question): ManagementRoute {
  const { path, audience } = question
  return { method: 'GET', path, audience, handle: (request) => toldApart(answer(question, request)) }
}

async function answer(
  { path, ask, table }: Question,
  request: ManagementRequest,
): Promise<JsonObject | readonly JsonObject[] | Response> {
  const { gateway, identity, context } = request
  const { format, ...query } = request.query
  const { spend } = demandTenancy(gateway)
  const actor = actorOf(identity)
  if (!wantsCsv(format, context.req.header('accept'))) return ask(spend, query, actor)
  if (table === undefined) throw new GatewayError('invalid_request', `There is no CSV of ${path}.`, { param: 'format' })
  return csvResponse(await table(spend, query, actor), path.slice(1).replaceAll('/', '-'))
}

function wantsCsv(format: unknown, accept: string | undefined): boolean {
  if (format === undefined) return accept !== undefined && /^\s*text\/csv\b/i.test(accept)
  if (format === 'csv' || format === 'json') return format === 'csv'
  throw new GatewayError('invalid_request', '`format`: expected json or csv.', { param: 'format' })
}

/** What a database says stays here: it may hold what was asked, or where the database is. */
async function toldApart<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer
  } catch (cause) {
    if (isGatewayError(cause) || !(cause instanceof Error && 'code' in cause)) throw cause
    const message = 'The gateway could not ask its database what was spent. Try again in a few seconds.'
    throw new GatewayError('overloaded', message, { retryAfter: 5, cause })
  }
}
