// An MCP server without an SDK, which does to order what servers should not. `--strict` ends at words before
// `initialize`, `--mute` does not answer them, `--stubborn` ignores the end of its input and SIGTERM, `--broken` ends at once.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const has = (flag: string) => process.argv.includes(flag)
if (has('--broken')) process.exit(1)
if (has('--stubborn')) {
  process.on('SIGTERM', () => {})
  setInterval(() => {}, 1000)
}
process.stdout.write('Welcome!\n')
process.stderr.write(`I say ${'a'.repeat(3000)}\n`)

const answer = (id: unknown, result: unknown) =>
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`)
const text = (value: unknown) => ({ content: [{ type: 'text', text: String(value) }] })

/** A process of this process that holds a line open to the test, and ends at nothing but SIGKILL. */
const grandchild = (port: unknown) => {
  const code = `process.on('SIGTERM', () => {}); require('node:net').connect(${port}, '127.0.0.1').on('error', () => process.exit())`
  spawn(process.execPath, ['-e', code], { stdio: 'inherit' })
}

const tools: Record<string, (given: Record<string, unknown>, id: unknown) => void> = {
  die: () => process.exit(1),
  wait: () => {},
  spawn: ({ port }, id) => {
    grandchild(port)
    answer(id, text('spawned'))
  },
  environment: (_given, id) => answer(id, text(Object.keys(process.env).sort().join(' '))),
  pid: (_given, id) => answer(id, text(process.pid)),
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line)
  if (method === 'initialize') {
    const capabilities = { tools: {} }
    answer(id, { protocolVersion: '2025-06-18', capabilities, serverInfo: { name: 'raw', version: '1' } })
  } else if (method === 'tools/list')
    answer(id, { tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' } })) })
  else if (method === 'tools/call') tools[params.name]?.(params.arguments ?? {}, id)
  else if (id !== undefined && has('--strict')) process.exit(1)
  else if (id !== undefined && !has('--mute'))
    process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } })}\n`)
})
