import type { JsonObject } from '@tianjillm/core'

/** How an MCP server is reached. */
export type AgentTransport = 'stdio' | 'sse' | 'http'

/** All of them. */
export const agentTransports: readonly AgentTransport[] = ['stdio', 'sse', 'http']

/** A tool as models are told of it. */
export interface AgentTool {
  /** Of letters, digits, `_` and `-`, 64 at most; no other has it. */
  readonly name: string
  /** What its server calls it; default its name. */
  readonly ownName?: string | undefined
  readonly description: string | undefined
  /** JSON Schema of an object. */
  readonly inputSchema: JsonObject
  /** Name of the server. */
  readonly server: string
  readonly transport: AgentTransport
}

/** Which of the tools. */
export interface ToolSelection {
  /** Those of servers reached this way; undefined: all. */
  readonly transport?: AgentTransport | undefined
}

/** What comes with a call of a tool. */
export interface ToolCallSettings extends ToolSelection {
  readonly signal: AbortSignal
}

/** Where tools are found and run. */
export interface AgentTools {
  list(selection: ToolSelection, signal?: AbortSignal): Promise<readonly AgentTool[]>
  /** Servers of the selection that cannot be used now; asked after `list`. */
  unavailable?(selection: ToolSelection): readonly string[]
  /** Gives a result of `tools/call`. The message of a GatewayError is told to the model; of anything else, that it failed. */
  call(name: string, input: JsonObject, settings: ToolCallSettings): Promise<JsonObject>
  close?(): Promise<void>
}
