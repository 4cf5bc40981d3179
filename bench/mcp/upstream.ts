import { createServer, type IncomingMessage } from 'node:http'
import { parseArgs } from 'node:util'

/** An MCP server of the revision 2026-07-28 that answers from memory, faster than any gateway asks. */
const { values: options } = parseArgs({ options: { port: { type: 'string', default: '0' } } })

const REVISION = '2026-07-28'
const properties = Object.fromEntries(
  Array.from({ length: 8 }, (_, index) => [`field_${index}`, { type: 'string', description: `The field ${index}.` }]),
)
const tools = Array.from({ length: 50 }, (_, index) => ({
  name: `tool_${index}`,
  description: `The tool ${index} of the bench, which says what it was given.`,
  inputSchema: { type: 'object', properties },
}))
const kept = { ttlMs: 60_000, cacheScope: 'private' }
const info = { 'io.modelcontextprotocol/serverInfo': { name: 'bench', version: '1' } }

const results: Readonly<Record<string, object>> = {
  'server/discover': { supportedVersions: [REVISION], capabilities: { tools: {} }, ...kept, _meta: info },
  'tools/list': { tools, ...kept },
  'tools/call': { content: [{ type: 'text', text: 'A reverse proxy takes requests for others. '.repeat(10) }] },
}

const server = createServer(async (incoming, outgoing) => {
  const { id, method } = JSON.parse(await textOf(incoming))
  const result = results[method]
  const answer =
    result === undefined
      ? { error: { code: -32601, message: 'Method not found' } }
      : { result: { resultType: 'complete', ...result } }
  const body = JSON.stringify({ jsonrpc: '2.0', id, ...answer })
  outgoing.writeHead(result === undefined ? 404 : 200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  })
  outgoing.end(body)
})
server.listen(Number(options.port), '127.0.0.1', () => console.log('listening'))

async function textOf(incoming: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of incoming) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}
