import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { calls, tell, way } from './task.mjs'

const transports = {
  http: ({ url, headers }) => new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }),
  sse: ({ url, headers }) => new SSEClientTransport(new URL(url), { requestInit: { headers } }),
  stdio: (program) => new StdioClientTransport({ ...program, stderr: 'ignore' }),
}

const client = new Client({ name: 'sdk-1', version: '1' })
await client.connect(transports[way.transport](way))
const { tools } = await client.listTools()
const results = await Promise.all(calls.map((call) => client.callTool(call)))
await client.close()
tell(tools, results)
