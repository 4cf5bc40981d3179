import { GatewayError } from '@tianjillm/core'
import type { Begun, Setting } from './answer-query.ts'
import { invocationOf } from './invocation.ts'
import type { ToolRun } from './run-call.ts'
import type { LoopEvent } from './tool-loop.ts'
import type { Toolkit } from './toolkit.ts'

/** Has every call of a tool in the log and in the trace, and in the log what else it may have meant. */
export function notesOf(
  { id, spans }: Pick<Begun, 'id' | 'spans'>,
  kit: Toolkit,
  { host: { log, now }, redact }: Pick<Setting, 'host' | 'redact'>,
): (event: LoopEvent) => void {
  const noteCall = (name: string) => {
    const candidates = kit.candidates(name).map((tool) => tool.name)
    if (candidates.length > 1) log.debug('Several tools could have been meant.', { query: id, tool: name, candidates })
  }

  const noteResult = (run: ToolRun) => {
    const { toolName, server, error, durationMs } = invocationOf(run, kit)
    const tool = kit.find(toolName)
    log.info('tool call', {
      ...{ query: id, tool: toolName, server, ms: durationMs, outcome: error?.code ?? 'ok' },
      arguments: tool && run.arguments && redact(run.arguments, tool),
      size: JSON.stringify(run.result).length,
    })
    const endTime = now()
    spans.add({
      ...{ name: `execute_tool ${toolName}`, kind: 'internal', startTime: endTime - durationMs, endTime },
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

  return (event) => {
    if (event.type === 'tool_call') noteCall(event.call.function.name)
    else if (event.type === 'tool_result') noteResult(event.run)
  }
}
