import { GatewayError, isGatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import { asGatewayError, CallRecord, Cancellation, LiveCall, runTool } from '@tianjillm/engine'
import type { AroundTool, Offered, Source } from '@tianjillm/mcp'
import type { Visitor } from '../inner-call.ts'
import { withoutSecrets } from './argument-secrets.ts'

/** The route that reports have of calls whose visitor came without one. */
const ROUTE = '/mcp'

/**
 * What is around every call of a tool, whichever way it came: limits and budgets of whoever calls, guardrails, the report,
 * and a line in the log. Their request itself has been admitted.
 */
export const aroundTool: AroundTool = async ({ client, tool, input, signal }, run) => {
  // All who are served are visitors.
  const visitor = client.caller as Visitor
  const { gateway, identity, route = ROUTE, traceId, guardrails, hasOwnLog } = visitor
  const { engine, books, admission } = gateway
  const id = engine.host.uuid()
  const model = `MCP: ${tool.publicName}`
  const { metadata, tags } = identity
  const cancellation = new Cancellation()
  const entry = books.enterInner(cancellation)
  const unfollow = cancellation.follow(signal)
  const begun = performance.now()
  let failure: GatewayError | undefined
  try {
    // What it uses is put down to this one object.
    const caller = { ...visitor.caller }
    await admission.ofRequest(identity, { caller, model, models: [], tags }, [], entry)
    const facts = { id, operation: 'tool', model, caller, cancellation, ...(metadata && { metadata }) } as const
    const call = new LiveCall(engine.host, facts)
    const record = new CallRecord({ route, traceId: traceId ?? id, tags }, call)
    const task = {
      ...{ server: tool.source.upstream.name, name: tool.name, arguments: input },
      ...pricing(tool),
      guardrails,
      clean: (given: JsonObject) => withoutSecrets(given, tool.wire.inputSchema, engine.redact),
      run: (given: JsonObject, within: AbortSignal) => run(given, within).catch(asGatewayFailure),
    }
    return await runTool(engine, call, task, record)
  } catch (cause) {
    failure = gateway.redact(asGatewayError(cause))
    // The protocol has its own words for what is not the tool's failure.
    throw protocolError(cause) ?? failure
  } finally {
    unfollow()
    entry.leave()
    if (!hasOwnLog) {
      const took = Math.round((performance.now() - begun) * 10) / 10
      const server = tool.source.upstream.name
      engine.host.log.info('tool call', { id, server, tool: tool.name, ms: took, error: failure?.message })
    }
  }
}

/** What the operator says a call costs. https://docs.litellm.ai/docs/mcp_cost */
function pricing({ name, publicName, source }: Offered): {
  readonly cost: number
  readonly costs: JsonObject | undefined
  readonly logoUrl: string | undefined
} {
  const { costs, logoUrl } = toldOf(source)
  if (costs === undefined) return { cost: 0, costs, logoUrl }
  const byTool = isJsonObject(costs.tool_name_to_cost_per_query) ? costs.tool_name_to_cost_per_query : {}
  const price = [byTool[name], byTool[publicName], costs.default_cost_per_query].find((value) => value != null)
  const cost = Number(price ?? 0)
  return { cost: cost > 0 && Number.isFinite(cost) ? cost : 0, costs, logoUrl }
}

function toldOf({ about = {} }: Source): {
  readonly costs: JsonObject | undefined
  readonly logoUrl: string | undefined
} {
  const { mcp_server_cost_info: costs, logo_url: logoUrl } = about
  return {
    costs: isJsonObject(costs) ? costs : undefined,
    logoUrl: typeof logoUrl === 'string' ? logoUrl : undefined,
  }
}

/** A failure of the protocol in the engine's terms, which keeps what it was. */
function asGatewayFailure(cause: unknown): never {
  if (!(cause instanceof Error) || cause.name !== 'McpServerError') throw cause
  const known = isGatewayError(cause.cause) ? cause.cause : undefined
  throw new GatewayError(known?.kind ?? 'upstream_error', known?.message ?? cause.message, { cause })
}

function protocolError(error: unknown): Error | undefined {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && cause.name === 'McpServerError' ? cause : undefined
}
