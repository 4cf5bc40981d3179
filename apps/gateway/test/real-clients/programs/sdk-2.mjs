import { Client, SSEClientTransport, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { calls, tell, way } from './task.mjs'

const transports = {
  http: ({ url, headers }) => new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }),
  sse: ({ url, headers }) => new SSEClientTransport(new URL(url), { requestInit: { headers } }),
  stdio: (program) => new StdioClientTransport({ ...program, stderr: 'ignore' }),
}

const mode = way.transport === 'sse' ? 'legacy' : 'auto'
const client = new Client({ name: 'sdk-2', version: '1' }, { versionNegotiation: { mode } })
await client.connect(transports[way.transport](way))
const { tools } = await client.listTools()
const results = await Promise.all(calls.map((call) => client.callTool(call)))
await client.close()
tell(tools, results)
