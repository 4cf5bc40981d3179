// A question that takes a tool. The model is the mock, which plays a script: put another provider in its place.
import { createAgent } from '@tianjillm/agent'
import { connect } from '@tianjillm/engine'
import { mock } from '@tianjillm/provider-mock'

const script = [{ tool_calls: [{ function: { name: 'sums-get-sum', arguments: { a: 17, b: 25 } } }] }, 'It is 42.']
const args = ['-y', '@modelcontextprotocol/server-everything']

const agent = await createAgent({
  providers: [{ name: 'mock', model: 'any', chat: connect(mock, { mockResponse: script }).chat }],
  mcp: [{ name: 'sums', transport: { type: 'stdio', command: 'npx', args, env: {} } }],
})
const { content, toolCalls, sessionId } = await agent.query('What is 17 plus 25?')
console.log(content, toolCalls[0]?.result.content)
console.log((await agent.query('Are you sure?', { sessionId })).content)
await agent.close()
