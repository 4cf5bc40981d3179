import type { Call, Caller } from './call.ts'
import type { JsonObject } from './json.ts'
import type { Awaitable, OperationName } from './provider.ts'
import type { Usage } from './wire/chat.ts'

/** One run of one guardrail. Times in milliseconds since the epoch. */
export interface GuardrailRun {
  readonly name: string
  readonly plugin: string
  readonly hook: string
  readonly status: 'success' | 'guardrail_intervened' | 'guardrail_failed_to_respond'
  readonly startTime: number
  readonly endTime: number
}

/** A budget that a call counts towards, as it stood when the call ended. */
export interface BudgetState {
  /** Whose it is: `key`, `team`, `user`, `organization`, `member`, … */
  readonly kind: string
  /** Of a key its hash. */
  readonly id: string
  readonly alias?: string | undefined
  /** US dollars. */
  readonly maxBudget: number
  /** US dollars since it last began anew. */
  readonly spend: number
  /** When it begins anew; undefined: never. */
  readonly resetsAt?: number | undefined
}

/** The call of an MCP server's tool, as far as it is told. What it was given is the report's input. */
export interface ToolFacts {
  readonly server: string
  /** The server's own name of it. */
  readonly name: string
  /** Whether the tool itself said that it failed. */
  readonly hasFailed: boolean
  /** Characters of the texts and files that it gave; what they were is not told. */
  readonly resultLength: number
  /** What its operator says of its costs, and where its server's picture is; as configured. */
  readonly costs: JsonObject | undefined
  readonly logoUrl: string | undefined
}

/** Everything known of a finished call. Times in milliseconds since the epoch. */
export interface CallReport {
  /** The gateway's id of the call. */
  readonly id: string
  /** The same for all calls of one overall request; the client's when it gave one. */
  readonly traceId: string
  readonly operation: OperationName
  readonly status: 'success' | 'failure'
  readonly stream: boolean
  /** The id in the vendor's answer. */
  readonly responseId: string | undefined
  /** Name of the provider plugin; undefined when no deployment was reached. */
  readonly provider: string | undefined
  /** The vendor's model id. */
  readonly model: string
  /** The model name the client asked for. */
  readonly modelGroup: string
  readonly deploymentId: string | undefined
  /** Origin and path of the vendor's API, without the query. */
  readonly apiBase: string | undefined
  readonly startTime: number
  readonly endTime: number
  /** When the request to the vendor left; undefined when none did. */
  readonly upstreamStartTime: number | undefined
  /** When the first piece of a stream, or the whole answer, came. */
  readonly firstTokenTime: number | undefined
  readonly usage: Usage | undefined
  /** The vendor did not tell the tokens, so the gateway counted those of the request and of what was answered. */
  readonly usageIsEstimated?: true
  /** US dollars; undefined when the price is unknown. */
  readonly cost: number | undefined
  /** The request as the client sent it, without the files. Only for callbacks with `content: true`. */
  readonly input: JsonObject | undefined
  /** The answer; streams are put together. Only for callbacks with `content: true`. */
  readonly output: JsonObject | undefined
  readonly error:
    | {
        readonly kind: string
        readonly status: number
        readonly message: string
        readonly provider: string | undefined
      }
    | undefined
  readonly caller: Caller
  readonly metadata: Readonly<Record<string, unknown>>
  readonly tags: readonly string[]
  /** Route the client called, e.g. `/v1/chat/completions`. */
  readonly route: string
  /** Status answered to the client. */
  readonly httpStatus: number
  readonly guardrails: readonly GuardrailRun[]
  /** How many deployments were tried before the one that is reported. */
  readonly attemptedRetries: number
  /** Model groups that failed before the one that answered. */
  readonly attemptedFallbacks: number
  /** The last group that was asked in place of the one the client named. */
  readonly fallbackGroup?: string | undefined
  /** Whether the answer was given before, and no vendor was asked. Its usage is that of the first time. */
  readonly cacheHit: boolean
  /** Of calls of the operation `tool`. */
  readonly tool?: ToolFacts | undefined
  /** The budgets it counts towards, where somebody keeps any. */
  readonly budgets?: readonly BudgetState[] | undefined
}

/** Asks for one version of a stored prompt. */
export interface PromptSource {
  /**
   * `{template | messages, variables?, model?, parameters?}` with `{{names}}` in its texts, or `{dotprompt}` with the text
   * of a `.prompt` file. Undefined when the source has no such prompt. It is asked for each call: what it wants to keep
   * is its business.
   */
  find(
    id: string,
    wanted: { readonly version?: number; readonly label?: string },
    call: Call,
  ): Awaitable<JsonObject | undefined>
}

/** A page of text for whoever polls, such as Prometheus. */
export interface Scrape {
  readonly contentType: string
  readonly body: string
}

/** Hears of calls; cannot delay or fail one. Prompt sources and interceptors say so openly. */
export interface Callback {
  /** Whether its reports carry `input` and `output`; keeping them costs memory. Default false. */
  readonly content?: boolean
  /** A call began. */
  start?(call: Call): void
  success?(report: CallReport): Awaitable<void>
  failure?(report: CallReport): Awaitable<void>
  /** Sends all that is queued; called at shutdown, within a deadline. */
  flush?(): Promise<void>
  /** Served at `GET /metrics`. */
  scrape?(): Awaitable<Scrape>
  readonly prompts?: PromptSource
  /** May replace a whole answer; `again` runs a changed request. */
  intercept?(answer: JsonObject, call: Call, again: (input: JsonObject) => Promise<JsonObject>): Awaitable<JsonObject>
}
