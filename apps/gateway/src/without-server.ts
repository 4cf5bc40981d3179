import type { Problem } from '@tianjillm/config'
import { nodeTransport } from '@tianjillm/engine/node'
import { createLocalLimiter } from '@tianjillm/limits'
import { createBooks } from './books.ts'
import type { ConfigSource } from './config-source.ts'
import { buildGeneration, type Generation } from './generation.ts'
import { createLogs } from './log.ts'
import { createRedaction } from './redact.ts'
import { ConfigError } from './start.ts'

/** What a configuration means, in a process that listens nowhere. */
export interface WithoutServer {
  readonly generation: Generation
  readonly warnings: readonly Problem[]
  /** Ends what is under way, and everything that was started. */
  close(): Promise<void>
}

/** Milliseconds: for calls that were told to end, for callbacks, and for what the gateway asks on its own account. */
const LAST = { calls: 500, flush: 5_000, answers: 500 }

/** Builds it once; its log goes to standard error. Throws ConfigError. `logLevel` is pino's. */
export async function buildWithoutServer(source: ConfigSource, logLevel: string): Promise<WithoutServer> {
  const redaction = createRedaction()
  const logs = createLogs(logLevel, redaction.redact, { to: 'stderr' })
  const { generation, problems } = await buildGeneration(source, {
    ...{ logs, redaction, transport: nodeTransport(), books: createBooks(logs.access) },
    limiter: createLocalLimiter(() => performance.now()),
    ...{ seat: undefined, metrics: undefined, configState: () => undefined, reload: undefined },
  })
  if (generation === undefined) throw new ConfigError(problems)
  return {
    generation,
    warnings: problems,
    async close() {
      const { gateway, mcp, shared, tenancy } = generation
      const { books, engine } = gateway
      await Promise.all([mcp?.close(), books.close(LAST.calls)])
      await engine.reporter.flush(LAST.flush)
      await engine.transport.close(LAST.answers)
      shared?.close()
      await tenancy?.close()
      logs.flush()
    },
  }
}
