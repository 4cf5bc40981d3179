import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { createMcpHandler, Server, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import { type AuthorizationServer, ended, type GivenToken, listening } from './authorization-server.ts'

/** How a protected server behaves; can be changed while it runs. */
export interface ProtectedBehaviour {
  /** Of its metadata; undefined: it has none. */
  resource?: string | undefined
  scopes?: readonly string[] | undefined
  /** In what it says when it refuses. */
  challengeScope?: string | undefined
  /** Calls without this scope are refused with 403. */
  callScope?: string | undefined
  /** Who gives out its tokens. */
  authorities: readonly string[]
}

/** An MCP server that wants tokens. Its tools are `whoami`, and one that has the name of the user: `of_ada`. */
export interface ProtectedServer {
  readonly url: string
  readonly behaviour: ProtectedBehaviour
  /** Tokens that came, in order; empty when there was none. */
  readonly tokens: readonly string[]
  close(): Promise<void>
}

/** Starts one that takes the tokens of this authorization server. `era` is the protocol it speaks. */
export async function protectedServer(
  authority: AuthorizationServer,
  { era = 'modern', ...behaviour }: Partial<ProtectedBehaviour> & { readonly era?: 'modern' | 'legacy' } = {},
): Promise<ProtectedServer> {
  const tokens: string[] = []
  let origin = ''
  let how: ProtectedBehaviour

  const serve = async (given: GivenToken, request: Request): Promise<Response> => {
    if (era === 'modern') return createMcpHandler(() => toolsOf(given), { legacy: 'reject' }).fetch(request)
    const transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: undefined })
    await toolsOf(given).connect(transport)
    return transport.handleRequest(request)
  }

  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const { pathname } = new URL(incoming.url ?? '/', origin)
    if (pathname === '/.well-known/oauth-protected-resource/mcp' && how.resource !== undefined) {
      const { resource, authorities, scopes } = how
      const body = { resource, authorization_servers: authorities, ...(scopes && { scopes_supported: scopes }) }
      outgoing.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      return
    }
    if (pathname !== '/mcp') return void outgoing.writeHead(404).end()
    const token = incoming.headers.authorization?.slice('Bearer '.length) ?? ''
    tokens.push(token)
    const body = Buffer.concat(await Array.fromAsync(incoming)).toString()
    const metadata =
      how.resource === undefined ? '' : `, resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`
    const refuse = (status: number, error: string, scope: string | undefined) =>
      void outgoing
        .writeHead(status, {
          'www-authenticate': `Bearer error="${error}"${metadata}${scope === undefined ? '' : `, scope="${scope}"`}`,
        })
        .end()
    const given = authority.given(token)
    if (given === undefined) return refuse(401, 'invalid_token', how.challengeScope)
    const isCall = body.includes('"tools/call"')
    if (isCall && how.callScope !== undefined && !given.scope?.split(' ').includes(how.callScope))
      return refuse(403, 'insufficient_scope', how.callScope)
    const headers = incoming.headers as Record<string, string>
    const method = incoming.method!
    const request = new Request(`${origin}/mcp`, { method, headers, ...(method === 'POST' && { body }) })
    const response = await serve(given, request)
    outgoing.writeHead(response.status, Object.fromEntries(response.headers))
    if (response.body === null) outgoing.end()
    else
      Readable.fromWeb(response.body as never)
        .on('error', () => {})
        .pipe(outgoing)
  }

  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing))
  origin = await listening(server)
  how = { resource: `${origin}/mcp`, authorities: [authority.url], ...behaviour }
  return { url: `${origin}/mcp`, behaviour: how, tokens, close: () => ended(server) }
}

function toolsOf({ user }: GivenToken): Server {
  const server = new Server({ name: 'protected', version: '1' }, { capabilities: { tools: {} } })
  server.setRequestHandler('tools/list', () => ({
    tools: ['whoami', `of_${user}`].map((name) => ({ name, inputSchema: { type: 'object' as const } })),
  }))
  server.setRequestHandler('tools/call', () => ({ content: [{ type: 'text' as const, text: user }] }))
  return server
}
