import { MCPServerSSE, MCPServerStdio, MCPServerStreamableHttp } from '@openai/agents'
import { calls, tell, way } from './task.mjs'

const { transport, url, headers, ...program } = way
const requestInit = { headers }
const servers = {
  http: () => new MCPServerStreamableHttp({ url, requestInit }),
  sse: () => new MCPServerSSE({ url, requestInit }),
  stdio: () => new MCPServerStdio(program),
}

const server = servers[transport]()
await server.connect()
const tools = await server.listTools()
const contents = await Promise.all(calls.map(({ name, arguments: given }) => server.callTool(name, given)))
await server.close()
tell(
  tools,
  contents.map((content) => ({ content })),
)
