import type { GenericSchema, InferOutput } from 'valibot'
import type { Host } from './call.ts'
import type { Callback } from './callback.ts'
import type { Guardrail } from './guardrail.ts'
import type { Provider, SearchProvider } from './provider.ts'

export type PluginKind = 'provider' | 'search' | 'guardrail' | 'callback'

interface Described<Kind extends PluginKind, Options> {
  readonly kind: Kind
  /** As configurations spell it: `/^[a-z0-9_]+$/`. */
  readonly name: string
  /** As the vendor spells itself. */
  readonly title: string
  /** The vendor's API documentation. */
  readonly docs: string
  /** Names in camelCase; a configuration's `api_key` arrives as `apiKey`. */
  readonly options: GenericSchema<unknown, Options>
}

/** A vendor of models. `create` throws GatewayError `misconfigured` when what it needs is missing. */
export interface ProviderPlugin<Options = unknown> extends Described<'provider', Options> {
  /** Environment variables of which any one makes the provider usable; used to find providers without a configuration. */
  readonly env: readonly string[]
  /** Environment variable that switches certificate checks off (`false`, `0`) for this provider alone. */
  readonly verifyTlsEnv?: string
  create(options: Options, host: Host): Provider
}

export interface SearchPlugin<Options = unknown> extends Described<'search', Options> {
  readonly env: readonly string[]
  create(options: Options, host: Host): SearchProvider
}

export interface GuardrailPlugin<Options = unknown> extends Described<'guardrail', Options> {
  create(options: Options, host: Host): Guardrail
}

export interface CallbackPlugin<Options = unknown> extends Described<'callback', Options> {
  create(options: Options, host: Host): Callback
}

export type Plugin = ProviderPlugin | SearchPlugin | GuardrailPlugin | CallbackPlugin

/** The plugin type of each kind. */
export interface PluginsByKind {
  readonly provider: ProviderPlugin
  readonly search: SearchPlugin
  readonly guardrail: GuardrailPlugin
  readonly callback: CallbackPlugin
}

type Definition<Type, Schema extends GenericSchema> = Omit<Type, 'kind' | 'options'> & { readonly options: Schema }

/** Describes a provider; the options' type follows from the schema. */
export function defineProvider<Schema extends GenericSchema>(
  definition: Definition<ProviderPlugin<InferOutput<Schema>>, Schema>,
): ProviderPlugin<InferOutput<Schema>> {
  return { kind: 'provider', ...definition } as ProviderPlugin<InferOutput<Schema>>
}

/** Describes a search engine; the options' type follows from the schema. */
export function defineSearch<Schema extends GenericSchema>(
  definition: Definition<SearchPlugin<InferOutput<Schema>>, Schema>,
): SearchPlugin<InferOutput<Schema>> {
  return { kind: 'search', ...definition } as SearchPlugin<InferOutput<Schema>>
}

/** Describes a guardrail; the options' type follows from the schema. */
export function defineGuardrail<Schema extends GenericSchema>(
  definition: Definition<GuardrailPlugin<InferOutput<Schema>>, Schema>,
): GuardrailPlugin<InferOutput<Schema>> {
  return { kind: 'guardrail', ...definition } as GuardrailPlugin<InferOutput<Schema>>
}

/** Describes a callback; the options' type follows from the schema. */
export function defineCallback<Schema extends GenericSchema>(
  definition: Definition<CallbackPlugin<InferOutput<Schema>>, Schema>,
): CallbackPlugin<InferOutput<Schema>> {
  return { kind: 'callback', ...definition } as CallbackPlugin<InferOutput<Schema>>
}
