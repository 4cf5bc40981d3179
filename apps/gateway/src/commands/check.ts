import { type Config, formatProblem, type Problem } from '@tianjillm/config'
import type { Host } from '@tianjillm/core'
import { createHost } from '@tianjillm/engine'
import { nodeTransport } from '@tianjillm/engine/node'
import type { CommandDef } from 'citty'
import { envProviders } from '../agent/env-providers.ts'
import { equipped } from '../agent/environment.ts'
import { compatibilityText } from '../compatibility.ts'
import { compose } from '../compose.ts'
import { choosesModels, findConfig } from '../config-source.ts'
import { openTokens } from '../jwt.ts'
import { problemsOfKeys } from '../mcp/known-names.ts'
import { readOwnTools } from '../mcp/read-own-tools.ts'
import { readServers } from '../mcp/read-servers.ts'
import { pluginPlaces } from '../plugins.ts'
import { inReadingOrder } from '../problems.ts'
import { createRedactor } from '../redact.ts'
import { secretsOf } from '../secrets.ts'
import { command } from './command.ts'

/** `tianji check`: says all that is wrong with a configuration; exit code 1 when it cannot be served. */
export const checkCommand: CommandDef = command({
  meta: { name: 'check', description: 'Check a configuration; exit code 1 when it has errors' },
  args: {
    config: { type: 'string', alias: 'c', description: 'The file to check', valueHint: 'file' },
    json: { type: 'boolean', description: 'Say it as JSON on standard output, for programs' },
    compat: { type: 'boolean', description: 'Say what means something else here than it does to LiteLLM' },
  },
  async run({ args }) {
    const processHost = createHost()
    const source = findConfig(args.config ?? args._[0], processHost, { compares: args.compat })
    const host = createHost({ env: (name) => source.config?.environment.get(name) ?? processHost.env(name) })
    const transport = nodeTransport()
    const redact = createRedactor(source.config ? secretsOf(source.config, process.env) : [])
    const asked = source.config && envProviders(source.config, host, choosesModels(source))
    const rooms = { host, transport, places: pluginPlaces(source.folder), redact, agentModels: asked?.models }
    const composed = source.config && (await compose(source.config, rooms))
    const problem = source.config && (await openTokens(source.config, host)).problem
    const ofServers = source.config
      ? [
          ...serverProblems(source.config, host),
          ...(await readOwnTools(source.config)).problems,
          ...problemsOfKeys(source.config, source.config.general.databaseUrl !== undefined),
        ]
      : []
    const more = [...(problem ? [problem] : []), ...(asked?.problems ?? [])]
    const problems = inReadingOrder([...source.problems, ...(composed?.problems ?? []), ...more, ...ofServers])
    const counts = countsOf(problems)
    if (args.json) console.log(JSON.stringify({ configuration: source.title, ...counts, problems }, null, 2))
    else {
      if (args.compat) console.log(compatibilityText(source.title, problems))
      else for (const problem of problems) console.error(formatProblem(problem))
      console.log(`${source.title}: ${inWords(counts)}`)
    }
    if (counts.errors > 0) process.exitCode = 1
  },
})

/** Of those of the file, and of the one of the environment. */
function serverProblems(written: Config, host: Host): readonly Problem[] {
  const { config, problems } = equipped(written, host, written.general.masterKey)
  return [...problems, ...readServers(config, host).problems]
}

interface Counts {
  readonly errors: number
  readonly warnings: number
  readonly notes: number
}

function countsOf(problems: readonly Problem[]): Counts {
  const count = (severity: Problem['severity']) => problems.filter((problem) => problem.severity === severity).length
  return { errors: count('error'), warnings: count('warning'), notes: count('note') }
}

function inWords({ errors, warnings, notes }: Counts): string {
  const words = [counted(errors, 'error'), counted(warnings, 'warning')]
  return [...words, ...(notes === 0 ? [] : [counted(notes, 'note')])].join(', ')
}

function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
