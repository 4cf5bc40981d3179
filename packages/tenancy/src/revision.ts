import type { Store } from '@tianjillm/store'

/** Tells whether somebody, in whatever process, has changed keys, people or budgets. */
export interface Revision {
  /** Tells all others of a change. */
  raise(): Promise<void>
  close(): void
}

/** Milliseconds between two looks. */
const INTERVAL = 1_000

/** Looks once a second, and calls `changed` when something has changed since. A store that does not answer is asked again. */
export function watchRevision({ database }: Store, changed: () => void): Revision {
  let last: number | undefined
  let isLooking = false
  const look = async () => {
    if (isLooking) return
    isLooking = true
    try {
      const { revision } = await database.selectFrom('tianji_revision').select('revision').executeTakeFirstOrThrow()
      if (last !== undefined && revision !== last) changed()
      last = revision
    } catch {
      // What is known holds on for its time.
    } finally {
      isLooking = false
    }
  }
  const timer = setInterval(look, INTERVAL).unref()
  void look()
  return {
    async raise() {
      await database
        .updateTable('tianji_revision')
        .set(({ eb }) => ({ revision: eb('revision', '+', 1) }))
        .execute()
    },
    close: () => clearInterval(timer),
  }
}
