import type { JsonObject, OperationName } from '@tianjillm/core'
import type { Path, Position } from './problem.ts'

/** Everything a configuration says, checked and resolved. Immutable. Times are in seconds unless said otherwise. */
export interface Config {
  /** Deployments in their written order; several of one name are one load-balanced group. */
  readonly models: readonly ModelConfig[]
  readonly guardrails: readonly GuardrailConfig[]
  readonly callbacks: readonly CallbackConfig[]
  readonly searchTools: readonly SearchToolConfig[]
  /** Tools of the gateway itself, for MCP clients. */
  readonly mcpTools: readonly McpToolConfig[]
  readonly mcpSettings: McpSettings
  readonly agent: AgentConfig
  /** Keys of the gateway besides the master key. */
  readonly keys: readonly KeyConfig[]
  /** Undefined when no answers are kept. */
  readonly cache: CacheConfig | undefined
  /** Packages and files with plugins of the user's own. */
  readonly plugins: readonly PluginConfig[]
  readonly settings: Settings
  readonly general: GeneralSettings
  readonly router: RouterSettings
  /** `environment_variables`, resolved; they go before the process's environment. */
  readonly environment: ReadonlyMap<string, string>
  /** All other sections of the file as written, resolved: `mcp_servers`, `prompts`… */
  readonly sections: JsonObject
  /** Where something was written, by its path: `['router_settings', 'redis_port']`; else what is nearest around it. */
  positionOf(path: Path): Position
}

/** One deployment of `model_list`. */
export interface ModelConfig {
  /** The public name (`model_name`); may hold a `*`. */
  readonly name: string
  /** The provider plugin. `*` when the model is `*`: then the prefix of each request's model decides. */
  readonly provider: string
  /** The vendor's model id: what follows the provider's prefix. */
  readonly model: string
  /** `litellm_params` for the provider, in camelCase: options of the plugin and default parameters of requests. */
  readonly options: JsonObject
  /** The same as written, in snake_case. */
  readonly params: JsonObject
  /** `litellm_params` for the gateway itself that have no field here, as written: tags, prices, budgets… */
  readonly gatewayParams: JsonObject
  /** Undefined: as `settings.dropParams` says. */
  readonly dropParams: boolean | undefined
  /** `headers` and `extra_headers`. */
  readonly extraHeaders: Readonly<Record<string, string>>
  readonly extraBody: JsonObject
  readonly timeout: number | undefined
  readonly streamTimeout: number | undefined
  /** False switches certificate checks off; a text is the path of a CA bundle. */
  readonly sslVerify: boolean | string | undefined
  /** `num_retries`, else `max_retries`. */
  readonly numRetries: number | undefined
  readonly weight: number | undefined
  /** Requests a minute. */
  readonly rpm: number | undefined
  /** Tokens a minute. */
  readonly tpm: number | undefined
  /** Lower ones are tried first. */
  readonly order: number | undefined
  readonly maxParallelRequests: number | undefined
  /** Of all calls to it. */
  readonly budget: BudgetConfig | undefined
  readonly cooldownTime: number | undefined
  readonly tags: readonly string[]
  /** A canned answer. */
  readonly mockResponse: unknown
  /** Guardrails of this deployment, besides those that are always on. */
  readonly guardrails: readonly string[]
  /** `model_info.id`. Deployments made of a list of organizations have `-1`, `-2`… appended. */
  readonly id: string | undefined
  /** `model_info` as written. */
  readonly info: JsonObject
  readonly position: Position
  /** Where a key of `litellm_params`, in either spelling, was written; the deployment's own position if it was not. */
  positionOf(key: string): Position
}

/** What happens when a guardrail itself fails: the request is refused (`closed`) or goes on (`open`). */
export type FailMode = 'closed' | 'open'

