import { describe, expect, test } from 'vitest'
import { formatProblem, readConfig } from '../src/index.ts'

const read = (settings: string) => {
  const { config, problems } = readConfig(`litellm_settings: ${settings}`, { env: () => undefined })
  return { cache: config?.cache, problems: problems.map(formatProblem) }
}

describe('the cache of a configuration', () => {
  test.each(['{}', '{cache: false, cache_params: {type: local}}', '{cache_params: {type: local}}'])(
    'is off with %s',
    (settings) => {
      expect(read(settings)).toEqual({ cache: undefined, problems: [] })
    },
  )

  test('is in Redis when nothing is said', () => {
    expect(read('{cache: true}').cache).toMatchObject({ type: 'redis', mode: 'default_on', sharedBy: 'key' })
  })

  test('has what cache_params say, in LiteLLM’s words', () => {
    const params = `{type: local-semantic, ttl: 30, default_in_memory_ttl: "10", default_in_redis_ttl: 20, namespace: n,
      mode: default_off, supported_call_types: [acompletion, completion, atext_completion, rerank], max_entries: 5,
      max_size_mb: 1.5, shared_by: team, similarity_threshold: 0.7, disk_cache_dir: d,
      redis_semantic_cache_embedding_model: e}`
    expect(read(`{cache: true, cache_params: ${params}}`)).toMatchObject({
      problems: [],
      cache: {
        type: 'local-semantic',
        ttl: 30,
        nearTtl: 10,
        farTtl: 20,
        namespace: 'n',
        mode: 'default_off',
        operations: ['chat', 'chat', 'completion', 'rerank'],
        maxEntries: 5,
        maxSizeMb: 1.5,
        sharedBy: 'team',
        similarityThreshold: 0.7,
        folder: 'd',
        embedder: 'e',
      },
    })
  })

  test('is off, with a warning at its place, when its type is not supported', () => {
    expect(read('{cache: true, cache_params: {type: dsik}}')).toEqual({
      cache: undefined,
      problems: [
        'proxy_config.yaml:1:48: warning: litellm_settings.cache_params.type: is not supported, so nothing is cached. Did you mean disk?',
      ],
    })
  })

  test('notes calls that are not cached here, and warns of those that nobody knows', () => {
    const types = 'supported_call_types: [atranscription, acompletoin, aembedding]'
    expect(read(`{cache: true, cache_params: {type: local, ${types}}}`)).toMatchObject({
      cache: { operations: ['embedding'] },
      problems: [
        expect.stringMatching(/note: .*supported_call_types\[0\]: atranscription is not cached here/),
        expect.stringMatching(/warning: .*supported_call_types\[1\]: .* Did you mean acompletion\?/),
      ],
    })
  })

  test.each([
    'ttl: soon',
    'mode: sometimes',
    'shared_by: nobody',
    'similarity_threshold: 2',
    'max_entries: 0',
    'namespace: 7',
  ])('cannot have %s', (param) => {
    const { problems } = read(`{cache: true, cache_params: {type: local, ${param}}}`)
    expect(problems).toEqual([expect.stringContaining(`error: litellm_settings.cache_params.${param.split(':')[0]}: `)])
  })
})
