import { setTimeout as pause } from 'node:timers/promises'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import {
  CallToolRequestSchema,
  type CallToolResult,
  ListToolsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js'

/** What happened to calls of a server, for tests that have to know. */
export interface Seen {
  /** Names of tools that were called. */
  readonly called: string[]
  /** Resolves when a call of `wait` was cancelled. */
  readonly cancelled: PromiseWithResolvers<void>
  /** Resolves when a call of `wait` has begun. */
  readonly begun: PromiseWithResolvers<void>
}

export const nothingSeen = (): Seen => ({
  called: [],
  cancelled: Promise.withResolvers(),
  begun: Promise.withResolvers(),
})

/** Tools that every server with these has; `grow` adds one. */
export const someTools: readonly string[] = ['echo', 'wait', 'work', 'ask', 'log', 'refuse', 'grow']

const text = (value: unknown): CallToolResult => ({ content: [{ type: 'text', text: String(value) }] })

/** A server of the revisions up to 2025-11-25, by the first SDK. */
export function olderServer(seen: Seen = nothingSeen(), names: string[] = [...someTools]): Server {
  const server = new Server(
    { name: 'older', version: '1.0.0' },
    { capabilities: { tools: { listChanged: true }, logging: {} }, instructions: 'Be kind.' },
  )
  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => {
    // Two tools a page.
    const start = Number(params?.cursor ?? 0)
    const tools = names.slice(start, start + 2).map((name) => ({ name, inputSchema: { type: 'object' as const } }))
    return start + 2 < names.length ? { tools, nextCursor: String(start + 2) } : { tools }
  })
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    const { name, arguments: given = {} } = params
    seen.called.push(name)
    switch (name) {
      case 'echo':
        return text(given.text)
      case 'wait':
        seen.begun.resolve()
        await new Promise<void>((resolve) => extra.signal.addEventListener('abort', () => resolve()))
        seen.cancelled.resolve()
        return text('cancelled')
      case 'work':
        for (const progress of [1, 2, 3])
          await extra.sendNotification({
            method: 'notifications/progress',
            params: { progressToken: params._meta?.progressToken ?? 0, progress, total: 3 },
          })
        return text('worked')
      case 'slow':
        for (const progress of [1, 2, 3, 4, 5, 6, 7, 8]) {
          await pause(150)
          await extra.sendNotification({
            method: 'notifications/progress',
            params: { progressToken: params._meta?.progressToken ?? 0, progress },
          })
        }
        return text('at last')
      case 'ask': {
        const answer = await server.elicitInput({
          message: 'Your name?',
          requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
        })
        return text(JSON.stringify(answer))
      }
      case 'log':
        await server.sendLoggingMessage({ level: 'info', data: 'hello' })
        return text('logged')
      case 'refuse':
        throw Object.assign(new McpError(-32050, 'not today'), { message: 'not today', data: { day: 'Sunday' } })
      case 'grow':
        names.push('grown')
        await server.sendToolListChanged()
        return text('grown')
      default:
        throw Object.assign(new McpError(-32602, name), { message: `Unknown tool: ${name}` })
    }
  })
  return server
}
