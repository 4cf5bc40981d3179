import type { Awaitable, JsonObject, Usage } from '@tianjillm/core'
import type { AgentErrorCode } from './error-codes.ts'
import type { Attempt } from './provider.ts'
import type { LoopEnd } from './tool-loop.ts'

/** A call of a tool, and what came of it. */
export interface ToolInvocation {
  /** As the model gave it. */
  readonly id: string
  readonly toolName: string
  /** Undefined for a tool that is not there. */
  readonly server: string | undefined
  /** Undefined when they could not be read. */
  readonly arguments: JsonObject | undefined
  /** Of `tools/call`, whole as long as there is room for it. */
  readonly result: JsonObject
  /** Undefined when all went well. */
  readonly error: { readonly code: AgentErrorCode; readonly message: string } | undefined
  readonly durationMs: number
}

/** What came of a query. */
export interface AgentAnswer {
  /** A UUID. */
  readonly id: string
  readonly sessionId: string
  readonly content: string
  /** In the order of the calls. */
  readonly toolCalls: readonly ToolInvocation[]
  /** Name of the provider of the last answer, and of its model as it calls itself. */
  readonly providerUsed: string
  readonly model: string
  /** Of all turns, as far as they told. */
  readonly usage: Usage
  /** All providers that were asked; the last is the one that answered. */
  readonly attempts: readonly Attempt[]
  /** Milliseconds since the epoch, when it was done. */
  readonly timestamp: number
  readonly durationMs: number
  /** `answer`, or the limit that cut it short. */
  readonly end: LoopEnd
}

/** What happens while a query is answered. Turns count from 1 on. */
export type AgentEvent =
  /** A model is about to be asked. Again in the same turn: the one before failed, and what it wrote in it is void. */
  | { readonly type: 'step'; readonly turn: number; readonly provider: string; readonly model: string }
  /** What the model writes, as it comes. */
  | { readonly type: 'delta'; readonly turn: number; readonly text: string }
  | ({ readonly type: 'tool_call'; readonly turn: number } & Pick<
      ToolInvocation,
      'id' | 'toolName' | 'server' | 'arguments'
    >)
  /** In the order they come. */
  | ({ readonly type: 'tool_result'; readonly turn: number } & ToolInvocation)

/** Hears what happens; the query goes on when it is done. */
export type HearEvent = (event: AgentEvent) => Awaitable<void>
