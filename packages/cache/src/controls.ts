import { GatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'

/** What a request may have of the cache. */
export interface Controls {
  readonly mayRead: boolean
  readonly mayKeep: boolean
  /** Milliseconds to keep the answer. */
  readonly life: number | undefined
  /** Milliseconds that an answer may be old. */
  readonly oldest: number
  readonly namespace: string | undefined
}

/** Whether requests use the cache unasked. */
export type CacheMode = 'default_on' | 'default_off'

/**
 * What a request says in `cache` and `caching`, and its client in `Cache-Control`. Undefined when it does not want the
 * cache at all. Throws GatewayError `invalid_request` that names the field. https://docs.litellm.ai/docs/proxy/caching
 */
export function readControls(
  { cache, caching }: JsonObject,
  cacheControl: string | undefined,
  mode: CacheMode,
): Controls | undefined {
  if (cache !== undefined && cache !== null && !isJsonObject(cache)) throw wrong('cache', 'an object')
  if (caching !== undefined && caching !== null && typeof caching !== 'boolean') throw wrong('caching', 'true or false')
  const asked = cache ?? {}
  const wanted = flag(asked, 'use-cache') ?? caching ?? mode === 'default_on'
  const words = cacheControl?.toLowerCase().split(/[\s,]+/) ?? []
  const controls = {
    mayRead: !(flag(asked, 'no-cache') || words.includes('no-cache')),
    mayKeep: !(flag(asked, 'no-store') || words.includes('no-store')),
    life: milliseconds(asked, 'ttl'),
    oldest: milliseconds(asked, 's-maxage') ?? Number.POSITIVE_INFINITY,
    namespace: text(asked, 'namespace'),
  }
  return wanted && (controls.mayRead || controls.mayKeep) ? controls : undefined
}

function flag(cache: JsonObject, name: string): boolean | undefined {
  const value = cache[name] ?? undefined
  if (value === undefined || typeof value === 'boolean') return value
  throw wrong(`cache.${name}`, 'true or false')
}

function milliseconds(cache: JsonObject, name: string): number | undefined {
  const value = cache[name] ?? undefined
  if (value === undefined) return undefined
  if (typeof value === 'number' && value >= 0) return value * 1000
  throw wrong(`cache.${name}`, 'a number of seconds')
}

function text(cache: JsonObject, name: string): string | undefined {
  const value = cache[name] ?? undefined
  if (value === undefined || typeof value === 'string') return value
  throw wrong(`cache.${name}`, 'text')
}

function wrong(param: string, wanted: string): GatewayError {
  return new GatewayError('invalid_request', `\`${param}\` must be ${wanted}.`, { param })
}
