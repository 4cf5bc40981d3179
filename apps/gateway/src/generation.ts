import type { Config, Problem } from '@tianjillm/config'
import { GatewayError, type Host, isGatewayError, type Scrape } from '@tianjillm/core'
import { createHost, type Transport } from '@tianjillm/engine'
import { createFetchWithin } from '@tianjillm/engine/node'
import type { Limiter } from '@tianjillm/limits'
import type { Accounts } from '@tianjillm/tenancy'
import { composeAdmission } from './admission/compose.ts'
import { tokenAdmission } from './admission/tokens.ts'
import { envProviders } from './agent/env-providers.ts'
import { equipped } from './agent/environment.ts'
import { agentOffer } from './agent/offer.ts'
import type { Books } from './books.ts'
import { type Carry, createCarry } from './carry.ts'
import { compose } from './compose.ts'
import { type ConfigSource, choosesModels } from './config-source.ts'
import { databaseUrlOf, defaultDatabase } from './database.ts'
import { createDiscovery } from './discovery/discovery.ts'
import { createGateway, type Gateway } from './gateway.ts'
import { createAccess } from './http/access.ts'
import { intakeOf } from './http/intake.ts'
import { openTokens } from './jwt.ts'
import type { Logs } from './log.ts'
import { type McpHub, mcpHubOf } from './mcp/hub.ts'
import { pluginPlaces } from './plugins.ts'
import { inReadingOrder, withoutNotes } from './problems.ts'
import type { Redaction } from './redact.ts'
import type { Built, ConfigState, Reload } from './reload.ts'
import { secretsOf } from './secrets.ts'
import { type SharedState, sharedStateOf } from './shared-state.ts'
import { type Tenancy, tenancyOf } from './tenancy.ts'
import { interceptionOf } from './tool-loop/interception.ts'
import { version } from './version.ts'
import { type Seat, shareOf } from './workers/seat.ts'

/** What stays the same for the process, whichever configuration is in force. */
export interface Standing {
  readonly logs: Logs
  readonly redaction: Redaction
  readonly transport: Transport
  readonly books: Books
  /** Counts for this process, or for it and its siblings. */
  readonly limiter: Limiter
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
  /** What it has in common with other gateways; undefined when it stands alone. */
  readonly shared: SharedState | undefined
  readonly tenancy: Tenancy | undefined
  /** Undefined when there are no MCP servers. */
  readonly mcp: McpHub | undefined
  /** Has its MCP servers in force. */
  readonly enterMcp: () => void
  /** Those of the database, or of this process alone; undefined when nothing has to be put down. */
  readonly accounts: Accounts | undefined
}

/** Lets a generation hear of what happens in other gateways, and have its MCP servers; to be called when it comes into force. */
export function listenToOthers({ shared, enterMcp, gateway: { engine } }: Generation): void {
  enterMcp()
  shared?.inform([engine.router, engine.searchRouter])
}

