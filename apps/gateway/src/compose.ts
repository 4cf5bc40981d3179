import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Store } from '@tianjillm/cache'
import type { CallbackConfig, Config, GuardrailConfig, ModelConfig, Problem } from '@tianjillm/config'
import { GatewayError, type Hook, type Host, type JsonObject, type ProviderPlugin } from '@tianjillm/core'
import {
  type Bookkeeper,
  brokenDeployment,
  type ConfiguredCallback,
  type ConfiguredGuardrail,
  createCallback,
  createDeployment,
  createEngine,
  createGuardrail,
  type Deployment,
  type DeploymentSettings,
  type Engine,
  type Estimate,
  type TlsSettings,
  type Transport,
  withDeployments,
} from '@tianjillm/engine'
import type { CooldownListener } from '@tianjillm/router'
import type { Prompts as PromptTable } from '@tianjillm/tenancy'
import { autoRoutersOf, isAutoRouter } from './auto-routers.ts'
import { cacheOf } from './cache.ts'
import { type Carry, createCarry } from './carry.ts'
import { costsOf } from './costs.ts'
import { buildDeployments, demandProvider } from './invalid-deployments.ts'
import { type KnownModels, knownModels } from './known-models.ts'
import { type ModelMaps, modelMapsOf } from './model-maps.ts'
import { importPlugin, loadPlugin, type PluginPlaces } from './plugins.ts'
import { buildEach, isMissingPlugin, type Placed, problemOf } from './problems.ts'
import { type Prompts, promptsOf } from './prompts/prompts.ts'
import type { Redact } from './redact.ts'
import { asksForRedis } from './redis-settings.ts'
import { rulesOf, traitsOf } from './routing.ts'
import { searchToolOf } from './search-tools.ts'
import { INTERCEPTION } from './tool-loop/interception.ts'

/** What an engine is composed with. */
export interface Surroundings {
  readonly host: Host
  readonly transport: Transport
  readonly places: PluginPlaces
  /** Takes secrets out of what is told. */
  readonly redact: Redact
  /** Default: nothing is carried over. */
  readonly carry?: Carry
  /** The engine that the new one takes the place of. */
  readonly previous?: Engine | undefined
  /** Hears of each deployment that has failed and is left alone now. */
  readonly onCooldown?: CooldownListener | undefined
  /** Keeps account of all calls. */
  readonly bookkeeper?: Bookkeeper | undefined
  /** Whether somebody besides callbacks wants to know what calls cost. */
  readonly wantsCosts?: boolean
  /** Whether the budget of a deployment, or of its provider, is used up. */
  readonly isSpent?: ((where: { readonly deploymentId: string; readonly provider: string }) => boolean) | undefined
  /** Prompts of the database. */
  readonly promptTable?: PromptTable | undefined
  /** Models of the agent, besides those of the configuration. */
  readonly agentModels?: readonly ModelConfig[] | undefined
  /** Redis, for a cache of answers that shall be there. */
  readonly farStore?: Store | undefined
}

/** An engine, or none when there are errors. */
export interface Composition {
  readonly engine: Engine | undefined
  /** The same with the models of the agent; undefined without an engine. */
  readonly agentEngine: Engine | undefined
  /** Those that requests may name; undefined without an engine. */
  readonly prompts: Prompts | undefined
  /** What it knows of models. */
  readonly maps: ModelMaps
  /** What is wrong, with file, line and column. */
  readonly problems: readonly Problem[]
}

/** Milliseconds a guardrail has when nothing is configured. */
const GUARDRAIL_TIMEOUT = 10_000

