import type { GatewayError, JsonObject } from '@tianjillm/core'
import type { AgentEvent, ToolInvocation } from './answer.ts'
import { agentErrorCode } from './error-codes.ts'
import { plainText } from './result-text.ts'
import { argumentsIn, type ToolRun } from './run-call.ts'
import type { LoopEvent } from './tool-loop.ts'
import type { Toolkit } from './toolkit.ts'

/** What is told of what happens in a loop; undefined: nothing. Models are told of where they are asked. */
export function eventOf(event: LoopEvent, kit: Toolkit): AgentEvent | undefined {
  if (event.type === 'tool_result')
    return { type: 'tool_result', turn: event.run.turn, ...invocationOf(event.run, kit) }
  if (event.type !== 'tool_call') return undefined
  const { turn, call } = event
  const { name: toolName, arguments: text } = call.function
  const { server } = kit.find(toolName) ?? {}
  return { type: 'tool_call', turn, id: call.id, toolName, server, arguments: argumentsIn(text) }
}

/** A call as answers tell it. */
export function invocationOf(run: ToolRun, kit: Toolkit): ToolInvocation {
  const { call, arguments: input, result, error, duration: durationMs } = run
  const { name: toolName } = call.function
  const { server } = kit.find(toolName) ?? {}
  return { id: call.id, toolName, server, arguments: input, result, error: errorOf(error, result), durationMs }
}

/** UTF-16 units of what a tool says of its failure. */
const LONGEST = 1_000

function errorOf(error: GatewayError | undefined, result: JsonObject): ToolInvocation['error'] {
  if (error !== undefined) return { code: agentErrorCode(error), message: error.message }
  if (result.isError !== true) return undefined
  return { code: 'EXECUTION_ERROR', message: plainText(result).slice(0, LONGEST).toWellFormed() }
}
