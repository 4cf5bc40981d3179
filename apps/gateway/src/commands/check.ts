import { formatProblem } from '@tianjillm/config'
import { createHost } from '@tianjillm/engine'
import { nodeTransport } from '@tianjillm/engine/node'
import type { CommandDef } from 'citty'
import { compose } from '../compose.ts'
import { findConfig } from '../config-source.ts'
import { pluginPlaces } from '../plugins.ts'
import { inReadingOrder } from '../problems.ts'
import { command } from './command.ts'

/** `tianji check`: says all that is wrong with a configuration; exit code 1 when it cannot be served. */
export const checkCommand: CommandDef = command({
  meta: { name: 'check', description: 'Check a configuration; exit code 1 when it has errors' },
  args: {
    config: { type: 'string', alias: 'c', description: 'The file to check', valueHint: 'file' },
    json: { type: 'boolean', description: 'Say it as JSON on standard output, for programs' },
  },
  async run({ args }) {
    const host = createHost()
    const source = findConfig(args.config ?? args._[0], host)
    const transport = nodeTransport()
    const composed =
      source.config &&
      (await compose(source.config, { host, transport, places: pluginPlaces(source.folder), redact: (text) => text }))
    const problems = inReadingOrder([...source.problems, ...(composed?.problems ?? [])])
    const errors = problems.filter(({ severity }) => severity === 'error').length
    const warnings = problems.length - errors
    if (args.json) console.log(JSON.stringify({ configuration: source.title, errors, warnings, problems }, null, 2))
    else {
      for (const problem of problems) console.error(formatProblem(problem))
      console.log(`${source.title}: ${count(errors, 'error')}, ${count(warnings, 'warning')}`)
    }
    if (errors > 0) process.exitCode = 1
  },
})

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
