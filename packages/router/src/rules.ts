import type { ErrorKind } from '@tianjillm/core'

/** How a router decides. Times are in milliseconds. What is kept by group may be kept by a wildcard as well. */
export interface Rules extends StrategyRules {
  /** The same for groups that have their own. */
  readonly groupStrategies: ReadonlyMap<string, StrategyRules>
  /** Tries of a group after the first. */
  readonly numRetries: number
  /** Tries after the first by what went wrong; what is not here has `numRetries`. */
  readonly retryPolicy: RetryPolicy
  /** The same by group; it comes first. */
  readonly groupRetryPolicy: ReadonlyMap<string, RetryPolicy>
  /** At least so long before a deployment is tried again. */
  readonly retryAfter: number
  readonly cooldown: CooldownRules
  readonly fallbacks: FallbackRules
  /** Other names of groups. */
  readonly aliases: ReadonlyMap<string, string>
  /** Those of them that clients are told of. */
  readonly listedAliases: readonly string[]
  readonly tags: TagRules
  /** Whether deployments are left out that a request is too long for, or that are in a wrong region. */
  readonly checksRequests: boolean
}

/** How one of several deployments is chosen. */
export interface StrategyRules {
  readonly strategy: StrategyName
  readonly strategyArguments: StrategyArguments
  /** Whether `rpm` and `tpm` of a deployment are kept to; else they are shares of the load. */
  readonly enforcesLimits: boolean
}

export type StrategyName = 'simple-shuffle' | 'least-busy' | 'latency-based' | 'usage-based' | 'cost-based'

/** What a strategy may be told. */
export interface StrategyArguments {
  /** Part above the lowest latency within which deployments count as equally fast. */
  readonly latencyBuffer: number
  /** Milliseconds after which a latency is forgotten. */
  readonly latencyMemory: number
}

export type RetryPolicy = Readonly<Partial<Record<ErrorKind, number>>>

/** When a deployment is left alone. */
export interface CooldownRules {
  readonly isOn: boolean
  /** How long. */
  readonly time: number
  /** Failures within a minute that are allowed; undefined: half of the requests, of at least five. */
  readonly allowedFails: number | undefined
  /** Failures allowed by what went wrong. */
  readonly allowedFailsPolicy: RetryPolicy
}

/** Which groups stand in for which, in the order to be tried. */
export interface FallbackRules {
  readonly general: FallbackTable
  readonly contextWindow: FallbackTable
  readonly contentPolicy: FallbackTable
  /** For groups without any in the table. */
  readonly others: readonly string[]
  /** Groups that stand in for one request, at most. */
  readonly most: number
}

export type FallbackTable = ReadonlyMap<string, readonly string[]>

/** How tags of requests and deployments are compared. */
export interface TagRules {
  readonly isOn: boolean
  /** Whether one common tag is enough. */
  readonly matchesAny: boolean
}

const none: FallbackTable = new Map()

/** LiteLLM's defaults. */
export const defaultRules: Rules = {
  strategy: 'simple-shuffle',
  strategyArguments: { latencyBuffer: 0, latencyMemory: 3_600_000 },
  groupStrategies: new Map(),
  numRetries: 2,
  retryPolicy: {},
  groupRetryPolicy: new Map(),
  retryAfter: 0,
  cooldown: { isOn: true, time: 5_000, allowedFails: undefined, allowedFailsPolicy: {} },
  fallbacks: { general: none, contextWindow: none, contentPolicy: none, others: [], most: 5 },
  aliases: new Map(),
  listedAliases: [],
  tags: { isOn: false, matchesAny: true },
  checksRequests: false,
  enforcesLimits: false,
}
