import type { CommandDef } from 'citty'
import { agentArguments, MISUSED, misuse, transportIn } from './agent-arguments.ts'
import { command } from './command.ts'

/** `tianji ask`: answers a question by models that use MCP tools. Exit code 1 when that fails, 2 when it is not understood. */
export const askCommand: CommandDef = command(
  {
    meta: { name: 'ask', description: 'Answer a question by a model that uses MCP tools' },
    args: {
      question: { type: 'positional', description: 'In your own words', required: false },
      ...agentArguments,
      session: { type: 'string', alias: 's', description: 'Goes on with this session', valueHint: 'id' },
      provider: { type: 'string', description: 'Who is asked first: a model group, or a provider of the environment' },
      model: { type: 'string', description: 'Another model of that provider' },
    },
    async run({ args }) {
      const content = args._.join(' ')
      const transport = transportIn(args.transport)
      if (transport === false) return
      if (content.trim() === '') return misuse('Which question? tianji ask "What tables are there?"')
      const { ask } = await import('../ask/ask.ts')
      await ask({ ...args, content, transport })
    },
  },
  MISUSED,
)
