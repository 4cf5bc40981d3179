import { type CallReport, isJsonObject, type JsonObject, type ToolFacts } from '@tianjillm/core'
import { objectIn } from './answer.ts'
import type { LiveCall } from './call.ts'
import type { Engine } from './engine.ts'
import { asGatewayError } from './gateway-error.ts'
import { guardAnswer, guardBeside, guardReport, guardRequest, guardsOfTools } from './guard.ts'
import type { CallRecord } from './record.ts'
import { told } from './report.ts'

/** A tool of an MCP server, and how it is run. */
export interface ToolTask extends Pick<ToolFacts, 'server' | 'name' | 'costs' | 'logoUrl'> {
  readonly arguments: JsonObject
  /** US dollars for a call that succeeds. */
  readonly cost: number
  /** `guardrails` of the request in whose course it is called. */
  readonly guardrails?: unknown
  /** The arguments without what nobody else shall see. */
  clean(given: JsonObject): JsonObject
  run(given: JsonObject, signal: AbortSignal): Promise<JsonObject>
}

/**
 * A call of a tool on its way through the house: judged, run, its result judged, and reported once. The operation of `call` is
 * `tool`, its model what the tool is called in reports. Rejects with what `run` rejects with, or with GatewayError.
 */
export async function runTool(engine: Engine, call: LiveCall, task: ToolTask, record: CallRecord): Promise<JsonObject> {
  const { reporter, guardrails } = engine
  const asked = { input: { name: task.name, arguments: task.arguments } }
  const report = (result: JsonObject | undefined, error?: CallReport['error']) => {
    const { input } = record.allowed ?? asked
    const base = record.report(call, {
      ...{ stream: false, output: undefined, error, cost: result === undefined || isQuestion(result) ? 0 : task.cost },
      // As the client gave them, they were checked to be an object.
      input: reporter.wantsContent ? { ...input, arguments: task.clean(input.arguments as JsonObject) } : undefined,
    })
    reporter.deliver(guardReport({ ...base, provider: task.server, tool: factsOf(task, result) }, call, record))
  }
  reporter.started(call)
  try {
    const guards = guardsOfTools(guardrails, task.guardrails, record)
    const allowed = await guardRequest(guards, asked, call, record)
    const answer = await guardBeside(guards, allowed, call, record, async (inner) => {
      record.upstreamStartTime = call.now()
      // What judges leave of it has the shape that it had.
      return { type: 'json', value: await task.run(allowed.input.arguments as JsonObject, inner.signal) }
    })
    const result = isQuestion(objectIn(answer)) ? answer : await guardAnswer(guards, answer, allowed, call, record)
    const value = objectIn(result)
    report(value)
    return value
  } catch (cause) {
    report(undefined, told(asGatewayError(cause), engine))
    throw cause
  }
}

/** Whether it is no result yet: the tool wants to know something first. */
function isQuestion({ resultType }: JsonObject): boolean {
  return resultType === 'input_required'
}

function factsOf({ server, name, costs, logoUrl }: ToolTask, result: JsonObject | undefined): ToolFacts {
  return { server, name, costs, logoUrl, hasFailed: result?.isError === true, resultLength: lengthOf(result?.content) }
}

/** Of texts and files, without what is said about them. */
function lengthOf(content: unknown): number {
  const blocks = Array.isArray(content) ? content.filter(isJsonObject) : []
  const parts = blocks.flatMap(({ text, data, resource }) => {
    const { text: inner, blob } = isJsonObject(resource) ? resource : {}
    return [text, data, inner, blob]
  })
  return parts.reduce<number>((sum, part) => (typeof part === 'string' ? sum + part.length : sum), 0)
}
