import { GatewayError, isGatewayError, isJsonObject } from '@tianjillm/core'
import { askable } from './lines.ts'
import { McpServerError } from './server-error.ts'
import type { ServingSettings } from './serving-settings.ts'
import type { Source } from './stock.ts'

const INTERNAL_ERROR = -32603
/** Codes by which one hop speaks of itself. https://modelcontextprotocol.io/specification/2026-07-28/basic */
const firstOfHop = -32099
const lastOfHop = -32020
const MISSING_CAPABILITY = -32021

/** For whom an error is put in words. */
export interface Hearer {
  readonly signal?: AbortSignal | undefined
  /** Whether they say with each request what they can do. */
  readonly isModern?: boolean
}

/** An error of a server, or of the way to it, in words for a client. What became of a GatewayError is its cause. */
export function toldError(
  error: unknown,
  { upstream }: Source,
  { log, redact = (text) => text }: ServingSettings,
  { signal, isModern = false }: Hearer,
): unknown {
  if (signal?.aborted) return error
  if (error instanceof McpServerError) {
    const isOfHop = error.code >= firstOfHop && error.code <= lastOfHop && !(isModern && lacksOfClient(error))
    return isOfHop
      ? new McpServerError(INTERNAL_ERROR, redact(`MCP server ${upstream.name}: ${error.message}`))
      : new McpServerError(error.code, redact(error.message), error.data)
  }
  if (isGatewayError(error)) {
    const cause = new GatewayError(error.kind, redact(error.message), error.facts)
    if (error.kind !== 'upstream_unreachable') return cause
    return new McpServerError(INTERNAL_ERROR, `MCP server unavailable: ${upstream.name}`, undefined, { cause })
  }
  log.error('A request to an MCP server failed by a mistake of ours.', { error, server: upstream.name })
  return new McpServerError(INTERNAL_ERROR, 'The gateway made a mistake.')
}

/** Whether the server misses what only the client could give; the gateway tells it all that the client can. */
function lacksOfClient({ code, data }: McpServerError): boolean {
  if (code !== MISSING_CAPABILITY || !isJsonObject(data) || !isJsonObject(data.requiredCapabilities)) return false
  return Object.keys(data.requiredCapabilities).every((name) => askable.includes(name))
}
