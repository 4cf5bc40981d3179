import { hash } from 'node:crypto'
import { join, resolve } from 'node:path'
import type { AnswerCache, AnswerCacheSettings, Store } from '@tianjillm/cache'
import type { CacheConfig, Config, Problem } from '@tianjillm/config'
import type { Host } from '@tianjillm/core'
import type { Carry } from './carry.ts'
import { cacheFolder } from './compiled-code.ts'

/** What a cache is made with. */
export interface CacheSurroundings {
  readonly host: Host
  /** What is kept goes on with the next configuration, when nothing about its store has changed. */
  readonly carry: Carry
  /** What relative paths begin at. */
  readonly folder: string
  /** Redis; undefined when there is none, or the configuration is only checked. */
  readonly farStore: Store | undefined
  /** Whether the configuration says where Redis is. */
  readonly hasRedis: boolean
}

type Rooms = typeof import('@tianjillm/cache')

/** LiteLLM's, when a cache by meaning names none. */
const EMBEDDING_MODEL = 'text-embedding-ada-002'
const THRESHOLD = 0.8
const MEBIBYTE = 1024 * 1024

/** The cache of a configuration; undefined when it has none. */
export async function cacheOf(
  config: Config,
  surroundings: CacheSurroundings,
  problems: Problem[],
): Promise<AnswerCache | undefined> {
  if (config.cache === undefined) return undefined
  const rooms = await import('@tianjillm/cache')
  const { cache } = config
  const store = storeOf(cache, rooms, surroundings, problems)
  return rooms.createAnswerCache(settingsOf(cache, rooms, store, scopeOf(config), surroundings))
}

function settingsOf(
  cache: CacheConfig,
  rooms: Rooms,
  store: Store,
  scope: string,
  { host, carry }: CacheSurroundings,
): AnswerCacheSettings {
  const ttl = cache.ttl ?? (cache.type.startsWith('redis') ? cache.farTtl : cache.nearTtl)
  return {
    store,
    scope,
    operations: cache.operations && new Set(cache.operations),
    mode: cache.mode,
    namespace: cache.namespace,
    life: ttl === undefined ? undefined : ttl * 1000,
    sharing: cache.sharedBy,
    semantic: cache.type.endsWith('-semantic') ? semanticOf(cache, rooms, host, carry) : undefined,
    now: clockOf(host),
  }
}

function storeOf(
  { type, nearTtl, folder, maxEntries, maxSizeMb, position }: CacheConfig,
  { memoryStore, diskStore, tieredStore }: Rooms,
  { host, carry, folder: base, farStore, hasRedis }: CacheSurroundings,
  problems: Problem[],
): Store {
  const now = clockOf(host)
  const limits = { maxEntries, maxBytes: maxSizeMb === undefined ? undefined : maxSizeMb * MEBIBYTE, now }
  const fall = (why: string) => {
    problems.push({ severity: 'warning', ...position, path: 'litellm_settings.cache', message: why })
  }
  const memory = (name: string) => carry.take([name, maxEntries, maxSizeMb], () => memoryStore(limits))
  if (type === 'disk') {
    const place = folder === undefined ? cacheFolder(process.env) : resolve(base, folder)
    if (place !== undefined) {
      // Within, for it will belong to the gateway alone.
      const answers = join(place, 'answers')
      const { log } = host
      return carry.take(['disk', answers, maxEntries, maxSizeMb], () => diskStore(answers, { ...limits, log }))
    }
    fall('there is no home for the cache, so it is in memory. Set cache_params.disk_cache_dir.')
  }
  if (type.startsWith('redis')) {
    const nearLife = nearTtl === undefined ? undefined : nearTtl * 1000
    if (farStore !== undefined) return tieredStore(memory('near'), farStore, { nearLife, now })
    if (!hasRedis)
      fall('no Redis is configured, so the cache is in memory. Say where it is, or set cache_params.type: local.')
  }
  return memory('memory')
}

function semanticOf(
  { embedder: model = EMBEDDING_MODEL, similarityThreshold: threshold = THRESHOLD, maxSizeMb }: CacheConfig,
  { createEmbedder, similarAnswers }: Rooms,
  host: Host,
  carry: Carry,
): AnswerCacheSettings['semantic'] {
  const now = clockOf(host)
  const maxBytes = maxSizeMb === undefined ? undefined : maxSizeMb * MEBIBYTE
  return {
    embed: createEmbedder({ model, log: host.log, now }),
    answers: carry.take(['similar', model, threshold, maxSizeMb], () => similarAnswers({ threshold, maxBytes, now })),
  }
}

/** A function of its own, for a store that is carried over must not hold what it was made with. */
function clockOf(host: Host): () => number {
  return () => host.now()
}

/** The same as long as the same requests get the same answers, as far as the configuration has a say in it. */
function scopeOf({ models, searchTools, router, settings }: Config): string {
  const facts = [
    models.map(
      ({ name, provider, model, options, gatewayParams, extraBody, extraHeaders, dropParams, mockResponse }) => [
        ...[name, provider, model, options, gatewayParams, extraBody, extraHeaders, dropParams, mockResponse],
      ],
    ),
    searchTools.map(({ name, provider, options }) => [name, provider, options]),
    [...router.modelGroupAlias],
    settings.dropParams,
  ]
  return hash('sha256', JSON.stringify(facts))
}
