import type { ChatMessage, JsonObject } from '@tianjillm/core'
import type { Store } from '@tianjillm/store'

/** A conversation with the agent. Times in milliseconds since the epoch. */
export interface SessionRecord {
  /** A UUID. */
  readonly id: string
  readonly owner: string
  readonly createdAt: number
  readonly updatedAt: number
  readonly messages: readonly ChatMessage[]
  readonly context: JsonObject
  readonly providerPreference: string | undefined
  /** Of the messages, that are kept. */
  readonly maxMessages: number
  /** How often it was saved. */
  readonly version: number
}

/** Conversations in a store; to anybody but its owner one is unknown, as is one that nobody used for too long. */
export interface Sessions {
  create(session: SessionRecord): Promise<void>
  find(owner: string, id: string): Promise<SessionRecord | undefined>
  /** False, and nothing is saved, when it is not of this version any more; it has the next one from then on. */
  save(session: SessionRecord): Promise<boolean>
  /** Whether there was one. */
  delete(owner: string, id: string): Promise<boolean>
  /** Forgets those that nobody used for too long. Gives how many there were. */
  prune(): Promise<number>
}

/** How they are kept. */
export interface SessionRooms {
  readonly store: Store
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds after which one is forgotten that nobody used. */
  readonly idle: number
}

/** The conversations of a store. */
export function createSessions({ store: { database }, now, idle }: SessionRooms): Sessions {
  const since = () => now() - idle
  return {
    async create(session) {
      await database
        .insertInto('tianji_sessions')
        .values({ session_id: session.id, owner: session.owner, created_at: session.createdAt, ...columnsOf(session) })
        .execute()
    },
    async find(owner, id) {
      const row = await database
        .selectFrom('tianji_sessions')
        .selectAll()
        .where('session_id', '=', id)
        .where('owner', '=', owner)
        .where('updated_at', '>=', since())
        .executeTakeFirst()
      return (
        row && {
          ...{ id, owner, createdAt: row.created_at, updatedAt: row.updated_at, version: row.version },
          // They were written from those.
          messages: JSON.parse(row.messages) as readonly ChatMessage[],
          context: JSON.parse(row.context) as JsonObject,
          providerPreference: row.provider_preference ?? undefined,
          maxMessages: row.max_messages,
        }
      )
    },
    async save(session) {
      const { numUpdatedRows } = await database
        .updateTable('tianji_sessions')
        .set({ ...columnsOf(session), version: session.version + 1 })
        .where('session_id', '=', session.id)
        .where('owner', '=', session.owner)
        .where('version', '=', session.version)
        .where('updated_at', '>=', since())
        .executeTakeFirst()
      return numUpdatedRows > 0n
    },
    async delete(owner, id) {
      const { numDeletedRows } = await database
        .deleteFrom('tianji_sessions')
        .where('session_id', '=', id)
        .where('owner', '=', owner)
        .where('updated_at', '>=', since())
        .executeTakeFirst()
      return numDeletedRows > 0n
    },
    async prune() {
      const { numDeletedRows } = await database
        .deleteFrom('tianji_sessions')
        .where('updated_at', '<', since())
        .executeTakeFirst()
      return Number(numDeletedRows)
    },
  }
}

function columnsOf({ updatedAt, messages, context, providerPreference, maxMessages, version }: SessionRecord) {
  return {
    updated_at: updatedAt,
    messages: JSON.stringify(messages),
    context: JSON.stringify(context),
    provider_preference: providerPreference ?? null,
    max_messages: maxMessages,
    version,
  }
}
