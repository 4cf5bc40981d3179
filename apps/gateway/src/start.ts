import { formatProblem, type Problem } from '@tianjillm/config'
import type { Host, Scrape } from '@tianjillm/core'
import { createHost, type Transport } from '@tianjillm/engine'
import { nodeTransport } from '@tianjillm/engine/node'
import type { Limiter } from '@tianjillm/limits'
import { compose } from './compose.ts'
import type { ConfigSource } from './config-source.ts'
import { createGateway } from './gateway.ts'
import { createAccess } from './http/access.ts'
import { scrape } from './http/metrics.ts'
import { createLogs } from './log.ts'
import { pluginPlaces } from './plugins.ts'
import { inReadingOrder } from './problems.ts'
import { createRedactor } from './redact.ts'
import { secretsOf } from './secrets.ts'
import { type RunningServer, serve } from './server.ts'
import { version } from './version.ts'
import { type Seat, shareOf } from './workers/seat.ts'

/** How a gateway is started. */
export interface StartSettings {
  readonly source: ConfigSource
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

/** A worker's place, and how it gets at the metrics of all. */
export interface WorkerPlace extends Seat {
  metrics(): Promise<Scrape | undefined>
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
}

/** From a configuration to a gateway that listens. Throws ConfigError. */
export async function start({
  source,
  host: address,
  port = 4000,
  logLevel = 'info',
  transport = nodeTransport(),
  limiter,
  worker,
}: StartSettings): Promise<Started> {
  const { config } = source
  if (config === undefined) throw new ConfigError(source.problems)
  const redact = createRedactor(secretsOf(config, process.env))
  const logs = createLogs(logLevel, redact, { isOneOfMany: worker !== undefined })
  const host: Host = createHost({
    env: (name) => config.environment.get(name) ?? (process.env[name] || undefined),
    log: logs.log,
  })
  const { engine, problems } = await compose(config, { host, transport, places: pluginPlaces(source.folder), redact })
  const all = inReadingOrder([...source.problems, ...problems])
  if (engine === undefined) throw new ConfigError(all)
  const { masterKey, keyHeaderName, maxRequestSizeMb, globalMaxParallelRequests } = config.general
  const access = createAccess({
    masterKey: masterKey ?? host.env('TIANJI_MASTER_KEY') ?? host.env('LITELLM_MASTER_KEY'),
    keys: config.keys,
    header: keyHeaderName,
    now: () => host.now(),
  })
  const metrics = () => scrape(engine)
  const gateway = createGateway({
    engine,
    access,
    version,
    accessLog: logs.access,
    guardsMetrics: config.settings.rest.require_auth_for_metrics_endpoint === true,
    bodyLimit: maxRequestSizeMb === undefined ? undefined : maxRequestSizeMb * 1024 * 1024,
    mostCalls:
      worker && globalMaxParallelRequests ? shareOf(globalMaxParallelRequests, worker) : globalMaxParallelRequests,
    ...(limiter && { limiter }),
    metrics: worker ? worker.metrics : metrics,
  })
  const server = await serve(gateway, { host: address ?? (access.isOpen ? '127.0.0.1' : '0.0.0.0'), port })
  return {
    ...server,
    async stop(deadline) {
      await server.stop(deadline)
      logs.flush()
    },
    warnings: all,
    isOpen: access.isOpen,
    models: [...new Set(engine.deployments.map(({ group }) => group))],
    metrics,
  }
}
