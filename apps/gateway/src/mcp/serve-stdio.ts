import type { Readable, Writable } from 'node:stream'
import type { Problem } from '@tianjillm/config'
import { GatewayError } from '@tianjillm/core'
import { asGatewayError, Cancellation } from '@tianjillm/engine'
import type { Client, Entered } from '@tianjillm/mcp'
import type { Identity } from '../admission/identity.ts'
import type { ConfigSource } from '../config-source.ts'
import type { Gateway } from '../gateway.ts'
import { listenToOthers } from '../generation.ts'
import type { Visitor } from '../inner-call.ts'
import { buildWithoutServer } from '../without-server.ts'
import { clientOf, narrowed } from './client-of.ts'
import { configuredOrigin } from './oauth/origin.ts'

/** Whom the MCP servers of a configuration are served to over two streams, and how. */
export interface StdioServingSettings {
  readonly source: ConfigSource
  /** Default: the operator's. */
  readonly key: string | undefined
  /** Names of servers, access groups and tags; default: all. */
  readonly servers: readonly string[] | undefined
  /** pino's: debug, info (default), warn, error, silent. Standard error gets the lines. */
  readonly logLevel: string | undefined
  readonly input: Readable
  readonly output: Writable
}

/** MCP servers that are served over two streams. */
export interface StdioServing {
  readonly warnings: readonly Problem[]
  /** Resolves when the client has gone. */
  readonly ended: Promise<void>
  /** Ends what is under way, and everything that was started. */
  stop(): Promise<void>
}

/** The route of every request, for keys that may not call all. */
const ROUTE = '/mcp'

/**
 * Serves what a configuration has for MCP clients without listening anywhere. The configuration is read once. Throws
 * ConfigError, or GatewayError when the key may not do this or there is nothing to serve.
 */
export async function serveStdio(settings: StdioServingSettings): Promise<StdioServing> {
  const { source, input, output, logLevel = 'info' } = settings
  const { generation, warnings, close } = await buildWithoutServer(source, logLevel)
  try {
    const { gateway, mcp } = generation
    if (mcp === undefined)
      throw new GatewayError('not_found', `No MCP servers are configured in ${source.title}: see mcp_servers.`)
    const hub = await mcp.open()
    const unknown = settings.servers?.find((name) => !hub.catalog.knows(name))
    if (unknown !== undefined)
      throw new GatewayError('not_found', `There is no MCP server, access group or tag "${unknown}".`)
    const first = clientFor(gateway, await identify(gateway, settings), settings)
    listenToOthers(generation)
    const conversation = hub.converse({ input, output, enter: () => enter(gateway, settings) }, first)
    return {
      warnings,
      ended: conversation.ended,
      async stop() {
        await conversation.close()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Judges each request anew: a key may be blocked, or used up, while its holder is served. */
async function enter(gateway: Gateway, settings: StdioServingSettings): Promise<Entered> {
  const { admission, books } = gateway
  const entry = books.enterInner(new Cancellation())
  try {
    if (!books.isOpen) throw new GatewayError('shutting_down', 'The gateway is shutting down.')
    const identity = await identify(gateway, settings)
    await admission.ofCaller(identity, [], entry)
    return { client: clientFor(gateway, identity, settings), leave: () => entry.leave() }
  } catch (cause) {
    entry.leave()
    throw gateway.redact(asGatewayError(cause))
  }
}

function clientFor(gateway: Gateway, identity: Identity, { servers }: StdioServingSettings): Client {
  const { host } = gateway.engine
  const visitor: Visitor = {
    ...{ gateway, identity, caller: identity.caller, route: ROUTE },
    traceId: host.uuid(),
    // A gateway that is served elsewhere, perhaps over the same database.
    origin: configuredOrigin((name) => host.env(name)),
  }
  return narrowed({ ...clientOf(identity), caller: visitor }, servers)
}

/** Whose the key is. Rejects with GatewayError. */
async function identify({ access }: Gateway, { key }: StdioServingSettings): Promise<Identity> {
  if (key !== undefined) return access.authenticate({ headers: { authorization: `Bearer ${key}` }, url: ROUTE })
  if (access.operator !== undefined) return access.operator
  throw new GatewayError('invalid_api_key', 'No API key. Give one with --key or TIANJI_API_KEY.')
}
