import type { ServerResponse } from 'node:http'
import type { Transport } from '@modelcontextprotocol/server'
import { createViewServer, type ViewServer } from './server.ts'
import type { Client, ServingSettings } from './serving-settings.ts'
import { createSessions, type SessionLimits } from './sessions.ts'

/** What an endpoint of HTTP with SSE goes by. */
export interface SseSettings extends ServingSettings {
  readonly sessions?: SessionLimits | undefined
  /** Milliseconds between signs of life; default 15,000. */
  readonly keepAlive?: number | undefined
}

/** What becomes of a message: `unknown` when its session is not there, or another's. */
export type Delivery = 'accepted' | 'unknown' | 'malformed'

/** The transport of 2024-11-05: one long answer of events, and messages posted beside it. */
export interface SseEndpoint {
  /**
   * Answers with a stream, whose first event tells where to post: `messagesPath` with the parameter `sessionId`. Rejects
   * with GatewayError `rate_limited`.
   */
  open(outgoing: ServerResponse, who: Client, messagesPath: string): Promise<void>
  /** Hands on a message that was posted. `request` carries the headers it came with. */
  post(sessionId: string, who: Client, message: unknown, request?: Request): Promise<Delivery>
  close(): Promise<void>
}

interface Session {
  readonly serving: ViewServer
  handle(message: unknown, request: Request | undefined): Promise<void>
  close(): Promise<void>
}

/** An endpoint over a catalog. https://modelcontextprotocol.io/specification/2024-11-05/basic/transports */
export function createSseEndpoint(settings: SseSettings): SseEndpoint {
  const { catalog, keepAlive = 15_000 } = settings
  const sessions = createSessions<Session>(settings.sessions)
  let pending: NodeJS.Immediate | undefined
  const endChanges = catalog.onChange(() => {
    pending ??= setImmediate(() => {
      pending = undefined
      for (const { serving } of sessions.all()) serving.tellChanges()
    })
  })

  return {
    async open(outgoing, who, messagesPath) {
      sessions.makeRoom(who.id)
      // Not loaded unless a client still speaks it.
      const { SSEServerTransport } = await import('@modelcontextprotocol/sdk/server/sse.js')
      const transport = new SSEServerTransport(messagesPath, outgoing)
      const serving = createViewServer(settings, who, false)
      const session: Session = {
        serving,
        // What came with a message reaches the server as the SDK's own transports hand it on.
        handle: (message, request) => transport.handleMessage(message, (request && { request }) as never),
        close: () => serving.close(),
      }
      outgoing.setHeader('x-accel-buffering', 'no')
      // The line of the SDK that has this transport is older than the server's, and made of the same parts.
      await serving.server.connect(transport as unknown as Transport)
      sessions.add(transport.sessionId, who.id, session)
      // As long as its stream is open a session is not idle.
      const done = sessions.use(transport.sessionId)
      const signs = setInterval(() => outgoing.write(': keepalive\n\n'), keepAlive).unref()
      outgoing.once('close', () => {
        clearInterval(signs)
        done()
        sessions.remove(transport.sessionId)
      })
    },
    async post(sessionId, who, message, request) {
      const session = sessions.find(sessionId, who.id)
      if (session === undefined) return 'unknown'
      session.serving.become(who)
      try {
        await session.handle(message, request)
        return 'accepted'
      } catch {
        return 'malformed'
      }
    },
    async close() {
      endChanges()
      clearImmediate(pending)
      await sessions.close()
    },
  }
}
