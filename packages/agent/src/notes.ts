import { GatewayError, type JsonObject, type ToolCall } from '@tianjillm/core'
import type { Begun, Setting } from './answer-query.ts'
import { invocationOf } from './invocation.ts'
import { argumentsIn, type ToolRun } from './run-call.ts'
import type { LoopEvent } from './tool-loop.ts'
import type { Toolkit } from './toolkit.ts'

/** What is written down of a query. */
export interface Notes {
  hear(event: LoopEvent): void
  /** Nothing happens any more: calls under way have ended with the query. */
  end(): void
}

/** Has every call of a tool in the log and in the trace, and in the log what else it may have meant. */
export function notesOf(
  { id, spans }: Pick<Begun, 'id' | 'spans'>,
  kit: Toolkit,
  { host: { log, now }, redact }: Pick<Setting, 'host' | 'redact'>,
): Notes {
  const underWay = new Map<ToolCall, number>()

  const writeLine = (toolName: string, input: JsonObject | undefined, facts: JsonObject) => {
    const tool = kit.find(toolName)
    log.info('tool call', {
      ...{ query: id, tool: toolName, server: tool?.server, ...facts },
      arguments: tool && input && redact(input, tool),
    })
  }

  const noteCall = (call: ToolCall) => {
    const { name } = call.function
    underWay.set(call, now())
    const candidates = kit.candidates(name).map((tool) => tool.name)
    if (candidates.length > 1) log.debug('Several tools could have been meant.', { query: id, tool: name, candidates })
  }

  const noteResult = (run: ToolRun) => {
    const { toolName, server, error, durationMs: ms } = invocationOf(run, kit)
    underWay.delete(run.call)
    const size = JSON.stringify(run.result).length
    writeLine(toolName, run.arguments, { ms, outcome: error?.code ?? 'ok', size, error: run.error?.message })
    const endTime = now()
    spans.add({
      ...{ name: `execute_tool ${toolName}`, kind: 'internal', startTime: endTime - ms, endTime },
      attributes: {
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': toolName,
        'gen_ai.tool.type': 'function',
        'gen_ai.tool.call.id': run.call.id,
        'mcp.server.name': server,
      },
      error: run.error ?? (error && new GatewayError('upstream_error', error.message)),
    })
  }

  return {
    hear(event) {
      if (event.type === 'tool_call') noteCall(event.call)
      else if (event.type === 'tool_result') noteResult(event.run)
    },
    end() {
      for (const [{ function: called }, begun] of underWay)
        writeLine(called.name, argumentsIn(called.arguments), { ms: now() - begun, outcome: 'unfinished' })
    },
  }
}
