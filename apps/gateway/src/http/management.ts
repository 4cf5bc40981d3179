import { type Awaitable, GatewayError, type JsonObject, parseJson } from '@tianjillm/core'
import type { Gateway } from '../gateway.ts'
import type { Identity } from './access.ts'
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
      const { method, headers } = context.env.incoming
      const route = some.find((one) => one.method === method)
      if (route === undefined) return refuseMethod(String(method), some.map((one) => one.method).join(', '))
      const current = gateway()
      const identity = await current.access.authenticate(headers)
      demandAudience(identity, route.audience)
      const answer = await route.handle({
        gateway: current,
        identity,
        params: context.req.param() as Readonly<Record<string, string>>,
        query: numbered(context.req.query()),
        body: method === 'GET' ? undefined : await jsonOf(context),
        context,
      })
      return answer instanceof Response ? answer : Response.json(answer)
    })
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
