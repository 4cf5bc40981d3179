import { type AgentTool, type AgentTransport, createAgent } from '@tianjillm/agent'
import { toolsFor } from '../agent/visitor-tools.ts'
import { toolsBody } from '../agent/wire.ts'
import { printable } from './steps.ts'
import { type AgentArguments, withAgent } from './with-agent.ts'

/** What is listed. */
export interface ToolsArguments extends AgentArguments {
  readonly transport?: AgentTransport | undefined
}

/** Prints the tools, one a line. */
export function listTools({ transport, ...args }: ToolsArguments): Promise<never> {
  return withAgent(args, async ({ visitor, offer, signal, steps, print }) => {
    const { settings, engine } = offer
    const mcp = toolsFor(visitor)
    const agent = await createAgent({ providers: [], mcp, transports: settings.transports, log: engine.host.log })
    const tools = await agent.tools({ transport }, signal)
    steps.end()
    if (args.json) await print(JSON.stringify(toolsBody(tools), null, 2))
    else if (tools.length > 0) await print(printable(tableOf(tools)))
  })
}

/** Letters of a description. */
const LONGEST = 80

function tableOf(tools: readonly AgentTool[]): string {
  const rows = tools.map(({ name, server, transport, description = '' }) => [
    ...[name, `${server}, ${transport}`, firstLine(description)],
  ])
  const width = (column: number) => Math.max(...rows.map((row) => row[column]!.length))
  const [names, servers] = [width(0), width(1)]
  return rows
    .map(([name, server, what]) => `${name!.padEnd(names)}  ${server!.padEnd(servers)}  ${what}`.trimEnd())
    .join('\n')
}

function firstLine(text: string): string {
  const [line = ''] = text.trim().split('\n', 1)
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1).toWellFormed()}…` : line
}