/** One entry of `guardrails`. */
export interface GuardrailConfig {
  /** Several of one name share the load. */
  readonly name: string
  /** The guardrail plugin. */
  readonly plugin: string
  /** When it runs, in lower case, by default `pre_call`; with `modeTags`, when it runs for requests without any of those tags. */
  readonly modes: readonly string[]
  /** When it runs for requests with a tag; undefined when that makes no difference. */
  readonly modeTags: ReadonlyMap<string, readonly string[]> | undefined
  readonly defaultOn: boolean
  /** Out of `fail_mode` and the vendors' own spellings of it; undefined when nothing is said. */
  readonly failMode: FailMode | undefined
  readonly timeout: number | undefined
  /** Share of the load among guardrails of one name. */
  readonly weight: number | undefined
  /** The other `litellm_params`, in camelCase. */
  readonly options: JsonObject
  /** `guardrail_info` as written. */
  readonly info: JsonObject
  readonly position: Position
  positionOf(key: string): Position
}

/** One callback; named in several lists it is still one. */
export interface CallbackConfig {
  readonly name: string
  /** The callback plugin: the name, or what `callback_settings.<name>.callback_type` says. */
  readonly plugin: string
  readonly on: 'success' | 'failure' | 'both'
  /** `callback_settings.<name>` and `litellm_settings.<name>_params`, overlaid by the entry's own map; in camelCase. */
  readonly options: JsonObject
  readonly position: Position
}

/** One entry of `search_tools`. */
export interface SearchToolConfig {
  /** Several of one name share the load. */
  readonly name: string
  /** The search plugin (`search_provider`). */
  readonly provider: string
  /** The other `litellm_params`, in camelCase. */
  readonly options: JsonObject
  /** Prices among the `litellm_params`, as written: `input_cost_per_query`. */
  readonly prices: JsonObject
  readonly timeout: number | undefined
  /** Tries after one that failed; undefined: as `router.numRetries` says. */
  readonly maxRetries: number | undefined
  /** `search_tool_info` as written. */
  readonly info: JsonObject
  readonly position: Position
  positionOf(key: string): Position
}

/** `mcp_settings`. */
export interface McpSettings {
  /** Whether search tools are tools for MCP clients as well; default true. */
  readonly offerSearchTools: boolean
  /** Which tools there are for anybody, by their tags or their servers'; undefined: all. */
  readonly toolFilter:
    | { readonly includeTags: readonly string[] | undefined; readonly excludeTags: readonly string[] }
    | undefined
  /** What is done with a tool that is no longer what it was when it was first seen; default `warn`. */
  readonly toolPinning: 'off' | 'warn' | 'quarantine'
  /** `litellm_settings.mcp_semantic_tool_filter`; undefined when it is not enabled. */
  readonly semanticFilter:
    | {
        readonly embeddingModel: string
        /** How many tools a model is offered at most. */
        readonly topK: number
        /** How like the request a tool must be, from 0 to 1. */
        readonly threshold: number
      }
    | undefined
}

/** `agent`. */
export interface AgentConfig {
  readonly isEnabled: boolean
  /** Requests from one address in each `window`. */
  readonly rateLimit: number
  readonly window: number
  /** Queries that are answered at once. */
  readonly maxParallel: number
  readonly queryTimeout: number
  /** Of one call of a tool. */
  readonly toolTimeout: number
  /** Times that a model is asked for one query. */
  readonly maxTurns: number
  /** Of a tool's result, that a model gets to read. */
  readonly maxResultTokens: number
  readonly sessionIdle: number
  /** A model group, or a provider of the environment; and so each of `providers`, which are asked in this order. */
  readonly defaultProvider: string | undefined
  readonly providers: readonly string[] | undefined
  /** Whether servers that are reached this way are used. */
  readonly transports: Readonly<Record<'stdio' | 'sse' | 'http', boolean>>
  /** Addresses, or ranges of them as `10.0.0.0/8`, whose word is taken for whom they speak for. */
  readonly trustedProxies: readonly string[]
}

/** One entry of `mcp_tools`. */
export interface McpToolConfig {
  readonly name: string
  readonly description: string | undefined
  /** As written; undefined when nothing is said. */
  readonly inputSchema: JsonObject | undefined
  readonly tags: readonly string[]
  /** What it does: asks a model, with `{{argument}}` in the prompt, or searches. Both are there to be asked. */
  readonly task: { readonly model: string; readonly prompt: string } | { readonly searchTool: string }
  /** Where it is in the file. */
  readonly path: Path
}

