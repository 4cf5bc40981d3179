import {
  type AgentTool,
  type AgentTools,
  agentError,
  createReach,
  isReached,
  type ToolSelection,
  wayTo,
} from '@tianjillm/agent'
import { GatewayError, inTime, isGatewayError } from '@tianjillm/core'
import type { Client, McpServerError, Source, View } from '@tianjillm/mcp'
import type { Visitor } from '../inner-call.ts'
import { arrivingClient } from '../mcp/client-of.ts'
import type { McpHub, OpenHub } from '../mcp/hub.ts'
import { asksFor } from '../mcp/relevant-tools.ts'

/** What comes with a visitor. */
export interface Circumstances {
  /** What they want to know, where only tools that fit it shall be offered. */
  readonly query?: string | undefined
  /** Of their request, for servers that are told of them. */
  readonly headers?: Headers | undefined
}

/** Times that a server is tried again before the first query goes on without it; it keeps the pauses between them itself. */
const TRIES = 2
const reach = createReach(TRIES)
/** Milliseconds that a query waits for that. */
const DEADLINE = 15_000

const noTools: AgentTools = {
  list: async () => [],
  call: async (name) => {
    throw unknownTool(name)
  },
}

/** The tools that somebody finds at the gateway, as far as their key sees them. */
export function toolsFor(guest: Visitor, { query, headers }: Circumstances = {}): AgentTools {
  // The agent's lines have the calls that never come to a server as well.
  const visitor: Visitor = { ...guest, hasOwnLog: true }
  const { gateway, identity } = visitor
  const { mcp } = gateway
  if (mcp === undefined) return noTools
  let entered: { readonly hub: OpenHub; readonly client: Client } | undefined
  const enter = async () => {
    // It is another way to the same tools.
    identity.demandRoute?.('/mcp')
    if (entered !== undefined) return entered
    const hub = await mcp.open()
    opened.set(mcp, hub)
    entered = { hub, client: arrivingClient(hub, visitor, (name) => headers?.get(name) ?? undefined) }
    return entered
  }
  return {
    async list(selection, signal) {
      const { client, hub } = await enter()
      const { catalog } = hub
      const missing = (await catalog.view(client.filter)).sources.filter((source) => isMissing(source, selection))
      await inTime(DEADLINE, () => Promise.all(missing.map(({ upstream }) => reach(upstream)))).catch(() => {})
      const tools = toolsIn(await catalog.view(client.filter), selection)
      if (query === undefined || mcp.offer.relevance === undefined) return tools
      const describe = (tool: AgentTool) => tool
      const found = await mcp.offer.relevance.find(tools, {
        query,
        describe,
        ...asksFor(visitor),
        ...(signal && { signal }),
      })
      return found.tools
    },
    unavailable(selection) {
      const view = entered?.hub.catalog.peek(entered.client.filter)
      const isWanted = ({ upstream, ...source }: Source) =>
        isReached(source.transport, selection.transport) && view!.unavailable.includes(upstream.name)
      return view === undefined ? [] : view.sources.filter(isWanted).map(({ upstream }) => upstream.name)
    },
    async call(name, input, { signal }) {
      const { client, hub } = await enter()
      const options = { signal, ...(headers && { headers }) }
      return hub.callTool(client, { name, arguments: input }, options).catch((error: unknown) => {
        throw toldFailure(error, name)
      })
    },
  }
}

/** Hubs that somebody has come to. */
const opened = new WeakMap<McpHub, OpenHub>()

/** The hub, as far as the agent has come to it. */
export function openedHub(mcp: McpHub): OpenHub | undefined {
  return opened.get(mcp)
}

function toolsIn(view: View, { transport: wanted }: ToolSelection): readonly AgentTool[] {
  return view.tools.flatMap(({ name, description, inputSchema }) => {
    const found = view.tool(name)
    if (found === undefined || !isReached(found.source.transport, wanted)) return []
    const { source, name: ownName } = found
    const transport = wayTo(source.transport) ?? wanted ?? 'http'
    return [{ name, ownName, description, inputSchema, server: source.upstream.name, transport }]
  })
}

/** Whether it could not be used when it was asked first. */
function isMissing(source: Source, { transport }: ToolSelection): boolean {
  const { health, personal } = source.upstream
  return personal === undefined && health.status !== 'healthy' && isReached(source.transport, transport)
}

const UNKNOWN_TOOL = -32602

/** What a server answers is cleaned of secrets, so models may be told. */
function toldFailure(error: unknown, tool: string): unknown {
  if (isGatewayError(error) || !(error instanceof Error) || error.name !== 'McpServerError') return error
  const { code, cause, message } = error as McpServerError
  if (code === UNKNOWN_TOOL) return unknownTool(tool)
  return new GatewayError(isGatewayError(cause) ? cause.kind : 'upstream_error', message, { cause: error })
}

function unknownTool(name: string): GatewayError {
  return agentError('not_found', 'TOOL_NOT_FOUND', `There is no tool "${name.slice(0, 100)}".`)
}
