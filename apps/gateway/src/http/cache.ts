import type { AnswerCache } from '@tianjillm/cache'
import { GatewayError, isJsonObject } from '@tianjillm/core'
import type { Gateway } from '../gateway.ts'
import type { ManagementRoute } from './management.ts'

/** Control of the cache. https://docs.litellm.ai/docs/proxy/caching */
export const cacheRoutes: readonly ManagementRoute[] = [
  {
    method: 'GET',
    path: '/cache/ping',
    audience: 'viewer',
    async handle({ gateway }) {
      const isHealthy = await cacheOf(gateway).isHealthy()
      const facts = { ping_response: isHealthy, set_cache_response: isHealthy ? 'success' : 'failure' }
      const status = isHealthy ? 'healthy' : 'unhealthy'
      return Response.json({ status, ...facts }, { status: isHealthy ? 200 : 503 })
    },
  },
  {
    method: 'POST',
    path: '/cache/delete',
    audience: 'admin',
    async handle({ gateway, body }) {
      await cacheOf(gateway).delete(keysIn(body))
      return { status: 'success' }
    },
  },
  {
    method: 'POST',
    path: '/cache/flushall',
    audience: 'admin',
    async handle({ gateway }) {
      await cacheOf(gateway).clear()
      return { status: 'success' }
    },
  },
]

function cacheOf({ engine }: Gateway): AnswerCache {
  if (engine.cache !== undefined) return engine.cache
  throw new GatewayError('invalid_request', 'The gateway keeps no answers. Set litellm_settings.cache: true.')
}

function keysIn(body: unknown): readonly string[] {
  const keys = isJsonObject(body) ? body.keys : undefined
  if (Array.isArray(keys) && keys.every((key) => typeof key === 'string')) return keys
  throw new GatewayError('invalid_request', '`keys` must be a list of texts, as x-litellm-cache-key has them.', {
    param: 'keys',
  })
}
