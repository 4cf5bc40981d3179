// Stands in for the MCP server of examples/database-agent, which is fetched from elsewhere: its tools, and what it says.
import { createInterface } from 'node:readline'

const said = (value: unknown) => ({ content: [{ type: 'text', text: JSON.stringify({ success: true, data: value }) }] })
const names = ['department', 'dept_emp', 'dept_manager', 'employee', 'salary', 'title']
const best = { first_name: 'Arno', last_name: 'Kumaresan', dept_name: 'Sales', amount: 136004 }

const tools: Readonly<Record<string, { readonly needs: string; call(given: Record<string, unknown>): unknown }>> = {
  execute_sql: { needs: 'sql', call: () => ({ statements: [{ rows: [best], count: 1 }] }) },
  search_objects: {
    needs: 'object_type',
    call: ({ object_type: type }) => ({ results: type === 'table' ? names.map((name) => ({ name })) : [] }),
  },
}

const list = Object.entries(tools).map(([name, { needs }]) => ({
  ...{ name, description: `The ${name} of the database.` },
  inputSchema: { type: 'object', properties: { [needs]: { type: 'string' } }, required: [needs] },
}))

const answers: Readonly<Record<string, (params: { name: string; arguments: Record<string, unknown> }) => unknown>> = {
  initialize: () => ({
    protocolVersion: '2025-06-18',
    ...{ capabilities: { tools: {} }, serverInfo: { name: 'staff', version: '1' } },
  }),
  'tools/list': () => ({ tools: list }),
  'tools/call': ({ name, arguments: given }) => said(tools[name]!.call(given)),
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line)
  if (id === undefined) return
  const result = answers[method]?.(params)
  const answer = result === undefined ? { error: { code: -32601, message: 'no' } } : { result }
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...answer })}\n`)
})
