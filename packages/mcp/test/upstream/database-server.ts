// A small database behind an MCP server, in a process of its own: over `stdio`, `sse` or `http`. The last two say where.
// With `--harmless` it has no tools but those for the database.

import { DatabaseSync } from 'node:sqlite'
import { Server } from '@modelcontextprotocol/server'
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import type { JsonObject } from '@tianjillm/core'
import { listen, overHttp, overSse } from '@tianjillm/testing-mcp'

const database = new DatabaseSync(':memory:')
database.exec(`
  CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, total REAL);
  INSERT INTO customers VALUES (1, 'Brandywine'), (2, 'Tanglefoot'), (3, 'Quillfeather');
  INSERT INTO orders VALUES (1, 1, 120.5), (2, 2, 4711.25), (3, 2, 88), (4, 3, 930);
  PRAGMA query_only = 1;
`)

interface Tool {
  readonly description: string
  /** Does what servers should not, for tests. */
  readonly isHarmful?: true
  readonly properties: JsonObject
  call(given: JsonObject, signal: AbortSignal): unknown
}

const sql = { sql: { type: 'string', description: 'One SELECT of SQLite.' } }
let meeting = Promise.withResolvers<void>()
let present = 0

const tools: Readonly<Record<string, Tool>> = {
  list_tables: {
    description: 'Names of the tables in the database.',
    properties: {},
    call: () => database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`).all(),
  },
  query: {
    description: 'Rows of a query. Its columns: customers (id, name), orders (id, customer_id, total).',
    properties: sql,
    call: ({ sql }) => database.prepare(String(sql)).all(),
  },
  dump: {
    description: 'All pages of the database.',
    isHarmful: true,
    properties: {},
    call: () => 'page '.repeat(40_000),
  },
  meet: {
    description: 'Waits for another call of it.',
    isHarmful: true,
    properties: { who: { type: 'string' } },
    async call({ who }) {
      const { promise, resolve } = meeting
      present++
      if (present === 2) {
        present = 0
        meeting = Promise.withResolvers()
        resolve()
      }
      await promise
      return `${who} met another.`
    },
  },
  wait: {
    description: 'Never answers.',
    isHarmful: true,
    properties: {},
    call: (_given, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve('given up'))),
  },
  crash: { description: 'Ends the server.', isHarmful: true, properties: {}, call: () => process.exit(1) },
}

const nothing: Tool = {
  description: '',
  properties: {},
  call: () => Promise.reject(new Error('There is no such tool.')),
}

const offered = Object.entries(tools).filter(
  ([, { isHarmful = false }]) => !(isHarmful && process.argv.includes('--harmless')),
)

function createServer(): Server {
  const server = new Server({ name: 'database', version: '1.0.0' }, { capabilities: { tools: {} } })
  server.setRequestHandler('tools/list', () => ({
    tools: offered.map(([name, { description, properties }]) => ({
      ...{ name, description },
      inputSchema: { type: 'object' as const, properties: properties as never, required: Object.keys(properties) },
    })),
  }))
  server.setRequestHandler('tools/call', async ({ params }, { mcpReq }) => {
    const said = (value: unknown) => ({
      content: [{ type: 'text' as const, text: typeof value === 'string' ? value : JSON.stringify(value) }],
    })
    try {
      return said(await (tools[params.name] ?? nothing).call(params.arguments ?? {}, mcpReq.signal))
    } catch (error) {
      return { isError: true, ...said((error as Error).message) }
    }
  })
  return server
}

const transport = process.argv[2]
if (transport === 'stdio') await createServer().connect(new StdioServerTransport())
else {
  const [path, answer] =
    transport === 'sse' ? (['/sse', overSse(createServer)] as const) : (['/mcp', overHttp(createServer)] as const)
  const { port } = await listen(answer)
  console.log(`http://127.0.0.1:${port}${path}`)
}
