// An MCP server over stdio. It starts only when it is tried for the nth time, which it counts in a file.
import { appendFileSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const [, , counter, startsAt = '1'] = process.argv
appendFileSync(counter, '.')
if (readFileSync(counter, 'utf8').length < Number(startsAt)) process.exit(1)

const tools = ['add', 'die'].map((name) => ({ name, description: name, inputSchema: { type: 'object' } }))
const answers = {
  initialize: () => ({
    protocolVersion: '2025-06-18',
    capabilities: { tools: {} },
    serverInfo: { name: 'small', version: '1' },
  }),
  'tools/list': () => ({ tools }),
  'tools/call': ({ name, arguments: { a, b } }) => {
    if (name === 'die') process.exit(1)
    return { content: [{ type: 'text', text: String(a + b) }] }
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line)
  if (id === undefined) continue
  const answer = answers[method]
  const error = { code: -32601, message: 'Method not found' }
  console.log(JSON.stringify({ jsonrpc: '2.0', id, ...(answer ? { result: answer(params) } : { error }) }))
}