/** One entry of `keys`: who may call the gateway, and what for. */
export interface KeyConfig {
  /** The key itself, a secret; undefined when only its hash is given. */
  readonly key: string | undefined
  /** SHA-256 of the key, in lower-case hex. */
  readonly keyHash: string
  readonly keyAlias: string | undefined
  readonly userId: string | undefined
  readonly teamId: string | undefined
  /** Models it may use, each perhaps with a `*`; none: all. */
  readonly models: readonly string[]
  /** Routes it may call, or names of kinds of routes; none: all. */
  readonly allowedRoutes: readonly string[]
  /** Requests a minute. */
  readonly rpmLimit: number | undefined
  /** Tokens a minute. */
  readonly tpmLimit: number | undefined
  /** Of single models. */
  readonly modelRpmLimit: ReadonlyMap<string, number>
  readonly modelTpmLimit: ReadonlyMap<string, number>
  /** Undefined: it may spend what it likes. */
  readonly budget: BudgetConfig | undefined
  readonly modelBudgets: ReadonlyMap<string, BudgetConfig>
  /** Calls at once. */
  readonly maxParallelRequests: number | undefined
  /** From when on it is not valid any more, in ms since 1970. */
  readonly expires: number | undefined
  readonly isBlocked: boolean
  /** As written; added to the metadata of its calls. */
  readonly metadata: JsonObject
  /** What it may use besides models, as written; undefined: nothing is said. */
  readonly objectPermission: JsonObject | undefined
  readonly position: Position
}

/** Where answers are kept; before Redis there is a store in memory. */
export type CacheType = 'local' | 'disk' | 'redis' | 'local-semantic' | 'redis-semantic'

/** `litellm_settings.cache_params`, but for what is about the connection to Redis. */
export interface CacheConfig {
  /** LiteLLM's default is `redis`. */
  readonly type: CacheType
  /** Whether requests use it unasked. */
  readonly mode: 'default_on' | 'default_off'
  /** Undefined: chat, text completions and embeddings. */
  readonly operations: readonly OperationName[] | undefined
  /** For requests that name none. */
  readonly namespace: string | undefined
  readonly ttl: number | undefined
  /** `default_in_memory_ttl`. */
  readonly nearTtl: number | undefined
  /** `default_in_redis_ttl`. */
  readonly farTtl: number | undefined
  /** From 0 to 1. */
  readonly similarityThreshold: number | undefined
  /** The model of the gateway that embeds questions. */
  readonly embedder: string | undefined
  /** `disk_cache_dir`. */
  readonly folder: string | undefined
  readonly maxEntries: number | undefined
  readonly maxSizeMb: number | undefined
  /** Who may be given an answer that somebody else was given: nobody, the same team, everybody. */
  readonly sharedBy: 'key' | 'team' | 'all'
  readonly position: Position
}

/** One entry of `plugins`. */
export interface PluginConfig {
  /** A package's name, or a path that begins with a dot and is relative to the file of `position`. */
  readonly specifier: string
  readonly position: Position
}

/** What may be spent. */
export interface BudgetConfig {
  /** US dollars; undefined when there is only a warning. */
  readonly max: number | undefined
  /** US dollars from which on there is a warning. */
  readonly soft: number | undefined
  /** How long it lasts until it begins anew: `30s`, `30m`, `12h`, `30d`, `1mo`; undefined: for good. */
  readonly duration: string | undefined
}

/** `litellm_settings`, but for what has a place of its own. */
export interface Settings {
  readonly dropParams: boolean
  readonly modifyParams: boolean
  readonly requestTimeout: number | undefined
  readonly sslVerify: boolean | string | undefined
  readonly turnOffMessageLogging: boolean
  readonly redactUserApiKeyInfo: boolean
  readonly redactMessagesInExceptions: boolean
  readonly jsonLogs: boolean
  readonly networkMock: boolean
  readonly skipSystemMessageInGuardrail: boolean
  readonly skipToolMessageInGuardrail: boolean
  /** Model groups the public model hub shows. */
  readonly publicModelGroups: readonly string[]
  /** MCP servers the public MCP hub shows. */
  readonly publicMcpServers: readonly string[]
  /** Of all calls together. */
  readonly budget: BudgetConfig | undefined
  /** Of all calls with a tag. */
  readonly tagBudgets: ReadonlyMap<string, BudgetConfig>
  /** All other keys as written. */
  readonly rest: JsonObject
}

