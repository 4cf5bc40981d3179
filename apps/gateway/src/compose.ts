import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Store } from '@tianjillm/cache'
import type { CallbackConfig, Config, GuardrailConfig, ModelConfig, Problem, SearchToolConfig } from '@tianjillm/config'
import { GatewayError, type Hook, type Host, type JsonObject, type ProviderPlugin } from '@tianjillm/core'
import {
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
  type TlsSettings,
  type Transport,
} from '@tianjillm/engine'
import type { CooldownListener } from '@tianjillm/router'
import { autoRoutersOf, isAutoRouter } from './auto-routers.ts'
import { cacheOf } from './cache.ts'
import { type Carry, createCarry } from './carry.ts'
import { costsOf } from './costs.ts'
import { buildDeployments, demandProvider } from './invalid-deployments.ts'
import { type KnownModels, knownModels } from './known-models.ts'
import { importPlugin, loadPlugin, type PluginPlaces } from './plugins.ts'
import { buildEach, isMissingPlugin, type Placed, problemOf } from './problems.ts'
import type { Redact } from './redact.ts'
import { asksForRedis } from './redis-settings.ts'
import { rulesOf, traitsOf } from './routing.ts'

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
  /** Hears of all calls, besides the callbacks of the configuration. */
  readonly bookkeeper?: ConfiguredCallback | undefined
  /** Redis, for a cache of answers that shall be there. */
  readonly farStore?: Store | undefined
}

/** An engine, or none when there are errors. */
export interface Composition {
  readonly engine: Engine | undefined
  /** What is wrong, with file, line and column. */
  readonly problems: readonly Problem[]
}

/** Milliseconds a guardrail has when nothing is configured. */
const GUARDRAIL_TIMEOUT = 10_000

/** Loads the plugins a configuration names, and only those, and builds the engine from it. */
export async function compose(config: Config, surroundings: Surroundings): Promise<Composition> {
  const { host, transport, places, redact, carry = createCarry(), previous, onCooldown, bookkeeper } = surroundings
  const { farStore } = surroundings
  const problems: Problem[] = []
  const warn = (item: Placed, key: string) => (error: GatewayError) => {
    problems.push(problemOf('warning', item, key, error))
  }
  await buildEach(config.plugins, 'plugins', problems, ({ specifier, position }) =>
    importPlugin(specifier, position.file, places),
  )
  const hasRedis = asksForRedis(config, host, problems)
  const models = config.models.filter((model) => !isAutoRouter(model))
  const [known, costs] = await Promise.all([knownModels(config), costsOf(config, bookkeeper !== undefined)])
  const [deployments, autoRouters, searchTools, guardrails, callbacks] = await Promise.all([
    buildDeployments(models, config.router, problems, {
      build: (model) => deploymentOf(model, config, surroundings, { known, costs }, warn(model, 'model')),
      broken: (model, error) => brokenDeployment(model.provider, identityOf(model, config), error, host),
    }),
    autoRoutersOf(config, surroundings, known, problems),
    buildEach(config.searchTools, 'search_provider', problems, (tool) =>
      searchToolOf(tool, surroundings, warn(tool, 'search_provider')),
    ),
    buildEach(config.guardrails, 'guardrail', problems, (guardrail) =>
      guardrailOf(guardrail, config, surroundings, carry),
    ),
    buildEach(
      config.callbacks,
      'callbacks',
      problems,
      (callback) => callbackOf(callback, config, surroundings, carry),
      // Without it calls are answered all the same; without a guardrail too much would be.
      isMissingPlugin,
    ),
  ])
  const told = () => problems.map((problem) => ({ ...problem, message: redact(problem.message) }))
  if (problems.some(({ severity }) => severity === 'error')) return { engine: undefined, problems: told() }
  const cache = await cacheOf(config, { host, carry, folder: places.folders[0]!, farStore, hasRedis }, problems)
  return {
    engine: createEngine({
      host,
      transport,
      deployments,
      autoRouters,
      searchTools,
      rules: rulesOf(config.router),
      previous,
      onCooldown,
      guardrails,
      callbacks: bookkeeper === undefined ? callbacks : [...callbacks, bookkeeper],
      cache,
      mock: mockOf(surroundings),
      redact,
    }),
    problems: told(),
  }
}

async function deploymentOf(
  model: ModelConfig,
  config: Config,
  { host, transport, places }: Surroundings,
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
    traits: traitsOf(model, router, known(model)),
    guardrails: model.guardrails,
    costOf: costs(model),
    tls: tlsOf(model.sslVerify ?? settings.sslVerify, plugin, host, places),
  }
  return createDeployment(plugin, facts, host, transport, onBroken)
}

function identityOf(model: ModelConfig, { models }: Config): DeploymentSettings & { readonly id: string } {
  return { id: model.id ?? idOf(model, models), group: model.name, model: model.model, options: model.options }
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

async function searchToolOf(
  tool: SearchToolConfig,
  { host, transport, places }: Surroundings,
  onBroken: (error: GatewayError) => void,
): Promise<Deployment> {
  const plugin = await loadPlugin('search', tool.provider, places)
  const timeout = tool.timeout === undefined ? {} : { timeout: tool.timeout * 1000 }
  const facts = { group: tool.name, model: tool.name, options: tool.options, ...timeout }
  return createDeployment(plugin, facts, host, transport, onBroken)
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
  return { name, on, callback, hidesContent: settings.turnOffMessageLogging || options.messageLogging === false }
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
