import { GatewayError, isGatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import { argumentCheck } from './argument-check.ts'
import { failedResult } from './failure.ts'
import { McpServerError } from './server-error.ts'
import type { Conversation, Health, Offer, RequestOptions, Tool, Upstream } from './upstream.ts'

/** Runs a tool of the gateway's own. Gives a result of `tools/call`; what it throws becomes a failed one. */
export type RunTool = (name: string, input: JsonObject, asking: Asking) => Promise<JsonObject>

/** Who asks for a tool of the gateway's own, and what comes with it. */
export interface Asking extends Pick<RequestOptions, 'signal' | 'onProgress'> {
  /** As the gateway knows them. */
  readonly caller: unknown
}

/** JSON-RPC's codes. https://www.jsonrpc.org/specification#error_object */
const METHOD_NOT_FOUND = -32601
const INVALID_PARAMS = -32602

/** Tools of the gateway itself, as an MCP server that is always there. What they are given fits their input schemas. */
export function createLocalUpstream(name: string, tools: readonly Tool[], run: RunTool): Upstream {
  const health: Health = {
    ...{ status: 'healthy', failure: undefined, healthyAt: undefined, failedAt: undefined, restarts: 0 },
  }
  const known: Offer = Object.freeze({
    ...{ tools, prompts: [], resources: [], resourceTemplates: [] },
    capabilities: { tools: {} },
    instructions: undefined,
  })
  const checks = new Map(tools.map((tool) => [tool.name, argumentCheck(tool.inputSchema)]))

  const callTool = async (params: JsonObject, asking: Asking) => {
    const tool = String(params.name)
    const demandFit = checks.get(tool)
    if (demandFit === undefined) throw new McpServerError(INVALID_PARAMS, `Unknown tool: ${tool}`)
    const given = isJsonObject(params.arguments) ? params.arguments : {}
    try {
      demandFit(given)
      return await run(tool, given, asking)
    } catch (error) {
      if (asking.signal?.aborted) throw error
      return failedResult(isGatewayError(error) ? error : mistakeOf(error))
    }
  }

  return {
    name,
    health,
    known,
    offer: async () => known,
    async open(): Promise<Conversation> {
      return {
        async request(method, params, { signal, onProgress, caller } = {}) {
          if (method !== 'tools/call') throw new McpServerError(METHOD_NOT_FOUND, 'Method not found')
          return callTool(params, { caller, ...(signal && { signal }), ...(onProgress && { onProgress }) })
        },
        close: async () => {},
      }
    },
    onChange: () => () => {},
    close: async () => {},
  }
}

function mistakeOf(cause: unknown): GatewayError {
  return new GatewayError('internal', 'The gateway made a mistake.', { cause })
}
