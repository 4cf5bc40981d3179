import type { Awaitable } from '@tianjillm/core'
import type { Store } from '@tianjillm/store'
import type { KeyRow } from './keys.ts'

/** Knows the keys of a store, most of them without asking it. */
export interface Keyring {
  /**
   * The key with that hash; undefined when there is none. At once when it is known and fresh. What was known goes on to
   * hold while the store cannot be asked; rejects when nothing was.
   */
  find(keyHash: string): Awaitable<KeyRow | undefined>
  /** Asks the store again next time. */
  forget(keyHash: string): void
}

/** How a keyring is made. */
export interface KeyringSettings {
  readonly store: Store
  /** Milliseconds, of a clock that does not go back. */
  readonly now: () => number
  /** Milliseconds for which a key is known. Default a minute: so long another gateway's change may stay unseen. */
  readonly life?: number
  /** Keys that are known at one time. Default 100,000; of hashes that nobody has a key for, a tenth. */
  readonly most?: number
}

/** Milliseconds for which it is known that there is no such key. */
const STRANGER_LIFE = 10_000

interface Known {
  readonly row: KeyRow | undefined
  readonly until: number
}

/** A keyring over a store. Many who ask for one key at the same time ask the store once. */
export function createKeyring({ store, now, life = 60_000, most = 100_000 }: KeyringSettings): Keyring {
  const keys = new Map<string, Known>()
  const strangers = new Map<string, Known>()
  const asking = new Map<string, Promise<KeyRow | undefined>>()

  const keep = (keyHash: string, row: KeyRow | undefined) => {
    const [book, size, time] = row === undefined ? [strangers, most / 10, STRANGER_LIFE] : [keys, most, life]
    book.delete(keyHash)
    // The oldest: a map keeps the order in which its members came.
    if (book.size >= size) book.delete(book.keys().next().value!)
    book.set(keyHash, { row, until: now() + time })
    if (row === undefined) keys.delete(keyHash)
  }

  const ask = async (keyHash: string) => {
    const before = keys.get(keyHash)
    try {
      const query = store.database.selectFrom('tianji_keys').selectAll().where('key_hash', '=', keyHash)
      const row = await query.executeTakeFirst()
      // Whoever was told to forget it meanwhile must not be given what was read before.
      if (asking.has(keyHash)) keep(keyHash, row)
      return row
    } catch (error) {
      if (before?.row === undefined) throw error
      keys.set(keyHash, { row: before.row, until: now() + STRANGER_LIFE })
      return before.row
    } finally {
      asking.delete(keyHash)
    }
  }

  return {
    find(keyHash) {
      const known = keys.get(keyHash) ?? strangers.get(keyHash)
      if (known !== undefined && known.until > now()) return known.row
      const under = asking.get(keyHash)
      if (under !== undefined) return under
      const answer = ask(keyHash)
      asking.set(keyHash, answer)
      return answer
    },
    forget(keyHash) {
      keys.delete(keyHash)
      strangers.delete(keyHash)
      asking.delete(keyHash)
    },
  }
}
