import { randomUUID } from 'node:crypto'
import { GatewayError, type JsonObject } from '@tianjillm/core'
import type { McpServerTable, Seal, Store } from '@tianjillm/store'
import type { Selectable } from 'kysely'
import * as v from 'valibot'
import { atOnce } from './at-once.ts'
import { isTaken } from './queries.ts'
import { name, readBody } from './read-body.ts'
import type { Rooms } from './rooms.ts'
import { held } from './rows.ts'

/** An MCP server of a store. */
export interface StoredServer {
  readonly id: string
  /** No other has it. */
  readonly name: string
  /** What a file would say of it, secrets included; undefined when it was sealed with another secret. */
  readonly entry: JsonObject | undefined
  /** Whether everybody may know of it. */
  readonly isPublic: boolean
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly updatedAt: number
  readonly createdBy: string | null
}

/** What of a server is said, and may be changed. */
export interface ServerDraft {
  readonly name: string
  readonly entry: JsonObject
}

/** The MCP servers of a store. What they are reached by is kept sealed. */
export interface McpServers {
  /** All, the oldest first. */
  all(): Promise<readonly StoredServer[]>
  /** Rejects with GatewayError `not_found`. */
  find(id: string): Promise<StoredServer>
  /** Rejects with GatewayError `invalid_request` when there is one of that id or name. */
  create(draft: ServerDraft & { readonly id?: string | undefined }, by: string | null): Promise<StoredServer>
  /** Puts a draft in place of what is known. Rejects as `find` and `create` do, and as `revise` throws. */
  change(id: string, revise: (known: StoredServer) => ServerDraft): Promise<StoredServer>
  delete(id: string): Promise<StoredServer>
  /** From now on everybody may know of these, and of no others. Rejects with GatewayError `not_found`. */
  publish(ids: readonly string[]): Promise<void>
}

/** How they are kept. */
export interface McpServerRooms {
  readonly store: Store
  readonly seal: Seal
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Told after every change. */
  readonly changed: () => Promise<void>
}

/** The MCP servers of a store. */
export function createMcpServers({ store, seal, now, changed }: McpServerRooms): McpServers {
  const rooms: Rooms = { store, now, changed }
  const opened = (row: Row): StoredServer => ({
    id: row.server_id,
    name: row.server_name,
    entry: parsed(seal.open(row.entry, placeOf(row.server_id))),
    isPublic: row.is_public === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    createdBy: row.created_by,
  })
  const columnsOf = (id: string, draft: ServerDraft) => ({
    server_name: draft.name,
    entry: seal.close(JSON.stringify(draft.entry), placeOf(id)),
    updated_at: now(),
  })
  return {
    async all() {
      const rows = await store.database
        .selectFrom('tianji_mcp_servers')
        .selectAll()
        .orderBy('created_at')
        .orderBy('server_id')
        .execute()
      return rows.map(opened)
    },
    find: async (id) => opened(await demandServer(store, id)),
    create: ({ id = randomUUID(), ...draft }, by) =>
      atOnce(rooms, async (inside) => {
        await inside.store.database
          .insertInto('tianji_mcp_servers')
          .values({ server_id: id, ...columnsOf(id, draft), created_at: now(), created_by: by })
          .execute()
          .catch(whenTaken)
        await inside.changed()
        return opened(await demandServer(inside.store, id))
      }),
    change: (id, revise) =>
      atOnce(rooms, async (inside) => {
        const draft = revise(opened(await demandServer(inside.store, id, true)))
        await inside.store.database
          .updateTable('tianji_mcp_servers')
          .set(columnsOf(id, draft))
          .where('server_id', '=', id)
          .execute()
          .catch(whenTaken)
        await inside.changed()
        return opened(await demandServer(inside.store, id))
      }),
    delete: (id) =>
      atOnce(rooms, async (inside) => {
        const row = await demandServer(inside.store, id, true)
        await inside.store.database.deleteFrom('tianji_mcp_servers').where('server_id', '=', id).execute()
        await inside.changed()
        return opened(row)
      }),
    publish: (ids) =>
      atOnce(rooms, async (inside) => {
        const { database } = inside.store
        await database.updateTable('tianji_mcp_servers').set({ is_public: 0 }).where('is_public', '=', 1).execute()
        for (const id of ids) {
          await demandServer(inside.store, id)
          await database.updateTable('tianji_mcp_servers').set({ is_public: 1 }).where('server_id', '=', id).execute()
        }
        await inside.changed()
      }),
  }
}

type Row = Selectable<McpServerTable>

const named = v.strictObject({ server_id: name })

async function demandServer({ database, dialect }: Store, id: string, isHeld = false): Promise<Row> {
  // A database cannot be asked for just any text.
  readBody(named, { server_id: id })
  const found = database.selectFrom('tianji_mcp_servers').selectAll().where('server_id', '=', id)
  const row = await held(found, dialect, isHeld ? 'still' : undefined).executeTakeFirst()
  if (row === undefined) throw new GatewayError('not_found', 'There is no such MCP server.', { param: 'server_id' })
  return row
}

function placeOf(id: string): string {
  return `tianji_mcp_servers/${id}`
}

/** It was written from a map. */
function parsed(json: string | undefined): JsonObject | undefined {
  return json === undefined ? undefined : (JSON.parse(json) as JsonObject)
}

function whenTaken(error: unknown): never {
  if (!isTaken(error)) throw error
  const param = error instanceof Error && error.message.includes('server_name') ? 'server_name' : 'server_id'
  throw new GatewayError('invalid_request', `\`${param}\`: there is an MCP server with it already.`, { param })
}
