import { type Awaitable, putLatest } from '@tianjillm/core'

/** Remembers what a store has, so that it is rarely asked. */
export interface Ring<Value> {
  /**
   * What is there by that id; undefined when nothing is. At once when it is known and fresh. What was known goes on to
   * hold while the store cannot be asked; rejects when nothing was.
   */
  find(id: string): Awaitable<Value | undefined>
  /** What is known by that id, fresh or not; never asks. */
  known(id: string): Value | undefined
  /** Asks the store again next time, about all; one that is named is not known any more. */
  forget(id?: string): void
}

/** How a ring is made. */
export interface RingSettings<Value> {
  /** Asks the store. */
  readonly load: (id: string) => Promise<Value | undefined>
  /** Milliseconds, of a clock that does not go back. */
  readonly clock: () => number
  /** Milliseconds for which something is known. Default a minute. */
  readonly life?: number
  /** How many are known at one time. Default 100,000; of ids that nothing is there by, a tenth. */
  readonly most?: number
}

/** Milliseconds for which it is known that there is nothing, and for which what was known holds while nobody answers. */
const STRANGER_LIFE = 10_000

interface Known<Value> {
  readonly value: Value
  readonly until: number
}

/** A ring. Many who ask for one id at the same time ask the store once. */
export function createRing<Value extends object>(settings: RingSettings<Value>): Ring<Value> {
  const { load, clock, life = 60_000, most = 100_000 } = settings
  const values = new Map<string, Known<Value>>()
  const strangers = new Map<string, number>()
  const asking = new Map<string, Promise<Value | undefined>>()

  const keep = (id: string, value: Value | undefined) => {
    if (value === undefined) {
      values.delete(id)
      putLatest(strangers, id, clock() + STRANGER_LIFE, most / 10)
    } else {
      strangers.delete(id)
      putLatest(values, id, { value, until: clock() + life }, most)
    }
  }

  const ask = async (id: string) => {
    const before = values.get(id)?.value
    const answer = load(id)
    // Whoever was told to forget meanwhile must not be given what was read before.
    const isWanted = () => asking.get(id) === own
    const own = answer.then(
      (value) => {
        if (isWanted()) keep(id, value)
        return value
      },
      (error) => {
        if (before === undefined) throw error
        if (isWanted()) putLatest(values, id, { value: before, until: clock() + STRANGER_LIFE }, most)
        return before
      },
    )
    asking.set(id, own)
    try {
      return await own
    } finally {
      if (isWanted()) asking.delete(id)
    }
  }

  return {
    find(id) {
      const known = values.get(id)
      if (known !== undefined && known.until > clock()) return known.value
      if ((strangers.get(id) ?? 0) > clock()) return undefined
      return asking.get(id) ?? ask(id)
    },
    known: (id) => values.get(id)?.value,
    forget(id) {
      const books: readonly Map<string, unknown>[] = [strangers, asking]
      for (const book of books) {
        if (id === undefined) book.clear()
        else book.delete(id)
      }
      if (id !== undefined) values.delete(id)
      // Something has changed, but not necessarily these: they stay for the time when nobody answers.
      else for (const [name, { value }] of values) values.set(name, { value, until: 0 })
    },
  }
}
