import { GatewayError } from '@tianjillm/core'
import type { Gateway } from '../gateway.ts'
import { type KnownServer, knownServers } from '../mcp/known-servers.ts'
import { shownEntry } from '../mcp/shown-entry.ts'
import { version } from '../version.ts'
import { type GatewayApp, type GatewayContext, refuseMethod } from './app.ts'

/** What anybody is told of MCP servers, key or not, when the operator wants it. To use one takes a key all the same. */
export function publicMcpRoutes(app: GatewayApp, gateway: () => Gateway): void {
  const answer = (path: string, tell: (context: GatewayContext) => Promise<unknown>) =>
    app.all(path, async (context) => {
      const { method } = context.env.incoming
      return method === 'GET' ? Response.json(await tell(context)) : refuseMethod(String(method), 'GET')
    })
  answer('/public/mcp_hub', async () =>
    (await knownServers(gateway())).filter(({ isPublic }) => isPublic).map(publicFacts),
  )
  answer('/v1/mcp/registry.json', async (context) => {
    const { mcp } = gateway()
    if (!mcp?.offer.hasRegistry)
      throw new GatewayError('not_found', 'There is no registry: see general_settings.enable_mcp_registry.')
    const { origin } = new URL(context.req.url)
    const servers = (await knownServers(gateway())).map((server) => registered(server, origin))
    return {
      servers: [{ server: entryOf('tianjillm', 'All MCP servers of this gateway.', `${origin}/mcp`) }, ...servers],
    }
  })
}

/** Where it really is, is nobody's business. */
function publicFacts({ id, name, entry }: KnownServer): object {
  const { alias = null, description = null, auth_type = null, mcp_info = {} } = shownEntry(entry)
  const transport = 'command' in entry ? 'stdio' : (entry.transport ?? 'http')
  return { server_id: id, server_name: name, name, alias, description, transport, auth_type, mcp_info }
}

function registered({ name, entry: { description } }: KnownServer, origin: string): object {
  return { server: entryOf(name, String(description ?? name), `${origin}/mcp/${encodeURIComponent(name)}`) }
}

/** https://github.com/modelcontextprotocol/registry */
function entryOf(name: string, description: string, url: string): object {
  return { name, title: name, description, version, remotes: [{ type: 'streamable-http', url }] }
}
