import type { FunctionTool, JsonObject } from '@tianjillm/core'

/** A tool that the gateway offers a model. */
export interface OwnTool {
  readonly definition: FunctionTool
  /** Gives a result of `tools/call`. Undefined when only the client may call it. */
  readonly run: ((input: JsonObject, signal: AbortSignal) => Promise<JsonObject>) | undefined
}
