#!/usr/bin/env node
import { defineCommand, runMain } from 'citty'
import { checkCommand } from './commands/check.ts'
import { demoCommand } from './commands/demo.ts'
import { startCommand } from './commands/start.ts'
import { version } from './version.ts'

const subCommands = { start: startCommand, demo: demoCommand, check: checkCommand }

const command = defineCommand({
  meta: {
    name: 'tianji',
    version,
    description: 'One gateway in front of every model vendor, search engine and MCP server.',
  },
  subCommands,
})

const [first, ...rest] = process.argv.slice(2)
const isForCommand =
  first !== undefined && (first in subCommands || ['--help', '-h', '--version', '-v'].includes(first))
await runMain(command, { rawArgs: isForCommand ? [first, ...rest] : ['start', ...process.argv.slice(2)] })
