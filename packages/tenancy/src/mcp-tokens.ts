import type { JsonObject } from '@tianjillm/core'
import type { Seal, Store } from '@tianjillm/store'

/** What is kept sealed of users at MCP servers, each for one server and one owner: `user:ada`, `key:` and its hash. */
export interface McpTokens {
  /** Undefined when there is nothing, or it was sealed with another secret. */
  find(server: string, owner: string): Promise<JsonObject | undefined>
  save(server: string, owner: string, content: JsonObject): Promise<void>
  remove(server: string, owner: string): Promise<void>
}

/** How it is kept. */
export interface McpTokenRooms {
  readonly store: Store
  readonly seal: Seal
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** The tokens of a store. */
export function createMcpTokens({ store: { database }, seal, now }: McpTokenRooms): McpTokens {
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
      const values = { content: seal.close(JSON.stringify(content), placeOf(server, owner)), updated_at: now() }
      await database
        .insertInto('tianji_mcp_tokens')
        .values({ server, owner, ...values })
        .onConflict((conflict) => conflict.columns(['server', 'owner']).doUpdateSet(values))
        .execute()
    },
    async remove(server, owner) {
      await database.deleteFrom('tianji_mcp_tokens').where('server', '=', server).where('owner', '=', owner).execute()
    },
  }
}

/** Forgets what somebody had at MCP servers, when they are no more: another may come by the same name. */
export async function forgetTokens({ database }: Pick<Store, 'database'>, kind: string, id: string): Promise<void> {
  await database.deleteFrom('tianji_mcp_tokens').where('owner', '=', `${kind}:${id}`).execute()
}

/** A row that is put in another's place opens there for nobody. */
function placeOf(server: string, owner: string): string {
  return JSON.stringify(['tianji_mcp_tokens', server, owner])
}
