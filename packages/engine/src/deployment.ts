import {
  GatewayError,
  type Host,
  isGatewayError,
  isJsonObject,
  type JsonObject,
  type OperationName,
  type Passthrough,
  type Provider,
  type ProviderPlugin,
  type SearchPlugin,
  type SearchProvider,
  type Usage,
} from '@tianjillm/core'
import type { Candidate, Traits } from '@tianjillm/router'
import { parseOptions } from './options.ts'
import type { TlsSettings, Transport } from './transport.ts'

/** A vendor of models, or a search engine: to the engine a provider whose only operation is `search`. */
export type AnyProvider = Provider & Partial<SearchProvider>

/** One model at one vendor, ready to be asked. */
export interface Deployment extends Candidate {
  /** Told in `x-litellm-model-id`. */
  readonly id: string
  /** The model group (`model_name`) it serves. */
  readonly group: string
  /** Name of the provider plugin. */
  readonly providerName: string
  readonly provider: AnyProvider
  /** The vendor's model id; a `*` stands for the part a wildcard group captured. */
  readonly model: string
  readonly host: Host
  /** Request fields filled in where the client gave none. */
  readonly defaults: JsonObject
  readonly dropParams: boolean
  /** Names in lower case. */
  readonly extraHeaders: Readonly<Record<string, string>>
  readonly extraBody: JsonObject
  /** Milliseconds to the answer's head, and between its pieces. */
  readonly timeout: number
  /** Milliseconds to the first piece of a stream. */
  readonly streamTimeout: number | undefined
  readonly tls: TlsSettings | undefined
  /** The vendor's base URL when one is configured. */
  readonly apiBase: string | undefined
  /** Names of guardrails that judge its calls. */
  readonly guardrails: readonly string[]
  /** What a call of it costs; undefined when nobody wants to know. */
  readonly costOf: CostOf | undefined
  /** Why it cannot be asked, when it cannot. */
  readonly problem: GatewayError | undefined
  /** Passthroughs by operation and model; filled as they are asked for. */
  readonly passthroughs: Map<string, Passthrough | undefined>
}

/** What a call used, as far as that is known when it is over. */
export interface Used {
  /** The vendor's model id. */
  readonly model: string
  readonly operation: OperationName
  /** The request. */
  readonly input: JsonObject
  /** As the vendor counted. */
  readonly usage: Usage | undefined
}

/** US dollars; undefined when a price, or how much was used, is not known. */
export type CostOf = (used: Used) => number | undefined

/** How a deployment is set up; only `plugin`, `model` and `options` are needed. */
export interface DeploymentSettings {
  readonly id?: string
  readonly group?: string
  readonly model: string
  /** The plugin's options, in camelCase. */
  readonly options: unknown
  readonly defaults?: JsonObject
  readonly dropParams?: boolean
  readonly extraHeaders?: Readonly<Record<string, string>>
  readonly extraBody?: JsonObject
  /** Milliseconds; default 600,000. */
  readonly timeout?: number
  /** Milliseconds to the first piece of a stream; default: as `timeout` has it. */
  readonly streamTimeout?: number | undefined
  /** What routing goes by. */
  readonly traits?: Traits
  readonly tls?: TlsSettings | undefined
  readonly guardrails?: readonly string[]
  readonly costOf?: CostOf | undefined
}

/** Milliseconds a vendor has when nothing is configured. */
const DEFAULT_TIMEOUT = 600_000

/**
 * A deployment of a provider. Throws GatewayError `misconfigured` when the options are wrong. What the provider
 * refuses to be built without (a key) is thrown too, or handed to `onBroken` and then thrown by every call.
 */
export function createDeployment(
  plugin: ProviderPlugin | SearchPlugin,
  settings: DeploymentSettings,
  host: Host,
  transport: Transport,
  onBroken?: (error: GatewayError) => void,
): Deployment {
  const ownHost: Host = { ...host, ...(settings.tls && { fetch: transport.fetchWith(settings.tls) }) }
  return deploymentOf(plugin.name, build(plugin, settings.options, ownHost, onBroken), settings, ownHost)
}

/** A deployment that could not be built, for want of its plugin, say: it throws this error at every call. */
export function brokenDeployment(
  providerName: string,
  settings: DeploymentSettings,
  problem: GatewayError,
  host: Host,
): Deployment {
  return deploymentOf(providerName, { provider: broken(problem), problem }, settings, host)
}

/**
 * Those that are worth asking: of each group the ones without a problem; all of a group that has none without, so that
 * whoever asks for it is told why.
 */
export function worthAsking(deployments: readonly Deployment[]): readonly Deployment[] {
  const served = new Set(deployments.filter(({ problem }) => !problem).map(({ group }) => group))
  return deployments.filter(({ problem, group }) => !problem || !served.has(group))
}

function deploymentOf(
  providerName: string,
  { provider, problem }: Pick<Deployment, 'provider' | 'problem'>,
  settings: DeploymentSettings,
  host: Host,
): Deployment {
  return {
    id: settings.id ?? `${providerName}/${settings.model}`,
    group: settings.group ?? settings.model,
    providerName,
    provider,
    problem,
    model: settings.model,
    host,
    defaults: settings.defaults ?? {},
    dropParams: settings.dropParams ?? false,
    extraHeaders: lowerCased(settings.extraHeaders ?? {}),
    extraBody: settings.extraBody ?? {},
    timeout: settings.timeout ?? DEFAULT_TIMEOUT,
    streamTimeout: settings.streamTimeout,
    traits: settings.traits ?? {},
    tls: settings.tls,
    guardrails: settings.guardrails ?? [],
    costOf: settings.costOf,
    apiBase: apiBaseOf(settings.options),
    passthroughs: new Map(),
  }
}

function build(
  plugin: ProviderPlugin | SearchPlugin,
  options: unknown,
  host: Host,
  onBroken: ((error: GatewayError) => void) | undefined,
): Pick<Deployment, 'provider' | 'problem'> {
  const parsed = parseOptions(plugin, options)
  try {
    return { provider: plugin.create(parsed, host), problem: undefined }
  } catch (error) {
    if (onBroken === undefined || !isGatewayError(error)) throw error
    onBroken(error)
    return { provider: broken(error), problem: error }
  }
}

function lowerCased(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

function apiBaseOf(options: unknown): string | undefined {
  return isJsonObject(options) && typeof options.apiBase === 'string' ? options.apiBase.split('?')[0] : undefined
}

/** A provider that can do anything but throws the same error each time. */
function broken(error: GatewayError): AnyProvider {
  const refuse = () => {
    throw new GatewayError(error.kind, error.message, error.facts)
  }
  const operation = { request: refuse, response: refuse, stream: refuse }
  return new Proxy({} as AnyProvider, {
    get: (_target, name) => (['authorize', 'renew', 'fault'].includes(String(name)) ? undefined : operation),
    has: () => true,
  })
}
