// A process that uses a server over stdio and ends without closing it.
import { createUpstream } from '../../src/upstream/create.ts'
import { anyone } from './peers.ts'

const [server = '', port] = process.argv.slice(2)
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const upstream = createUpstream(
  { name: 'docs', transport: { type: 'stdio', command: process.execPath, args: [server, '--stubborn'], env: {} } },
  { now: Date.now, fetch, log },
)
const conversation = await upstream.open(anyone)
await conversation.request('tools/call', { name: 'spawn', arguments: { port } })
process.stdin.once('data', () => process.exit(0))
