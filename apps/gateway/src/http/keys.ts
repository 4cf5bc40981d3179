import { GatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import type { Actor, Keys } from '@tianjillm/tenancy'
import { demandKnownObjects } from './known-objects.ts'
import { actorOf, demandTenancy, type ManagementRequest, type ManagementRoute } from './management.ts'

type Act = (keys: Keys, request: ManagementRequest, by: Actor) => Promise<JsonObject>

/** What is done to keys of the database. https://docs.litellm.ai/docs/proxy/virtual_keys */
const acts: readonly (readonly [method: 'GET' | 'POST', path: string, act: Act])[] = [
  ['POST', '/key/generate', (keys, { body }, by) => keys.generate(body, by)],
  ['POST', '/key/update', (keys, { body }, by) => keys.update(body, by)],
  ['POST', '/key/delete', (keys, { body }, by) => keys.delete(body, by)],
  ['POST', '/key/block', (keys, { body }, by) => keys.setBlocked(body, true, by)],
  ['POST', '/key/unblock', (keys, { body }, by) => keys.setBlocked(body, false, by)],
  ['POST', '/key/regenerate', (keys, { body }, by) => regenerate(keys, body, by)],
  ['POST', '/key/:key/regenerate', (keys, { params, body }, by) => keys.regenerate(params.key ?? '', body, by)],
  ['GET', '/key/info', (keys, { query }, by) => keys.info(askedKey(query, by), by)],
  ['GET', '/key/list', (keys, { query }, by) => keys.list(query, by)],
]

/** Keys of the database. Whoever asks is told of, and changes, what is their own. */
export const keyRoutes: readonly ManagementRoute[] = acts.map(([method, path, act]) => ({
  method,
  path,
  audience: 'everybody',
  async handle(request) {
    await demandKnownObjects(request)
    return act(demandTenancy(request.gateway).directory.keys, request, actorOf(request.identity))
  },
}))

/** Without a name a key asks about itself. */
function askedKey({ key }: JsonObject, { keyHash, role }: Actor): string {
  if (typeof key === 'string') return key
  if (keyHash !== undefined && role !== 'proxy_admin') return keyHash
  throw new GatewayError('invalid_request', 'Name the `key` to tell of.', { param: 'key' })
}

function regenerate(keys: Keys, body: unknown, by: Actor): Promise<JsonObject> {
  const { key, ...fields } = isJsonObject(body) ? body : {}
  if (typeof key === 'string') return keys.regenerate(key, fields, by)
  throw new GatewayError('invalid_request', 'Name the `key` to regenerate.', { param: 'key' })
}