/** Builds all that a configuration means, with what can be carried over from the generation before. */
export async function buildGeneration(
  source: ConfigSource,
  standing: Standing,
  previous?: Generation,
): Promise<Built<Generation>> {
  const { config: written } = source
  const told = withoutNotes(source.problems)
  if (written === undefined) return { generation: undefined, problems: told }
  const { logs, redaction, transport, books, limiter, seat, metrics, configState, reload } = standing
  redaction.learn(secretsOf(written, process.env))
  const { redact } = redaction
  const host: Host = createHost({
    env: (name) => written.environment.get(name) ?? (process.env[name] || undefined),
    log: logs.log,
    fetchWithin: createFetchWithin(),
  })
  const masterKey = written.general.masterKey ?? host.env('TIANJI_MASTER_KEY') ?? host.env('LITELLM_MASTER_KEY')
  const { config, problems: ofEnvironment } = equipped(written, host, masterKey)
  const hasOwnModels = choosesModels(source)
  const asked = envProviders(config, host, hasOwnModels)
  const carry = createCarry(previous?.carry)
  // What is wrong with its settings is among the problems below.
  const shared = await sharedStateOf(config, host, logs.log, previous?.shared).catch(unlessMistaken)
  const url = databaseUrlOf(config, host, { masterKey, folder: source.folder })
  const { tenancy, problem } = await openTenancy(url, config, host, masterKey, previous?.tenancy)
  const places = pluginPlaces(source.folder)
  const { tokens, problem: wrongTokens } = await openTokens(config, host, carry)
  const counting = shared?.limiterOver(limiter) ?? limiter
  const admitting = await composeAdmission(config, host, {
    ...{ tenancy, seat, limiter: counting },
    inMemory: previous?.tenancy === undefined ? previous?.accounts : undefined,
  })
  const {
    engine,
    agentEngine = engine,
    maps,
    prompts,
    problems,
  } = await compose(config, {
    ...{ host, transport, places, redact, carry },
    previous: previous?.gateway.engine,
    onCooldown: shared?.tellCooldown,
    farStore: shared?.store,
    promptTable: tenancy?.prompts,
    agentModels: asked.models,
    bookkeeper: admitting.bookkeeper,
    wantsCosts: admitting.accounts !== undefined,
    isSpent: admitting.isSpent,
  })
  const hubRooms = {
    host: { ...host, fetch: transport.fetchWith(undefined) },
    ...{ redact, learn: redaction.learn, masterKey, stored: tenancy },
  }
  const { hub: mcp, problems: ofServers, enter: enterMcp } = await mcpHubOf(config, hubRooms, previous?.mcp)
  const { interception, problems: ofSearches } = interceptionOf(config)
  const grave = [problem, wrongTokens].filter((one) => one !== undefined)
  const ofAgent = [...ofEnvironment, ...asked.problems]
  const all = inReadingOrder([...told, ...grave, ...ofAgent, ...problems, ...ofServers, ...ofSearches])
  if (engine === undefined || agentEngine === undefined || [...grave, ...ofAgent].some(isError)) {
    if (shared !== previous?.shared) shared?.close()
    if (tenancy !== previous?.tenancy) void tenancy?.close()
    if (mcp !== previous?.mcp) void mcp?.close()
    return { generation: undefined, problems: all }
  }
  maps.refresh()
  const { keyHeaderName, userHeaderName, maxRequestSizeMb, globalMaxParallelRequests: most } = config.general
  const access = createAccess({
    masterKey,
    keys: config.keys,
    find: tenancy?.findKey,
    readToken: tokens && tokenAdmission(tokens, tenancy, admitting.identities),
    rooms: admitting.identities,
    header: keyHeaderName,
    userHeader: userHeaderName,
    now: () => host.now(),
  })
  const gateway = createGateway({
    engine,
    access,
    discovery: createDiscovery(config, engine, places, maps),
    version,
    accessLog: logs.access,
    guardsMetrics: config.settings.rest.require_auth_for_metrics_endpoint === true,
    bodyLimit: maxRequestSizeMb === undefined ? undefined : maxRequestSizeMb * 1024 * 1024,
    intake: intakeOf(config.general),
    mostCalls: seat && most ? shareOf(most, seat) : most,
    admission: admitting.admission,
    books,
    tenancy,
    prompts,
    mcp,
    issuers: tokens?.issuers,
    interception,
    agent: agentOffer({
      ...{
        settings: config.agent,
        engine: agentEngine,
        order: asked.order,
        hasOwnModels,
        limiter: counting,
        tenancy,
        carry,
      },
      share: (total) => (seat === undefined ? total : shareOf(total, seat)),
    }),
    metrics,
    configState,
    reload,
    makeDatabase: masterKey !== undefined && url === undefined ? makerOf(defaultDatabase(source.folder)) : undefined,
  })
  const { accounts } = admitting
  return { generation: { gateway, source, carry, shared, tenancy, mcp, enterMcp, accounts }, problems: all }
}

function isError({ severity }: Problem): boolean {
  return severity === 'error'
}

/** Makes an empty database, to be found by the next generation. */
function makerOf(url: string): () => Promise<void> {
  return async () => {
    const { openStore } = await import('@tianjillm/store')
    const store = await openStore({ url })
    await store.close()
  }
}

/** An error of ours is thrown on: a gateway must not go on without what it was to share. */
function unlessMistaken(error: unknown): undefined {
  if (!isGatewayError(error)) throw error
}

/** The database that is configured, or what is wrong with it. */
async function openTenancy(
  url: string | undefined,
  config: Config,
  host: Host,
  masterKey: string | undefined,
  previous: Tenancy | undefined,
): Promise<{ readonly tenancy: Tenancy | undefined; readonly problem?: Problem }> {
  try {
    // Else everybody who reaches the gateway could make keys.
    if (url === undefined) return { tenancy: undefined }
    if (masterKey === undefined)
      throw new GatewayError('misconfigured', 'keys need a master key; set general_settings.master_key')
    return { tenancy: await tenancyOf(url, config, { host, masterKey }, previous) }
  } catch (error) {
    if (!isGatewayError(error)) throw error
    const path = ['general_settings', 'database_url']
    const place = { ...config.positionOf(path), path: path.join('.') }
    return { tenancy: undefined, problem: { severity: 'error', ...place, message: error.message } }
  }
}
