import type { Session, SessionStore } from './session.ts'

/** What sessions in memory go by. */
export interface MemorySettings {
  /** Milliseconds. */
  readonly now: () => number
  /** Milliseconds after which a session that nobody used is forgotten. */
  readonly idle: number
  /** How many there are at most; the one that nobody used for longest makes way. Default 10,000. */
  readonly most?: number | undefined
  /** UTF-16 units of JSON of all of them at most; likewise. Default 256 Mi. */
  readonly mostLength?: number | undefined
}

/** Sessions in the memory of this process. */
export function createMemorySessions(settings: MemorySettings): SessionStore {
  const { now, idle, most = 10_000, mostLength = 256 * 1024 * 1024 } = settings
  /** Those that were used last stand last. */
  const sessions = new Map<string, { readonly session: Session; readonly length: number }>()
  let total = 0

  const drop = (id: string) => {
    total -= sessions.get(id)?.length ?? 0
    return sessions.delete(id)
  }

  const put = (session: Session) => {
    drop(session.id)
    const { length } = JSON.stringify(session)
    sessions.set(session.id, { session, length })
    total += length
    for (const [id, { session: oldest }] of sessions) {
      if (sessions.size <= most && total <= mostLength && now() - oldest.updatedAt <= idle) return
      drop(id)
    }
  }

  const own = (owner: string, id: string) => {
    const session = sessions.get(id)?.session
    return session?.owner === owner && now() - session.updatedAt <= idle ? session : undefined
  }

  return {
    create: async (session) => put(session),
    find: async (owner, id) => own(owner, id),
    async save(session) {
      if (own(session.owner, session.id)?.version !== session.version) return false
      put({ ...session, version: session.version + 1 })
      return true
    },
    delete: async (owner, id) => own(owner, id) !== undefined && drop(id),
  }
}
