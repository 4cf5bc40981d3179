import { didYouMean } from '@tianjillm/core'
import { defineCommand, runMain } from 'citty'
import { askCommand } from './commands/ask.ts'
import { checkCommand } from './commands/check.ts'
import { demoCommand } from './commands/demo.ts'
import { mcpCommand } from './commands/mcp.ts'
import { schemaCommand } from './commands/schema.ts'
import { startCommand } from './commands/start.ts'
import { toolsCommand } from './commands/tools.ts'
import { version } from './version.ts'

const subCommands = {
  start: startCommand,
  demo: demoCommand,
  mcp: mcpCommand,
  ask: askCommand,
  tools: toolsCommand,
  check: checkCommand,
  schema: schemaCommand,
}

const command = defineCommand({
  meta: {
    name: 'tianji',
    version,
    description: 'One gateway in front of every model vendor, search engine and MCP server.',
  },
  subCommands,
})

/** Does what the arguments of `tianji` say; without a command it starts. */
export async function runCommandLine([first = 'start', ...rest]: readonly string[]): Promise<void> {
  if (Object.hasOwn(subCommands, first) || ['--help', '-h', '--version', '-v'].includes(first))
    await runMain(command, { rawArgs: [first, ...rest] })
  else if (first.startsWith('-')) await runMain(command, { rawArgs: ['start', first, ...rest] })
  else {
    console.error(`There is no command ${first}.${didYouMean(first, Object.keys(subCommands))} See --help.`)
    process.exitCode = 1
  }
}
