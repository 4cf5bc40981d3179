import { didYouMean } from '@tianjillm/core'

/** Arguments of every command of the agent. */
export const agentArguments = {
  config: { type: 'string', alias: 'c', description: 'proxy_config.yaml of LiteLLM or TianjiLLM', valueHint: 'file' },
  key: {
    type: 'string',
    alias: 'k',
    description: 'Whose models, tools and limits (TIANJI_API_KEY, else the operator)',
  },
  transport: {
    type: 'string',
    description: 'Tools of servers alone that are reached by stdio, sse or http',
    valueHint: 'name',
  },
  json: { type: 'boolean', description: 'What the API would answer, on standard output' },
  'log-level': { type: 'string', description: 'debug, info, warn, error or silent (silent)', valueHint: 'level' },
} as const

/** Exit code of a command that was not understood. */
export const MISUSED = 2

const transports = ['stdio', 'sse', 'http'] as const

/** The transport that is wanted, undefined for any; false when there is none of that name, which is told. */
export function transportIn(written: string | undefined): (typeof transports)[number] | undefined | false {
  const known = transports.find((transport) => transport === written)
  if (written === undefined || known !== undefined) return known
  misuse(`There is no transport ${written}.${didYouMean(written, transports)} There are: ${transports.join(', ')}.`)
  return false
}

/** Says what was not understood. */
export function misuse(message: string): void {
  console.error(`${message} See --help.`)
  process.exitCode = MISUSED
}