/** Loads the plugins a configuration names, and only those, and builds the engine from it. */
export async function compose(config: Config, surroundings: Surroundings): Promise<Composition> {
  const { host, transport, places, redact, carry = createCarry(), previous, onCooldown, bookkeeper } = surroundings
  const { farStore, promptTable, agentModels = [], wantsCosts = false } = surroundings
  const problems: Problem[] = []
  const warn = (item: Placed, key: string) => (error: GatewayError) => {
    problems.push(problemOf('warning', item, key, error))
  }
  await buildEach(config.plugins, 'plugins', problems, ({ specifier, position }) =>
    importPlugin(specifier, position.file, places),
  )
  const hasRedis = asksForRedis(config, host, problems)
  const models = config.models.filter((model) => !isAutoRouter(model))
  const maps = await modelMapsOf(config, { host, carry, folder: places.folders[0]! }, problems)
  const [known, costs] = await Promise.all([knownModels(config, maps), costsOf(config, wantsCosts, maps)])
  const [deployments, agentDeployments, autoRouters, searchTools, guardrails, callbacks] = await Promise.all([
    buildDeployments(models, config.router, problems, {
      build: (model) => deploymentOf(model, config, surroundings, { known, costs }, warn(model, 'model')),
      broken: (model, error) => brokenDeployment(model.provider, identityOf(model, config), error, host),
    }),
    buildEach(
      agentModels,
      'model',
      problems,
      (model) => deploymentOf(model, config, surroundings, { known, costs }, warn(model, 'model')),
      () => true,
    ),
    autoRoutersOf(config, surroundings, known, problems),
    buildEach(config.searchTools, 'search_provider', problems, (tool) =>
      searchToolOf(tool, config, surroundings, costs, warn(tool, 'search_provider')),
    ),
    buildEach(config.guardrails, 'guardrail', problems, (guardrail) =>
      guardrailOf(guardrail, config, surroundings, carry),
    ),
    buildEach(
      // The gateway itself does that.
      config.callbacks.filter(({ plugin }) => plugin !== INTERCEPTION),
      'callbacks',
      problems,
      (callback) => callbackOf(callback, config, surroundings, carry),
      // Without it calls are answered all the same; without a guardrail too much would be.
      isMissingPlugin,
    ),
  ])
  const told = () => problems.map((problem) => ({ ...problem, message: redact(problem.message) }))
  if (problems.some(({ severity }) => severity === 'error'))
    return { engine: undefined, agentEngine: undefined, prompts: undefined, maps, problems: told() }
  const cache = await cacheOf(config, { host, carry, folder: places.folders[0]!, farStore, hasRedis }, problems)
  const rooms = { callbacks, table: promptTable, folder: places.folders[0]! }
  const { prompts, problems: withoutPrompts } = await promptsOf(config, rooms)
  problems.push(...withoutPrompts)
  const engine = createEngine({
    host,
    transport,
    deployments,
    autoRouters,
    searchTools,
    rules: rulesOf(config.router),
    previous,
    onCooldown,
    guardrails,
    callbacks,
    bookkeeper,
    cache,
    mock: mockOf(surroundings),
    estimate,
    redact,
  })
  const agentEngine = agentDeployments.length === 0 ? engine : withDeployments(engine, agentDeployments)
  return { engine, agentEngine, prompts, maps, problems: told() }
}

async function deploymentOf(
  model: ModelConfig,
  config: Config,
  { host, transport, places, isSpent }: Surroundings,
  { known, costs }: { readonly known: KnownModels; readonly costs: Awaited<ReturnType<typeof costsOf>> },
  onBroken: (error: GatewayError) => void,
): Promise<Deployment> {
  const { router, settings } = config
  demandProvider(model)
  // A canned answer needs no vendor.
  const plugin = await loadPlugin('provider', model.mockResponse === undefined ? model.provider : 'mock', places)
  const { options, defaults } = divide(model, plugin)
  const timeout = model.timeout ?? router.timeout ?? settings.requestTimeout
  const streamTimeout = model.streamTimeout ?? router.streamTimeout
  const facts = {
    ...identityOf(model, config),
    options,
    defaults,
    dropParams: model.dropParams ?? settings.dropParams,
    extraHeaders: model.extraHeaders,
    extraBody: model.extraBody,
    ...(timeout !== undefined && { timeout: timeout * 1000 }),
    streamTimeout: streamTimeout === undefined ? undefined : streamTimeout * 1000,
    traits: { ...traitsOf(model, router, known(model)), ...(isSpent && { isSpent: spentOf(isSpent, model, config) }) },
    guardrails: model.guardrails,
    costOf: costs(model),
    tls: tlsOf(model.sslVerify ?? settings.sslVerify, plugin, host, places),
  }
  return createDeployment(plugin, facts, host, transport, onBroken)
}

/** A function of its own, for it must hold nothing but what it needs. */
function spentOf(isSpent: NonNullable<Surroundings['isSpent']>, model: ModelConfig, config: Config): () => boolean {
  const where = { deploymentId: deploymentId(model, config), provider: model.provider }
  return () => isSpent(where)
}

function identityOf(model: ModelConfig, config: Config): DeploymentSettings & { readonly id: string } {
  return { id: deploymentId(model, config), group: model.name, model: model.model, options: model.options }
}

/** The plugin's options and the defaults of requests, both of which are written under `litellm_params`. */
function divide(
  model: ModelConfig,
  plugin: ProviderPlugin,
): { readonly options: JsonObject; readonly defaults: JsonObject } {
  const { entries } = plugin.options as { readonly entries?: JsonObject }
  const isOption = (name: string) => entries === undefined || name in entries
  const written = [...Object.entries(model.options), ['mockResponse', model.mockResponse]] as const
  const options = written.filter(([name, value]) => isOption(String(name)) && value !== undefined)
  const optionNames = new Set(options.map(([name]) => name))
  const defaults = Object.entries(model.params).filter(
    ([name]) => !optionNames.has(camelCase(name)) && !connectionKeys.has(name),
  )
  return { options: Object.fromEntries(options), defaults: Object.fromEntries(defaults) }
}

