// The fixture in a process of its own: `older` or `newer`, over `http`, `sse` or `stdio`. The first two say where.

import { createMcpHandler } from '@modelcontextprotocol/server'
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio'
import { type Answer, answerBy, listen, overHttp, overSse } from '@tianjillm/testing-mcp'
import { type Changing, createFixture } from './fixture.ts'

const [era, transport] = process.argv.slice(2)

if (transport === 'http') await serve('/mcp', era === 'newer' ? newerHttp() : overHttp(createFixture()))
else if (transport === 'sse') await serve('/sse', overSse(createFixture()))
else if (era === 'newer') serveStdio(createFixture(), { legacy: 'reject' })
else await createFixture()().connect(new StdioServerTransport())

async function serve(path: string, answer: Answer): Promise<void> {
  const { port } = await listen(answer)
  console.log(`http://127.0.0.1:${port}${path}`)
}

function newerHttp(): Answer {
  const tell = (list: Changing) => (list === 'tools' ? handler.notify.toolsChanged() : handler.notify.promptsChanged())
  const handler = createMcpHandler(createFixture(tell), { legacy: 'reject' })
  return answerBy((request) => handler.fetch(request))
}
