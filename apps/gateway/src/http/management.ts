import { type Awaitable, GatewayError, isGatewayError, type JsonObject, parseJson } from '@tianjillm/core'
import type { Actor } from '@tianjillm/tenancy'
import type { Identity } from '../admission/identity.ts'
import type { Gateway } from '../gateway.ts'
import type { Tenancy } from '../tenancy.ts'
import { type GatewayApp, type GatewayContext, refuseMethod } from './app.ts'
import { readBody } from './body.ts'

/** Bytes of a body. */
const MOST_BYTES = 1024 * 1024

/**
 * Who may use a route: those who may change the gateway itself, those who may see all of it too, or everybody with a
 * key. A route for everybody has to see to it that nobody reaches what is another's.
 */
export type Audience = 'admin' | 'viewer' | 'everybody'

/** A route by which the gateway is looked at or changed, as opposed to those that ask a model. */
export interface ManagementRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With `:name` for a part that varies. */
  readonly path: string
  readonly audience: Audience
  /** A JSON answer with the status 200, or an answer of its own. */
  handle(request: ManagementRequest): Awaitable<JsonObject | readonly unknown[] | Response>
}

/** A request to a management route, of somebody who may make it. */
export interface ManagementRequest {
  readonly gateway: Gateway
  readonly identity: Identity
  /** The varying parts of the path. */
  readonly params: Readonly<Record<string, string>>
  /** Each parameter of the query once; what looks like a number or a truth is one where routes expect it. */
  readonly query: JsonObject
  /** The JSON body; an empty one is an object without fields. Undefined for GET. */
  readonly body: unknown
  readonly context: GatewayContext
}

/** Serves these routes. The key is judged before anything is read; other methods are refused with those there are. */
export function manage(app: GatewayApp, gateway: () => Gateway, routes: readonly ManagementRoute[]): void {
  for (const [path, some] of Map.groupBy(routes, (route) => route.path))
    app.all(path, async (context) => {
      const { method } = context.env.incoming
      const route = some.find((one) => one.method === method)
      if (route === undefined) return refuseMethod(String(method), some.map((one) => one.method).join(', '))
      const identity = await gateway().access.authenticate(context.env.incoming)
      demandAudience(identity, route.audience)
      const request = {
        identity,
        params: context.req.param() as Readonly<Record<string, string>>,
        query: numbered(context.req.query()),
        body: method === 'GET' ? undefined : await jsonOf(context),
        context,
      }
      const answer = await withDatabase(gateway, request, (whole) => route.handle(whole))
      return answer instanceof Response ? answer : Response.json(answer)
    })
}

/** The first change that needs a database makes the one that nobody has to configure; looking alone does not. */
async function withDatabase<Answer>(
  gateway: () => Gateway,
  request: Omit<ManagementRequest, 'gateway'>,
  handle: (request: ManagementRequest) => Awaitable<Answer>,
): Promise<Answer> {
  const current = gateway()
  const { makeDatabase, reload } = current
  try {
    return await handle({ ...request, gateway: current })
  } catch (error) {
    const mayMake = request.identity.isAdmin && request.body !== undefined
    if (!mayMake || !isGatewayError(error) || error.facts.code !== NO_DATABASE) throw error
    if (makeDatabase === undefined || reload === undefined) throw error
    await makeDatabase()
    await reload('the first change that needs a database')
    return handle({ ...request, gateway: gateway() })
  }
}

/** LiteLLM's code for it. */
const NO_DATABASE = 'no_db_connection'

/** What is kept in a database. Throws GatewayError `invalid_request` with the code `no_db_connection` when there is none. */
export function demandTenancy({ tenancy }: Gateway): Tenancy {
  if (tenancy !== undefined) return tenancy
  const message =
    'This needs a database: set general_settings.database_url. Keys may also be in the file, under `keys`.'
  throw new GatewayError('invalid_request', message, { code: NO_DATABASE })
}

/** Who makes a request, as those see it who keep keys and people. */
export function actorOf({ role, caller }: Identity): Actor {
  return { role, keyHash: caller.keyHash, userId: caller.userId, teamId: caller.teamId }
}

async function jsonOf({ env }: GatewayContext): Promise<unknown> {
  const bytes = await readBody(env.incoming, MOST_BYTES)
  return bytes.length === 0 ? {} : parseJson(bytes.toString())
}

/** Throws GatewayError `permission_denied`. */
function demandAudience({ role }: Identity, audience: Audience): void {
  if (audience === 'everybody' || role === 'proxy_admin') return
  if (audience === 'viewer' && role === 'proxy_admin_viewer') return
  throw new GatewayError('permission_denied', 'Only the master key, or a key of a proxy admin, may do this.')
}

/** Parameters that are counts or truths; all others stay texts, even when they look like one. */
const counts: ReadonlySet<string> = new Set(['page', 'size', 'page_size', 'limit', 'version', 'timezone'])
const truths: Readonly<Record<string, boolean>> = { true: true, false: false }

function numbered(query: Readonly<Record<string, string>>): JsonObject {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => {
      if (counts.has(name)) return [name, /^-?\d{1,9}$/.test(value) ? Number(value) : value]
      return [name, Object.hasOwn(truths, value) ? truths[value] : value]
    }),
  )
}
