import { GatewayError, inTime, isGatewayError } from '@tianjillm/core'
import {
  type Client,
  callTool,
  createCatalog,
  createUpstream,
  McpServerError,
  type McpServerSettings,
  type Offered,
  type View,
} from '@tianjillm/mcp'
import { agentError } from './error-codes.ts'
import type { AgentHost } from './host.ts'
import { createReach } from './reach.ts'
import type { AgentTool, AgentTools, AgentTransport, ToolSelection } from './tools.ts'
import { isReached, wayTo } from './ways.ts'

/** An MCP server that an agent's tools come from. */
export interface AgentServer extends McpServerSettings {
  /** Default true. */
  readonly enabled?: boolean | undefined
}

/** Times that a server is tried before a query goes on without it; the pauses between double. */
const TRIES = 3
/** Milliseconds that a query waits for servers to say what they offer. */
const DEADLINE = 20_000

/** The tools of these servers. Each is started or dialled when tools are first wanted of it, and kept up until `close`. */
export function createServerTools(
  servers: readonly AgentServer[],
  host: Pick<AgentHost, 'now' | 'log' | 'fetch'>,
): AgentTools {
  const enabled = servers.filter(({ enabled = true }) => enabled)
  const sources = enabled.map((settings) => ({ settings, upstream: createUpstream(settings, host) }))
  const catalog = createCatalog(
    sources.map(({ upstream }) => ({ upstream, pinning: { policy: 'warn', server: upstream.name } })),
    { log: host.log, now: host.now },
  )
  const transports = new Map(enabled.map(({ name, transport: { type } }) => [name, type]))
  const serving = {
    ...{ catalog, log: host.log, info: { name: 'tianjillm', version: '1.0.0' } },
    stateKey: crypto.getRandomValues(new Uint8Array(32)),
  }

  const chosen = ({ transport }: ToolSelection) =>
    sources.filter(({ settings }) => isReached(settings.transport.type, transport)).map(({ upstream }) => upstream)
  const clientFor = (selection: ToolSelection): Client => ({
    id: 'agent',
    filter: { servers: [chosen(selection).map(({ name }) => name)] },
  })
  const toolIn = (view: View, wire: View['tools'][number], wanted: AgentTransport | undefined): AgentTool => {
    // The view has it, for its list has.
    const { name: ownName, source } = view.tool(wire.name) as Offered
    const server = source.upstream.name
    const transport = wayTo(transports.get(server)) ?? wanted ?? 'http'
    return { name: wire.name, ownName, description: wire.description, inputSchema: wire.inputSchema, server, transport }
  }
  const reach = createReach(TRIES)

  return {
    async list(selection) {
      const upstreams = chosen(selection)
      if (upstreams.length === 0) return []
      // Those that are late are there for the next query.
      await inTime(DEADLINE, () => Promise.all(upstreams.map(reach))).catch(() => {})
      const view = await catalog.view(clientFor(selection).filter)
      return view.tools.map((wire) => toolIn(view, wire, selection.transport))
    },
    unavailable: (selection) => [...catalog.peek(clientFor(selection).filter).unavailable],
    async call(name, input, { signal, ...selection }) {
      try {
        return await callTool(serving, clientFor(selection), { name, arguments: input }, { signal })
      } catch (error) {
        throw toldFailure(error)
      }
    },
    close: () => catalog.close(),
  }
}

const UNKNOWN_TOOL = -32602

/** What a server answers may be told. */
function toldFailure(error: unknown): unknown {
  if (isGatewayError(error) || !(error instanceof McpServerError)) return error
  if (isGatewayError(error.cause)) return new GatewayError(error.cause.kind, error.message, { cause: error })
  if (error.code === UNKNOWN_TOOL) return agentError('not_found', 'TOOL_NOT_FOUND', error.message, { cause: error })
  return new GatewayError('upstream_error', error.message, { cause: error })
}
