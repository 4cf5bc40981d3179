import { createMCPClient } from '@ai-sdk/mcp'
import { StdioMCPTransport } from '@ai-sdk/mcp/mcp-stdio'
import { calls, tell, way } from './task.mjs'

const { transport, url, headers, ...program } = way
const client = await createMCPClient({
  transport:
    transport === 'stdio' ? new StdioMCPTransport({ ...program, stderr: 'ignore' }) : { type: transport, url, headers },
})
const tools = await client.tools()
const options = { toolCallId: '1', messages: [] }
const results = await Promise.all(calls.map(({ name, arguments: given }) => tools[name].execute(given, options)))
await client.close()
tell(
  Object.keys(tools).map((name) => ({ name })),
  results,
)
