import type { Store } from './store.ts'

/** How the near store is used. */
export interface TieredStoreSettings {
  /** Milliseconds that a copy stays near at most: others may have forgotten the entry meanwhile. Default a minute. */
  readonly nearLife?: number | undefined
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** A near store before a far one, such as memory before Redis: what was got from afar is near the next time. */
export function tieredStore(near: Store, far: Store, { nearLife = 60_000, now }: TieredStoreSettings): Store {
  return {
    async get(key) {
      const kept = unwrap(await near.get(key), now())
      if (kept !== undefined) return kept.value
      const text = await far.get(key)
      const found = unwrap(text, now())
      if (text === undefined || found === undefined) return undefined
      await near.set(key, text, Math.min(nearLife, found.left))
      return found.value
    },
    async set(key, value, life) {
      const text = `${now() + life} ${value}`
      await Promise.all([near.set(key, text, Math.min(nearLife, life)), far.set(key, text, life)])
    },
    async delete(key) {
      await Promise.all([near.delete(key), far.delete(key)])
    },
    async clear() {
      await Promise.all([near.clear(), far.clear()])
    },
  }
}

/** The value goes with its deadline, for a store does not tell how long an entry has left. */
function unwrap(text: string | undefined, now: number): { readonly value: string; readonly left: number } | undefined {
  const at = text?.indexOf(' ') ?? -1
  if (text === undefined || at === -1) return undefined
  const left = Number(text.slice(0, at)) - now
  return left > 0 ? { value: text.slice(at + 1), left } : undefined
}
