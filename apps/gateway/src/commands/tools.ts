import type { CommandDef } from 'citty'
import { agentArguments, MISUSED, misuse, transportIn } from './agent-arguments.ts'
import { command } from './command.ts'

/** `tianji tools`: lists the tools that models are offered. Exit codes as of `tianji ask`. */
export const toolsCommand: CommandDef = command(
  {
    meta: { name: 'tools', description: 'List the MCP tools that models are offered' },
    args: agentArguments,
    async run({ args }) {
      const transport = transportIn(args.transport)
      if (transport === false) return
      if (args._.length > 0) return misuse(`What is ${args._[0]}?`)
      const { listTools } = await import('../ask/list-tools.ts')
      await listTools({ ...args, transport })
    },
  },
  MISUSED,
)
