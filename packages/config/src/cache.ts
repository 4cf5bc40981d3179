import { didYouMean, type JsonObject, type OperationName } from '@tianjillm/core'
import { toFlag, toMap, toNumber, toText, toTexts } from './coerce.ts'
import type { CacheConfig, CacheType } from './config.ts'
import type { Source } from './source.ts'

const PATH = ['litellm_settings', 'cache_params'] as const

const types: readonly CacheType[] = ['local', 'disk', 'redis', 'local-semantic', 'redis-semantic']

/** LiteLLM's names of calls, and what they are here. */
const callTypes: Readonly<Record<string, OperationName>> = {
  acompletion: 'chat',
  aembedding: 'embedding',
  amoderation: 'moderation',
  arerank: 'rerank',
  asearch: 'search',
  atext_completion: 'completion',
  chat: 'chat',
  completion: 'chat',
  embedding: 'embedding',
  moderation: 'moderation',
  rerank: 'rerank',
  search: 'search',
  text_completion: 'completion',
}

/** Those whose requests carry files, or that are not served. */
const idleCallTypes = ['atranscription', 'transcription', 'aresponses', 'responses', 'anthropic_messages']

/** The cache of answers, when there shall be one. A type that is not supported is none, with a warning. */
export function readCache(file: JsonObject, source: Source): CacheConfig | undefined {
  const { cache, cache_params } = toMap(file.litellm_settings)
  if (toFlag(cache) !== true) return undefined
  const params = toMap(cache_params)
  const written = toText(params.type)
  const type = written === undefined ? 'redis' : types.find((known) => known === written)
  if (type === undefined) {
    const hint = didYouMean(written ?? '', types) || ` Use ${types.join(', ')}.`
    source.warn([...PATH, 'type'], `is not supported, so nothing is cached.${hint}`)
    return undefined
  }
  return {
    type,
    mode: params.mode === 'default_off' ? 'default_off' : 'default_on',
    operations: readCallTypes(params, source),
    namespace: toText(params.namespace),
    ttl: toNumber(params.ttl),
    nearTtl: toNumber(params.default_in_memory_ttl),
    farTtl: toNumber(params.default_in_redis_ttl),
    similarityThreshold: toNumber(params.similarity_threshold),
    embedder: toText(params.semantic_cache_embedding_model) ?? toText(params.redis_semantic_cache_embedding_model),
    folder: toText(params.disk_cache_dir),
    maxEntries: toNumber(params.max_entries),
    maxSizeMb: toNumber(params.max_size_mb),
    sharedBy: params.shared_by === 'team' || params.shared_by === 'all' ? params.shared_by : 'key',
    position: source.positionOf(written === undefined ? ['litellm_settings', 'cache'] : [...PATH, 'type']),
  }
}

function readCallTypes({ supported_call_types: written }: JsonObject, source: Source): CacheConfig['operations'] {
  if (written === undefined || written === null) return undefined
  return toTexts(written).flatMap((name, index) => {
    const operation = callTypes[name]
    if (operation !== undefined) return [operation]
    const path = [...PATH, 'supported_call_types', index]
    if (idleCallTypes.includes(name)) source.note(path, `${name} is not cached here.`, 'effect')
    else source.warn(path, `${name} cannot be cached.${didYouMean(name, Object.keys(callTypes))}`)
    return []
  })
}
