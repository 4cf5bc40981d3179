import type { JsonObject, Log } from '@tianjillm/core'
import type { Catalog } from './catalog.ts'
import type { Offered } from './stock.ts'
import type { Filter } from './view.ts'

/** Who is served. */
export interface Client {
  /** Tells clients apart whose sessions must be kept apart. */
  readonly id: string
  readonly filter: Filter
  /** Told to servers within the gateway. */
  readonly caller?: unknown
}

/** A tool is about to be run for a client. */
export interface ToolCall {
  readonly client: Client
  readonly tool: Offered
  readonly input: JsonObject
  readonly signal?: AbortSignal | undefined
}

/** Runs a tool with the input as it is handed on, until the signal. Rejects with GatewayError or McpServerError. */
export type RunToolCall = (input: JsonObject, signal?: AbortSignal) => Promise<JsonObject>

/**
 * What is put around each call of a tool, whichever way it came. A GatewayError that is thrown becomes a failed result; an
 * McpServerError of `run` shall be thrown on.
 */
export type AroundTool = (call: ToolCall, run: RunToolCall) => Promise<JsonObject>

/** What serving goes by. */
export interface ServingSettings {
  readonly catalog: Catalog
  readonly log: Log
  /** How the gateway calls itself. */
  readonly info: { readonly name: string; readonly version: string }
  /** At least 32 bytes; with it, what servers keep with a client is bound to that client. */
  readonly stateKey: Uint8Array
  /** Bytes of JSON that a tool's result may have; default 16 MiB. */
  readonly resultLimit?: number | undefined
  /** Takes secrets out of what is said of errors. */
  readonly redact?: ((text: string) => string) | undefined
  readonly around?: AroundTool | undefined
}
