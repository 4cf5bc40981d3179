import { isConflict } from './queries.ts'
import type { Rooms } from './rooms.ts'

/** How often something is tried that others get in the way of. */
const MOST_TRIES = 5

/**
 * Does all of something or, when it rejects, nothing; what has changed is told when it is done. Only the rooms that are
 * handed in may be used inside, for SQLite has one connection. It may be done more than once, when somebody else wants
 * the same rows at the same time. Within another one it is a part of that.
 */
export async function atOnce<Result>(rooms: Rooms, act: (inside: Rooms) => Promise<Result>): Promise<Result> {
  if (rooms.store.database.isTransaction) return act(rooms)
  for (let tries = 1; ; tries++)
    try {
      return await tryOnce(rooms, act)
    } catch (error) {
      if (tries === MOST_TRIES || !isConflict(error)) throw error
    }
}

async function tryOnce<Result>(rooms: Rooms, act: (inside: Rooms) => Promise<Result>): Promise<Result> {
  const { store, changed } = rooms
  const told = new Set<string | undefined>()
  const tell = (keyHash?: string) => {
    told.add(keyHash)
  }
  const result = await store.database
    .transaction()
    .execute((database) => act({ ...rooms, store: { ...store, database }, changed: tell }))
  for (const keyHash of told) await changed(keyHash)
  return result
}
