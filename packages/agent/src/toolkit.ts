import { isGatewayError, type JsonObject, type Log } from '@tianjillm/core'
import type { CallTool, LoopTool } from './run-call.ts'
import type { AgentTool, AgentTools, ToolSelection } from './tools.ts'
import { unlessAborted } from './unless-aborted.ts'

/** The tools of a query. */
export interface Toolkit {
  readonly tools: readonly LoopTool[]
  readonly callTool: CallTool
  /** The tool that models know by this name. */
  find(name: string): AgentTool | undefined
  /** Tools that a model may have meant by this name; one is no question. */
  candidates(name: string): readonly AgentTool[]
  /** Servers that cannot be used now. */
  readonly unavailable: readonly string[]
}

/** Finds the tools of a query. Rejects as their list does. */
export async function toolkitOf(
  source: AgentTools,
  selection: ToolSelection,
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): Promise<Toolkit> {
  const all = await unlessAborted(signal, () => source.list(selection, signal))
  const known = new Map(all.map((tool) => [tool.name, tool]))
  const checkOf = await checks(known.size > 0)
  return {
    tools: [...known.values()].map(({ name, description, inputSchema }): LoopTool => {
      const { $schema: _dialect, ...parameters } = inputSchema
      const described = { name, ...(description !== undefined && { description }), parameters }
      const demandFit = lenient(checkOf(inputSchema), name, log)
      return { definition: { type: 'function', function: described }, name, demandFit }
    }),
    callTool: (name, input, { signal: until }) => source.call(name, input, { ...selection, signal: until }),
    find: (name) => known.get(name),
    candidates(name) {
      const own = ownName(known.get(name)) ?? name
      return all.filter((tool) => ownName(tool) === own)
    },
    unavailable: source.unavailable?.(selection) ?? [],
  }
}

type Check = (input: JsonObject) => void

/** Compiled once for as long as the schema is there. */
const compiled = new WeakMap<JsonObject, Check>()

/** What it takes to check is loaded when there are tools. */
async function checks(isNeeded: boolean): Promise<(schema: JsonObject) => Check> {
  if (!isNeeded) return () => () => {}
  const { argumentCheck } = await import('@tianjillm/mcp')
  return (schema) => {
    const check = compiled.get(schema) ?? argumentCheck(schema)
    compiled.set(schema, check)
    return check
  }
}

/** A schema that cannot be read is the server's to judge by. */
function lenient(check: Check, tool: string, log: Log): Check {
  return (input) => {
    try {
      check(input)
    } catch (error) {
      if (!isGatewayError(error) || error.kind !== 'misconfigured') throw error
      log.debug('The arguments of a tool were not checked.', { tool, why: error.message })
    }
  }
}

function ownName(tool: AgentTool | undefined): string | undefined {
  return tool?.ownName ?? tool?.name
}
