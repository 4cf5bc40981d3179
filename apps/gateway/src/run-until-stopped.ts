import { formatProblem } from '@tianjillm/config'
import type { ListenArguments } from './commands/arguments.ts'
import type { ConfigSource } from './config-source.ts'
import { greeting, type ServingFacts } from './greeting.ts'
import { ConfigError, type Started, type StartSettings, start } from './start.ts'
import { stopDeadline } from './stop-deadline.ts'

/**
 * Starts a gateway, says so, reads its configuration again at SIGHUP, and stops it in good order at SIGTERM or SIGINT.
 * Sets exit code 1 when it cannot start.
 */
export async function runUntilStopped(read: () => ConfigSource, args: ListenArguments): Promise<void> {
  try {
    const source = read()
    const started = await start({ ...settingsOf(source, args), reread: read })
    const facts = factsOf(started, source)
    // Before anything is said: whoever reads it may send a signal at once.
    stopOnSignal(started)
    process.on('SIGHUP', () => void started.reload?.('SIGHUP'))
    for (const warning of facts.warnings) console.error(warning)
    console.log(greeting(facts))
  } catch (error) {
    console.error(explain(error))
    process.exitCode = 1
  }
}

/** Arguments and environment as a gateway is started with them. Throws when the port is none. */
export function settingsOf(source: ConfigSource, args: ListenArguments): StartSettings {
  const port = portOf(args.port ?? (process.env.PORT || process.env.API_PORT || undefined))
  return {
    source,
    host: args.host ?? (process.env.API_HOST || undefined),
    port,
    logLevel: args['log-level'] ?? process.env.LOG_LEVEL,
  }
}

/** What is told of a gateway that has started. */
export function factsOf({ url, models, isOpen, warnings }: Started, { title }: ConfigSource): ServingFacts {
  return { url, title, models, isOpen, warnings: warnings.map(formatProblem) }
}

function portOf(value: string | undefined): number {
  const port = Number(value ?? 4000)
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port
  throw new Error(`The port must be a number from 0 to 65535, not "${value}".`)
}

/** Why a gateway could not start, in words for its operator. */
export function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.message
  const { code } = error as { readonly code?: unknown }
  if (code === 'EADDRINUSE') return 'The port is taken. Choose another with --port, or stop the program that has it.'
  if (code === 'EACCES') return 'Listening on this port is not allowed. Choose one above 1023 with --port.'
  return error instanceof Error ? error.message : String(error)
}

function stopOnSignal(started: Started): void {
  let isStopping = false
  const stop = async () => {
    // A second signal means now.
    if (isStopping) process.exit(1)
    isStopping = true
    await started.stop(stopDeadline())
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}
