import type { AnswerCache } from '@tianjillm/cache'
import { GatewayError, isJsonObject, parseJson } from '@tianjillm/core'
import type { Gateway } from '../gateway.ts'
import { demandAdmin } from './access.ts'
import { type GatewayApp, type GatewayContext, refuseMethod } from './app.ts'
import { readBody } from './body.ts'

/** Bytes of a list of keys. */
const MOST_BYTES = 1024 * 1024

/** Control of the cache, for the master key. https://docs.litellm.ai/docs/proxy/caching */
export function cacheRoutes(app: GatewayApp, gateway: () => Gateway): void {
  app.all('/cache/ping', async (context) => {
    if (context.req.method !== 'GET') return refuseMethod(context.req.method, 'GET')
    const isHealthy = await (await cacheFor(context, gateway())).isHealthy()
    const facts = { ping_response: isHealthy, set_cache_response: isHealthy ? 'success' : 'failure' }
    return context.json({ status: isHealthy ? 'healthy' : 'unhealthy', ...facts }, isHealthy ? 200 : 503)
  })
  app.all('/cache/delete', async (context) => {
    if (context.req.method !== 'POST') return refuseMethod(context.req.method, 'POST')
    const cache = await cacheFor(context, gateway())
    await cache.delete(keysIn(await readBody(context.env.incoming, MOST_BYTES)))
    return context.json({ status: 'success' })
  })
  app.all('/cache/flushall', async (context) => {
    if (context.req.method !== 'POST') return refuseMethod(context.req.method, 'POST')
    await (await cacheFor(context, gateway())).clear()
    return context.json({ status: 'success' })
  })
}

async function cacheFor({ env }: GatewayContext, { access, engine }: Gateway): Promise<AnswerCache> {
  await demandAdmin(access, env.incoming.headers)
  if (engine.cache !== undefined) return engine.cache
  throw new GatewayError('invalid_request', 'The gateway keeps no answers. Set litellm_settings.cache: true.')
}

function keysIn(body: Buffer): readonly string[] {
  const value = parseJson(body.toString())
  const keys = isJsonObject(value) ? value.keys : undefined
  if (Array.isArray(keys) && keys.every((key) => typeof key === 'string')) return keys
  throw new GatewayError('invalid_request', '`keys` must be a list of texts, as x-litellm-cache-key has them.', {
    param: 'keys',
  })
}
