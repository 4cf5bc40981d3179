// The fixture in a process of its own: `older` or `newer`, over `http`, `sse` or `stdio`. The first two say where.

import { randomUUID } from 'node:crypto'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import { createMcpHandler, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio'
import { type Answer, answerBy, listen } from '@tianjillm/testing-mcp'
import { type Changing, createFixture } from './fixture.ts'

const [era, transport] = process.argv.slice(2)

if (transport === 'http') await serve('/mcp', era === 'newer' ? newerHttp() : olderHttp())
else if (transport === 'sse') await serve('/sse', olderSse())
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

function olderHttp(): Answer {
  const fixture = createFixture()
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()
  return answerBy(async (request) => {
    const id = request.headers.get('mcp-session-id')
    if (id !== null) return sessions.get(id)?.handleRequest(request) ?? new Response('gone', { status: 404 })
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => void sessions.set(session, transport),
    })
    await fixture().connect(transport)
    return transport.handleRequest(request)
  })
}

function olderSse(): Answer {
  const fixture = createFixture()
  const sessions = new Map<string, SSEServerTransport>()
  return async (incoming, outgoing) => {
    if (incoming.method === 'POST') {
      const { searchParams } = new URL(incoming.url ?? '/', 'http://localhost')
      const known = sessions.get(searchParams.get('sessionId') ?? '')
      if (known === undefined) outgoing.writeHead(404).end()
      else await known.handlePostMessage(incoming, outgoing)
      return
    }
    const transport = new SSEServerTransport('/messages', outgoing)
    sessions.set(transport.sessionId, transport)
    // The transport is of the first SDK, the server of the second; they meet in the same few methods.
    await fixture().connect(transport as never)
  }
}
