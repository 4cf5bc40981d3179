import { LRUCache } from 'lru-cache'
import type { Store } from './store.ts'

/** How much a store in memory holds. */
export interface MemoryStoreSettings {
  /** Default 10,000. */
  readonly maxEntries?: number | undefined
  /** Bytes of keys and values, reckoned at two a character. Default 100 MiB. */
  readonly maxBytes?: number | undefined
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** Bytes that an entry takes besides its texts. */
const OVERHEAD = 200

interface Entry {
  readonly value: string
  readonly expires: number
}

/** A store in this process. When it is full, what was not asked for the longest goes first. */
export function memoryStore({ maxEntries = 10_000, maxBytes = 100 * 1024 * 1024, now }: MemoryStoreSettings): Store {
  const entries = new LRUCache<string, Entry>({ max: maxEntries, maxSize: maxBytes })
  return {
    get(key) {
      const entry = entries.get(key)
      if (entry === undefined || entry.expires > now()) return entry?.value
      entries.delete(key)
      return undefined
    },
    set(key, value, life) {
      // One that is too large takes the place of none, but what was there before is not true any more.
      entries.delete(key)
      if (life > 0)
        entries.set(key, { value, expires: now() + life }, { size: OVERHEAD + 2 * (key.length + value.length) })
    },
    delete(key) {
      entries.delete(key)
    },
    clear: () => entries.clear(),
  }
}
