import { GatewayError, isJsonObject, type JsonObject, parseJson } from '@tianjillm/core'
import type { Keys } from '@tianjillm/tenancy'
import type { Gateway } from '../gateway.ts'
import type { Tenancy } from '../tenancy.ts'
import { demandAdmin, type Identity } from './access.ts'
import { type GatewayApp, refuseMethod } from './app.ts'
import { readBody } from './body.ts'

/** Bytes of a body. */
const MOST_BYTES = 1024 * 1024

/** What is done to keys, by path; all of it is for the master key. https://docs.litellm.ai/docs/proxy/virtual_keys */
const acts: Readonly<Record<string, (keys: Keys, body: unknown) => Promise<JsonObject>>> = {
  '/key/generate': (keys, body) => keys.generate(demandKept(body), 'master_key'),
  '/key/update': (keys, body) => keys.update(demandKept(body)),
  '/key/delete': (keys, body) => keys.delete(body),
  '/key/block': (keys, body) => keys.setBlocked(body, true),
  '/key/unblock': (keys, body) => keys.setBlocked(body, false),
  '/key/regenerate': (keys, body) => regenerate(keys, body),
}

/** Keys of the database. */
export function keyRoutes(app: GatewayApp, gateway: () => Gateway): void {
  for (const [path, act] of Object.entries(acts))
    app.all(path, async (context) => {
      if (context.req.method !== 'POST') return refuseMethod(context.req.method, 'POST')
      await demandAdmin(gateway().access, context.env.incoming.headers)
      const keys = keysOf(gateway())
      const bytes = await readBody(context.env.incoming, MOST_BYTES)
      return context.json(await act(keys, bytes.length === 0 ? {} : parseJson(bytes.toString())))
    })
  app.all('/key/info', async (context) => {
    if (context.req.method !== 'GET') return refuseMethod(context.req.method, 'GET')
    const identity = await gateway().access.authenticate(context.env.incoming.headers)
    return context.json(await keysOf(gateway()).info(askedKey(identity, context.req.query('key'))))
  })
  app.all('/key/list', async (context) => {
    if (context.req.method !== 'GET') return refuseMethod(context.req.method, 'GET')
    await demandAdmin(gateway().access, context.env.incoming.headers)
    return context.json(await keysOf(gateway()).list(numbered(context.req.query())))
  })
}

/** The master key may ask about any key, every other about itself. */
function askedKey({ isAdmin, caller }: Identity, named: string | undefined): string {
  if (isAdmin && named !== undefined) return named
  if (isAdmin) throw new GatewayError('invalid_request', 'Name the `key` to tell of.', { param: 'key' })
  return caller.keyHash!
}

function regenerate(keys: Keys, body: unknown): Promise<JsonObject> {
  const { key, ...fields } = isJsonObject(body) ? demandKept(body) : {}
  if (typeof key === 'string') return keys.regenerate(key, fields)
  throw new GatewayError('invalid_request', 'Name the `key` to regenerate.', { param: 'key' })
}

/** Limits that no call is held to yet. Who sets one counts on it, so it is refused rather than kept for show. */
const unkept = [
  'allowed_routes',
  'budget_duration',
  'budget_id',
  'max_budget',
  'model_max_budget',
  'model_rpm_limit',
  'model_tpm_limit',
  'soft_budget',
  'tpm_limit',
]

function demandKept<Body>(body: Body): Body {
  const param = isJsonObject(body) ? unkept.find((name) => (body as JsonObject)[name] != null) : undefined
  if (param === undefined) return body
  const message = `No key is held to \`${param}\` yet, so it cannot be set. There are \`rpm_limit\`, \`max_parallel_requests\`, \`models\` and \`duration\`.`
  throw new GatewayError('invalid_request', message, { param })
}

/** Numbers and flags of a query as what they are. */
export function numbered(query: Readonly<Record<string, string>>): JsonObject {
  const known: Readonly<Record<string, unknown>> = { true: true, false: false }
  const isNumber = (name: string, value: string) => (name === 'page' || name === 'size') && /^\d{1,9}$/.test(value)
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => [
      name,
      isNumber(name, value) ? Number(value) : (known[value] ?? value),
    ]),
  )
}

function keysOf(gateway: Gateway): Keys {
  return demandTenancy(gateway).keys
}

/** Throws GatewayError `invalid_request` with the code `no_db_connection` when there is no database. */
export function demandTenancy({ tenancy }: Gateway): Tenancy {
  if (tenancy !== undefined) return tenancy
  const message =
    'This needs a database: set general_settings.database_url. Keys may also be in the file, under `keys`.'
  throw new GatewayError('invalid_request', message, { code: 'no_db_connection' })
}
