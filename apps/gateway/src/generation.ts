import type { Host, Scrape } from '@tianjillm/core'
import { createHost, type Transport } from '@tianjillm/engine'
import type { Limiter } from '@tianjillm/limits'
import type { Books } from './books.ts'
import { type Carry, createCarry } from './carry.ts'
import { compose } from './compose.ts'
import type { ConfigSource } from './config-source.ts'
import { createGateway, type Gateway } from './gateway.ts'
import { createAccess } from './http/access.ts'
import type { Logs } from './log.ts'
import { pluginPlaces } from './plugins.ts'
import { inReadingOrder } from './problems.ts'
import type { Redaction } from './redact.ts'
import type { Built, ConfigState, Reload } from './reload.ts'
import { secretsOf } from './secrets.ts'
import { version } from './version.ts'
import { type Seat, shareOf } from './workers/seat.ts'

/** What stays the same for the process, whichever configuration is in force. */
export interface Standing {
  readonly logs: Logs
  readonly redaction: Redaction
  readonly transport: Transport
  readonly books: Books
  readonly limiter: Limiter | undefined
  /** Its place, when it is one of several processes that serve together. */
  readonly seat: Seat | undefined
  /** The metrics of all processes; undefined when this is the only one. */
  readonly metrics: (() => Promise<Scrape | undefined>) | undefined
  readonly configState: () => ConfigState | undefined
  readonly reload: Reload | undefined
}

/** All that one configuration means, from its file to its routes. */
export interface Generation {
  readonly gateway: Gateway
  readonly source: ConfigSource
  readonly carry: Carry
}

/** Builds all that a configuration means, with what can be carried over from the generation before. */
export async function buildGeneration(
  source: ConfigSource,
  standing: Standing,
  previous?: Generation,
): Promise<Built<Generation>> {
  const { config } = source
  if (config === undefined) return { generation: undefined, problems: source.problems }
  const { logs, redaction, transport, books, limiter, seat, metrics, configState, reload } = standing
  redaction.learn(secretsOf(config, process.env))
  const { redact } = redaction
  const host: Host = createHost({
    env: (name) => config.environment.get(name) ?? (process.env[name] || undefined),
    log: logs.log,
  })
  const carry = createCarry(previous?.carry)
  const surroundings = { host, transport, places: pluginPlaces(source.folder), redact, carry }
  const { engine, problems } = await compose(config, { ...surroundings, previous: previous?.gateway.engine })
  const all = inReadingOrder([...source.problems, ...problems])
  if (engine === undefined) return { generation: undefined, problems: all }
  const { masterKey, keyHeaderName, maxRequestSizeMb, globalMaxParallelRequests: most } = config.general
  const access = createAccess({
    masterKey: masterKey ?? host.env('TIANJI_MASTER_KEY') ?? host.env('LITELLM_MASTER_KEY'),
    keys: config.keys,
    header: keyHeaderName,
    now: () => host.now(),
  })
  const gateway = createGateway({
    engine,
    access,
    version,
    accessLog: logs.access,
    guardsMetrics: config.settings.rest.require_auth_for_metrics_endpoint === true,
    bodyLimit: maxRequestSizeMb === undefined ? undefined : maxRequestSizeMb * 1024 * 1024,
    mostCalls: seat && most ? shareOf(most, seat) : most,
    limiter,
    books,
    metrics,
    configState,
    reload,
  })
  return { generation: { gateway, source, carry }, problems: all }
}
