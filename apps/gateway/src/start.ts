import { formatProblem, type Problem } from '@tianjillm/config'
import type { Scrape } from '@tianjillm/core'
import type { Transport } from '@tianjillm/engine'
import { nodeTransport } from '@tianjillm/engine/node'
import { createLocalLimiter, type Limiter } from '@tianjillm/limits'
import { createBooks } from './books.ts'
import type { ConfigSource } from './config-source.ts'
import { buildGeneration, type Generation, listenToOthers, type Standing } from './generation.ts'
import { scrape } from './http/metrics.ts'
import { createLogs } from './log.ts'
import { createRedaction } from './redact.ts'
import { createSuccession, type Reload, type Succession } from './reload.ts'
import { type RunningServer, serve } from './server.ts'
import { watchFiles } from './watch-files.ts'
import type { Seat } from './workers/seat.ts'

/** How a gateway is started. */
export interface StartSettings {
  readonly source: ConfigSource
  /** Reads the configuration again, when it has changed or somebody asks for it. Default: it never changes. */
  readonly reread?: () => ConfigSource
  /** Default: 127.0.0.1 without a master key, else all addresses. */
  readonly host?: string | undefined
  /** Default 4000. 0 takes any free port. */
  readonly port?: number | undefined
  /** pino's: debug, info (default), warn, error, silent. */
  readonly logLevel?: string | undefined
  readonly transport?: Transport
  /** Default: one of its own. */
  readonly limiter?: Limiter
  /** Its place, when it is one of several processes that serve together. */
  readonly worker?: WorkerPlace
}

/** A worker's place, and how it gets at what concerns all workers. */
export interface WorkerPlace extends Seat {
  metrics(): Promise<Scrape | undefined>
  /** Has all workers read the configuration again. */
  readonly reload: Reload
}

/** A gateway that could not be started, because of its configuration. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'))
    this.problems = problems
  }
}

/** A started gateway. */
export interface Started extends RunningServer {
  readonly warnings: readonly Problem[]
  /** Whether everybody who reaches it may call it. */
  readonly isOpen: boolean
  /** Names clients may ask for. */
  readonly models: readonly string[]
  /** Of this process alone; undefined when no callback gathers any. */
  metrics(): Promise<Scrape | undefined>
  /** Puts what the configuration says now in force, in this process alone; undefined when it cannot be read again. */
  readonly reload: Reload | undefined
}

/** Milliseconds after the start when there is time for what was not needed to begin. */
const WARM_UP = 300

/** Milliseconds that callbacks have to send what they have when their configuration is no longer in force. */
const LAST_FLUSH = 5_000

/** From a configuration to a gateway that listens. Throws ConfigError. */
export async function start(settings: StartSettings): Promise<Started> {
  const { source, reread, port = 4000, logLevel = 'info', transport = nodeTransport(), worker } = settings
  const redaction = createRedaction()
  const logs = createLogs(logLevel, redaction.redact, { isOneOfMany: worker !== undefined })
  const books = createBooks(logs.access)
  const reload: Reload | undefined = reread && ((cause) => succession.reload(cause))
  const standing: Standing = {
    logs,
    redaction,
    transport,
    books,
    limiter: settings.limiter ?? createLocalLimiter(() => performance.now()),
    seat: worker,
    metrics: worker?.metrics,
    configState: () => succession.state,
    reload: reload && worker ? worker.reload : reload,
  }
  const { generation: first, problems } = await buildGeneration(source, standing)
  if (first === undefined) throw new ConfigError(problems)
  const watch = reread && watchFiles(() => void succession.reload('its file has changed'))
  const succession: Succession<Generation> = createSuccession({
    first,
    async build(previous) {
      const next = reread?.() ?? source
      watch?.watch([...new Set([...(next.files ?? []), ...(previous.source.files ?? [])])])
      return buildGeneration(next, standing, previous)
    },
    retire({ gateway: { engine }, shared, tenancy, mcp, accounts }, next) {
      watch?.watch(next.source.files ?? [])
      listenToOthers(next)
      // Its calls under way go on with it, and are reported by it.
      void (async () => {
        await books.drained()
        await engine.reporter.flush(LAST_FLUSH)
        const { current } = succession
        if (shared !== current.shared) shared?.close()
        if (tenancy !== current.tenancy) await tenancy?.close()
        else if (accounts !== current.accounts) await accounts?.close()
        if (mcp !== current.mcp) await mcp?.close()
      })()
    },
    log: logs.log,
    now: () => Date.now(),
  })
  watch?.watch(source.files ?? [])
  listenToOthers(first)
  const { access, engine } = first.gateway
  const address = { host: settings.host ?? (access.isOpen ? '127.0.0.1' : '0.0.0.0'), port }
  const server = await serve(() => succession.current.gateway, address)
  // So that nobody waits for it who is the first to ask.
  setTimeout(() => void first.gateway.discovery.catalog().catch(() => {}), WARM_UP).unref()
  const stop = async (deadline: number) => {
    watch?.stop()
    await server.stop(deadline)
    succession.current.shared?.close()
    await succession.current.tenancy?.close()
    logs.flush()
  }
  let stopping: Promise<void> | undefined
  return {
    ...server,
    // Whoever asks again waits for the same end.
    stop(deadline) {
      stopping ??= stop(deadline)
      return stopping
    },
    warnings: problems,
    isOpen: access.isOpen,
    models: [...new Set(engine.deployments.map(({ group }) => group))],
    metrics: () => scrape(succession.current.gateway.engine),
    reload,
  }
}