/** `general_settings`. */
export interface GeneralSettings {
  readonly masterKey: string | undefined
  readonly databaseUrl: string | undefined
  /** Header that carries the gateway key besides the usual ones, in lower case. */
  readonly keyHeaderName: string | undefined
  /** Header that names the end user, in lower case. */
  readonly userHeaderName: string | undefined
  readonly maxRequestSizeMb: number | undefined
  readonly maxResponseSizeMb: number | undefined
  readonly maxParallelRequests: number | undefined
  readonly globalMaxParallelRequests: number | undefined
  /** Models that replace whatever a request asks for, by kind of request. */
  readonly completionModel: string | undefined
  readonly embeddingModel: string | undefined
  readonly imageGenerationModel: string | undefined
  readonly moderationModel: string | undefined
  readonly alwaysIncludeStreamUsage: boolean
  readonly disableSpendLogs: boolean
  /** Whether calls are let in although the database does not answer and nothing is known of their budgets. */
  readonly allowRequestsOnDbUnavailable: boolean
  /** Which tokens count for limits. Default `total`. */
  readonly tokenRateLimitType: 'total' | 'input' | 'output'
  /** For how long what the database says of a key is known, whoever changes it. */
  readonly userApiKeyCacheTtl: number | undefined
  readonly forwardClientHeadersToLlmApi: boolean
  /** Whether MCP servers that are added while the gateway runs may run commands. */
  readonly allowStoredMcpCommands: boolean
  /** Whether they may be in private networks, and be asked without encryption. */
  readonly allowPrivateMcpUrls: boolean
  /** Whether everybody is told which MCP servers there are. */
  readonly enableMcpRegistry: boolean
  /** Addresses and ranges of those who see servers that are not for the public internet; undefined: private networks. */
  readonly mcpInternalIpRanges: readonly string[] | undefined
  /** Those of proxies whose `X-Forwarded-For` is believed there. */
  readonly mcpTrustedProxyRanges: readonly string[]
  /** `litellm_jwtauth` as written, with `role_permissions`; undefined unless `enable_jwt_auth` is set. */
  readonly jwtAuth: JsonObject | undefined
  /** All other keys as written. */
  readonly rest: JsonObject
}

/** A second name for a model group. */
export interface ModelAlias {
  readonly model: string
  /** Not listed to clients. */
  readonly isHidden: boolean
}

/** Model groups that stand in for a group, in the order to be tried. */
export type FallbackTable = ReadonlyMap<string, readonly string[]>

/** `router_settings`, with those of its keys that `litellm_settings` may hold as well. */
export interface RouterSettings {
  /** Default `simple-shuffle`. */
  readonly routingStrategy: string
  readonly routingStrategyArgs: JsonObject
  /** Default 2. */
  readonly numRetries: number
  /** At least so many seconds before a retry. Default 0. */
  readonly retryAfter: number
  /** `timeout`, else `litellm_settings.request_timeout`. */
  readonly timeout: number | undefined
  readonly streamTimeout: number | undefined
  /** Failures a minute; undefined when nothing is said. */
  readonly allowedFails: number | undefined
  /** Default 5. */
  readonly cooldownTime: number
  readonly disableCooldowns: boolean
  readonly fallbacks: FallbackTable
  readonly contextWindowFallbacks: FallbackTable
  readonly contentPolicyFallbacks: FallbackTable
  /** For groups without fallbacks of their own. */
  readonly defaultFallbacks: readonly string[]
  /** Default 5. */
  readonly maxFallbacks: number
  readonly modelGroupAlias: ReadonlyMap<string, ModelAlias>
  /** Of all calls to a provider. */
  readonly providerBudgets: ReadonlyMap<string, BudgetConfig>
  readonly enablePreCallChecks: boolean
  readonly enableTagFiltering: boolean
  /** Whether one common tag is enough. Default true. */
  readonly tagFilteringMatchAny: boolean
  /** All other keys as written. */
  readonly rest: JsonObject
}