/** The id of a deployment: what its `model_info` says, else one made of what it is. */
export function deploymentId(model: ModelConfig, { models }: Config): string {
  return model.id ?? idOf(model, models)
}

/** An id that stays the same from start to start, and tells no secret. Twins are told apart by their order. */
function idOf(model: ModelConfig, models: readonly ModelConfig[]): string {
  const facts = ({ name, provider, model: id, options }: ModelConfig) =>
    JSON.stringify([name, provider, id, options.apiBase])
  const own = facts(model)
  const twins = models.filter((other) => other.name === model.name && facts(other) === own)
  return hash('sha256', `${own}${twins.indexOf(model)}`).slice(0, 16)
}

/** Keys that are about a connection; a provider that has no use for one must not get it as a request parameter. */
const connectionKeys: ReadonlySet<string> = new Set([
  'api_key',
  'api_base',
  'api_version',
  'base_url',
  'organization',
  'mock_response',
])

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase())
}

function tlsOf(
  verify: boolean | string | undefined,
  plugin: ProviderPlugin,
  host: Host,
  { folders }: PluginPlaces,
): TlsSettings | undefined {
  if (typeof verify === 'string') return { ca: certificateFile(resolve(folders[0]!, verify)) }
  const fromEnvironment = plugin.verifyTlsEnv && host.env(plugin.verifyTlsEnv)
  const isOff = verify === false || (verify === undefined && /^(false|0|no)$/i.test(fromEnvironment ?? ''))
  return isOff ? { verify: false } : undefined
}

function certificateFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new GatewayError('misconfigured', `ssl_verify: the certificates in ${path} cannot be read.`, {
      details: { option: 'sslVerify', reason: `the certificates in ${path} cannot be read` },
      provider: 'ssl_verify',
      cause,
    })
  }
}

async function guardrailOf(
  config: GuardrailConfig,
  { environment }: Config,
  { host, places }: Surroundings,
  carry: Carry,
): Promise<ConfiguredGuardrail> {
  const plugin = await loadPlugin('guardrail', config.plugin, places)
  const facts = ['guardrail', config.name, config.plugin, config.options, [...environment]]
  const guardrail = carry.take(facts, () => createGuardrail(plugin, config.options, host))
  const unsupported = config.modes.filter((mode) => !guardrail.hooks.includes(mode as Hook))
  if (unsupported.length > 0)
    throw new GatewayError(
      'misconfigured',
      `${config.plugin} does not run at ${unsupported.join(', ')}. It can: ${guardrail.hooks.join(', ')}.`,
    )
  return {
    name: config.name,
    plugin: config.plugin,
    guardrail,
    hooks: config.modes as readonly Hook[],
    isDefault: config.defaultOn,
    failMode: config.failMode ?? 'closed',
    timeout: config.timeout === undefined ? GUARDRAIL_TIMEOUT : config.timeout * 1000,
  }
}

async function callbackOf(
  { name, plugin: pluginName, on, options }: CallbackConfig,
  { settings, environment }: Config,
  { host, places }: Surroundings,
  carry: Carry,
): Promise<ConfiguredCallback> {
  const plugin = await loadPlugin('callback', pluginName, places)
  // LiteLLM has some options of callbacks among its settings: `prometheus_metrics_config`.
  const { entries = {} } = plugin.options as { readonly entries?: JsonObject }
  const general = Object.entries(settings.rest).map(([key, value]) => [camelCase(key), value] as const)
  const shared = general.filter(([key]) => Object.hasOwn(entries, key))
  const all = { ...Object.fromEntries(shared), ...options }
  const facts = ['callback', name, pluginName, all, [...environment]]
  const callback = carry.take(facts, () => createCallback(plugin, all, host))
  const hidesContent = settings.turnOffMessageLogging || options.messageLogging === false
  return { name, on, callback, hidesContent, hidesCaller: settings.redactUserApiKeyInfo }
}

/** What counts tokens is large, and most gateways never need it. */
const estimate: Estimate = async (input, said) => {
  const { estimateUsage } = await import('@tianjillm/tokens')
  return estimateUsage(input, said)
}

/**
 * Answers requests that bring their own `mock_response`. Made here, for a function that an engine keeps must not hold
 * the surroundings, and with them the engine before, and all before that.
 */
function mockOf({ host, transport, places }: Surroundings): () => Promise<Deployment> {
  return async () => {
    const plugin = await loadPlugin('provider', 'mock', places)
    return createDeployment(plugin, { model: 'mock', options: {} }, host, transport)
  }
}
