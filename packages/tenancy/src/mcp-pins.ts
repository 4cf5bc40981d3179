import { atOnce } from './at-once.ts'
import type { Rooms } from './rooms.ts'

/** What tools of MCP servers were when they were first seen, or accepted: a mark for each. */
export interface McpPins {
  /** A number for each of these servers that grows with every change; none for those of which nothing is kept. */
  revisions(servers: readonly string[]): Promise<ReadonlyMap<string, number>>
  /** Marks of a server, by tool. */
  all(server: string): Promise<ReadonlyMap<string, string>>
  /** Keeps marks of tools that have none; the first to say what a tool is is believed. */
  add(server: string, marks: ReadonlyMap<string, string>): Promise<void>
  /** Puts marks in place of what is kept, all or none. */
  replace(server: string, marks: ReadonlyMap<string, string>): Promise<void>
}

/** Rows of one statement: databases take only so many parameters. */
const MOST_ROWS = 500

/** The pins of a store. `changed` is told when marks were replaced. */
export function createMcpPins(rooms: Rooms): McpPins {
  const { database } = rooms.store
  const rowsOf = (server: string, marks: ReadonlyMap<string, string>) =>
    inParts([...marks].map(([tool, mark]) => ({ server, tool, mark, version: 1, updated_at: rooms.now() })))
  return {
    async revisions(servers) {
      if (servers.length === 0) return new Map()
      const rows = await database
        .selectFrom('tianji_mcp_pins')
        .select(({ fn }) => ['server', fn.sum('version').as('revision')])
        .where('server', 'in', servers)
        .groupBy('server')
        .execute()
      // PostgreSQL tells sums as texts.
      return new Map(rows.map(({ server, revision }) => [server, Number(revision)]))
    },
    async all(server) {
      const rows = await database
        .selectFrom('tianji_mcp_pins')
        .select(['tool', 'mark'])
        .where('server', '=', server)
        .execute()
      return new Map(rows.map(({ tool, mark }) => [tool, mark]))
    },
    async add(server, marks) {
      for (const rows of rowsOf(server, marks))
        await database
          .insertInto('tianji_mcp_pins')
          .values(rows)
          .onConflict((conflict) => conflict.columns(['server', 'tool']).doNothing())
          .execute()
    },
    replace: (server, marks) =>
      atOnce(rooms, async (inside) => {
        for (const rows of rowsOf(server, marks))
          await inside.store.database
            .insertInto('tianji_mcp_pins')
            .values(rows)
            .onConflict((conflict) =>
              conflict.columns(['server', 'tool']).doUpdateSet(({ ref, eb }) => ({
                mark: ref('excluded.mark'),
                version: eb('tianji_mcp_pins.version', '+', 1),
                updated_at: ref('excluded.updated_at'),
              })),
            )
            .execute()
        await inside.changed()
      }),
  }
}

function inParts<Row>(rows: readonly Row[]): readonly (readonly Row[])[] {
  return Array.from({ length: Math.ceil(rows.length / MOST_ROWS) }, (_, index) =>
    rows.slice(index * MOST_ROWS, (index + 1) * MOST_ROWS),
  )
}
