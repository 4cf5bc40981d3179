import type { JsonObject } from '@tianjillm/core'
import { type Seal, type Store, sql, timeIn } from '@tianjillm/store'

/** What is kept sealed of users at MCP servers, each for one server and one owner: `user:ada`, `key:` and its hash. */
export interface McpTokens {
  /** Undefined when there is nothing, or it was sealed with another secret. */
  find(server: string, owner: string): Promise<JsonObject | undefined>
  save(server: string, owner: string, content: JsonObject): Promise<void>
  remove(server: string, owner: string): Promise<void>
  /**
   * Takes it for so many milliseconds of the database's clock, in which no other `holder` can; false when there is nothing,
   * or another has it. Saving or removing it ends that.
   */
  claim(server: string, owner: string, holder: string, life: number): Promise<boolean>
  /** Gives it back, replaced if `content` is there; false, and nothing changes, when it is not theirs any more. */
  release(server: string, owner: string, holder: string, content?: JsonObject): Promise<boolean>
}

/** How it is kept. */
export interface McpTokenRooms {
  readonly store: Store
  readonly seal: Seal
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** The tokens of a store. */
export function createMcpTokens({ store: { database, dialect }, seal, now }: McpTokenRooms): McpTokens {
  const time = timeIn(dialect)
  const columnsOf = (server: string, owner: string, content: JsonObject) => ({
    content: seal.close(JSON.stringify(content), placeOf(server, owner)),
    updated_at: now(),
  })

  return {
    async find(server, owner) {
      const row = await database
        .selectFrom('tianji_mcp_tokens')
        .select('content')
        .where('server', '=', server)
        .where('owner', '=', owner)
        .executeTakeFirst()
      const json = row && seal.open(row.content, placeOf(server, owner))
      // It was written from a map.
      return json === undefined ? undefined : (JSON.parse(json) as JsonObject)
    },
    async save(server, owner, content) {
      const values = { ...columnsOf(server, owner, content), ...unclaimed }
      await database
        .insertInto('tianji_mcp_tokens')
        .values({ server, owner, ...values })
        .onConflict((conflict) => conflict.columns(['server', 'owner']).doUpdateSet(values))
        .execute()
    },
    async remove(server, owner) {
      await database.deleteFrom('tianji_mcp_tokens').where('server', '=', server).where('owner', '=', owner).execute()
    },
    async claim(server, owner, holder, life) {
      const { numUpdatedRows } = await database
        .updateTable('tianji_mcp_tokens')
        .set({ holder, held_until: sql<number>`${time} + ${life}` })
        .where('server', '=', server)
        .where('owner', '=', owner)
        .where(({ eb, or }) => or([eb('holder', 'is', null), eb('holder', '=', holder), eb('held_until', '<=', time)]))
        .executeTakeFirst()
      return numUpdatedRows > 0n
    },
    async release(server, owner, holder, content) {
      const { numUpdatedRows } = await database
        .updateTable('tianji_mcp_tokens')
        .set({ ...(content && columnsOf(server, owner, content)), ...unclaimed })
        .where('server', '=', server)
        .where('owner', '=', owner)
        .where('holder', '=', holder)
        .executeTakeFirst()
      return numUpdatedRows > 0n
    },
  }
}

const unclaimed = { holder: null, held_until: null }

/** Forgets what somebody had at MCP servers, when they are no more: another may come by the same name. */
export async function forgetTokens({ database }: Pick<Store, 'database'>, kind: string, id: string): Promise<void> {
  await database.deleteFrom('tianji_mcp_tokens').where('owner', '=', `${kind}:${id}`).execute()
}

/** A row that is put in another's place opens there for nobody. */
function placeOf(server: string, owner: string): string {
  return JSON.stringify(['tianji_mcp_tokens', server, owner])
}
