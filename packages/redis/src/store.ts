import type { Store } from '@tianjillm/cache'
import { Cluster, type Redis as Single } from 'ioredis'
import type { Redis } from './redis.ts'

/** Letters of a value that is still kept. */
const LONGEST = 4 * 1024 * 1024
/** Keys that are looked for, and deleted, in one go. */
const BATCH = 1_000

/**
 * A store that all gateways share that use the same Redis and namespace. Values are kept as they are given, up to
 * `longest` letters. While Redis does not answer it is empty and keeps nothing.
 */
export function createRedisStore(redis: Redis, longest: number = LONGEST): Store {
  const prefix = `${redis.namespace}:cache:`
  return {
    async get(key) {
      return (await redis.ask((client) => client.get(prefix + key))) ?? undefined
    },
    async set(key, value, life) {
      const lifetime = Math.ceil(life)
      if (value.length > longest || !(lifetime > 0)) return
      await redis.ask((client) => client.set(prefix + key, value, 'PX', lifetime))
    },
    async delete(key) {
      await redis.ask((client) => client.unlink(prefix + key))
    },
    async clear() {
      const pattern = `${prefix.replace(/[\\*?[\]]/g, '\\$&')}*`
      const nodes = await redis.ask(async (client) => (client instanceof Cluster ? client.nodes('master') : [client]))
      for (const node of nodes ?? []) await deleteAll(redis, node, pattern)
    },
  }
}

async function deleteAll(redis: Redis, node: Single, pattern: string): Promise<void> {
  let cursor = '0'
  do {
    const found = await redis.ask(() => node.scan(cursor, 'MATCH', pattern, 'COUNT', BATCH))
    if (found === undefined) return
    const [next, keys] = found
    // One by one, for the keys of a cluster's node may be in different slots.
    await redis.ask(() => Promise.all(keys.map((key) => node.unlink(key))))
    cursor = next
  } while (cursor !== '0')
}
