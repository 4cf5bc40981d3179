import { formatProblem } from '@tianjillm/config'
import type { ListenArguments } from './commands/arguments.ts'
import type { ConfigSource } from './config-source.ts'
import { ConfigError, type Started, start } from './start.ts'

/** Milliseconds that calls under way have when the gateway is asked to stop; `TIANJI_STOP_TIMEOUT` is in seconds. */
const STOP_DEADLINE = 30_000

/** Starts a gateway, says so, and stops it in good order at SIGTERM or SIGINT. Sets exit code 1 when it cannot start. */
export async function runUntilStopped(source: ConfigSource, args: ListenArguments): Promise<void> {
  try {
    const port = portOf(args.port ?? process.env.PORT)
    const started = await start({ source, host: args.host, port, logLevel: args['log-level'] ?? process.env.LOG_LEVEL })
    for (const warning of started.warnings) console.error(formatProblem(warning))
    console.log(greeting(started, source))
    stopOnSignal(started)
  } catch (error) {
    console.error(explain(error))
    process.exitCode = 1
  }
}

function portOf(value: string | undefined): number {
  const port = Number(value ?? 4000)
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port
  throw new Error(`The port must be a number from 0 to 65535, not "${value}".`)
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.message
  const { code } = error as { readonly code?: unknown }
  if (code === 'EADDRINUSE') return 'The port is taken. Choose another with --port, or stop the program that has it.'
  if (code === 'EACCES') return 'Listening on this port is not allowed. Choose one above 1023 with --port.'
  return error instanceof Error ? error.message : String(error)
}

/** What a newcomer wants to know: where it is, what it serves, what to type. */
function greeting({ url, models, isOpen }: Started, { title }: ConfigSource): string {
  const model = models.find((name) => !name.includes('*')) ?? models[0]?.replace('*', 'MODEL') ?? 'MODEL'
  const key = isOpen ? '' : ` -H 'authorization: Bearer YOUR_MASTER_KEY'`
  const body = JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'Hello!' }] })
  return [
    '',
    `  TianjiLLM listens on ${url}  (${title})`,
    `  models: ${models.slice(0, 12).join(', ')}${models.length > 12 ? ` and ${models.length - 12} more` : ''}`,
    ...(isOpen ? ['  no master key: everybody who reaches this address may use it'] : []),
    '',
    '  Try it:',
    `  curl -N ${url}/v1/chat/completions -H 'content-type: application/json'${key} -d '${body}'`,
    '',
  ].join('\n')
}

function stopOnSignal(started: Started): void {
  const seconds = Number(process.env.TIANJI_STOP_TIMEOUT || Number.NaN)
  const deadline = seconds >= 0 ? seconds * 1000 : STOP_DEADLINE
  let isStopping = false
  const stop = async () => {
    // A second signal means now.
    if (isStopping) process.exit(1)
    isStopping = true
    await started.stop(deadline)
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}
