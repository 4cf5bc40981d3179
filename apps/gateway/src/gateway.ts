import { GatewayError, type JsonObject, type Scrape } from '@tianjillm/core'
import type { Engine } from '@tianjillm/engine'
import { createLocalLimiter } from '@tianjillm/limits'
import { type Admission, createAdmission } from './admission/admission.ts'
import type { AgentOffer } from './agent/offer.ts'
import { type Books, createBooks } from './books.ts'
import type { Discovery } from './discovery/discovery.ts'
import type { Access } from './http/access.ts'
import type { Intake } from './http/intake.ts'
import { scrape } from './http/metrics.ts'
import type { AccessLog } from './log.ts'
import type { McpHub } from './mcp/hub.ts'
import { createPrompts, type Prompts } from './prompts/prompts.ts'
import type { ConfigState, Reload } from './reload.ts'
import type { Tenancy } from './tenancy.ts'
import type { Interception } from './tool-loop/interception.ts'

/** Bytes a JSON body may have, and a form with files, when nothing is configured. */
const JSON_LIMIT = 16 * 1024 * 1024
const FORM_LIMIT = 32 * 1024 * 1024

/** What all routes share while one configuration is in force. */
export interface Gateway {
  readonly engine: Engine
  readonly access: Access
  /** Holds calls to limits and budgets. */
  readonly admission: Admission
  readonly books: Books
  /** Keys of a database; undefined when there is none. */
  readonly tenancy: Tenancy | undefined
  /** Those that requests may name. */
  readonly prompts: Prompts
  /** MCP servers; undefined when there are none. */
  readonly mcp: McpHub | undefined
  /** Searches for models that cannot; undefined when nobody asked for that. */
  readonly interception: Interception | undefined
  /** Models that use tools; undefined when the operator does not want any. */
  readonly agent: AgentOffer | undefined
  /** Identity providers whose tokens are taken, by their URLs; undefined when none are. */
  readonly issuers: readonly string[] | undefined
  /** Tells what may be asked for. */
  readonly discovery: Discovery
  readonly version: string
  /** Whether `/metrics` needs a key. */
  readonly guardsMetrics: boolean
  /** Calls that may be worked on at once. */
  readonly mostCalls: number
  /** What the operator changes about every request; undefined: nothing. */
  readonly intake: Intake | undefined
  bodyLimit(contentType: string | undefined): number
  /** What `/metrics` shows; undefined when no callback gathers metrics. */
  metrics(): Promise<Scrape | undefined>
  /** The error without any secret in its words. */
  redact(error: GatewayError): GatewayError
  /** Which configuration is in force, and whether a newer one could not be used. */
  configState(): ConfigState | undefined
  /** Makes the database that is there when none is configured; undefined when there is one, or must not be. */
  readonly makeDatabase: (() => Promise<void>) | undefined
  /** Puts what the configuration says now in force; undefined when it cannot be read again. */
  readonly reload: Reload | undefined
}

/** What a gateway is made of. */
export interface GatewayParts {
  readonly engine: Engine
  readonly access: Access
  readonly discovery: Discovery
  readonly version: string
  readonly accessLog: AccessLog
  readonly guardsMetrics?: boolean
  /** Bytes; replaces both defaults. */
  readonly bodyLimit?: number | undefined
  /** Default: one of its own. */
  readonly admission?: Admission | undefined
  /** Default: books of its own. */
  readonly books?: Books
  /** Calls that may be worked on at once. Default: any number. */
  readonly mostCalls?: number | undefined
  readonly intake?: Intake | undefined
  readonly tenancy?: Tenancy | undefined
  /** Default: there are none. */
  readonly prompts?: Prompts | undefined
  readonly mcp?: McpHub | undefined
  readonly issuers?: readonly string[] | undefined
  readonly interception?: Interception | undefined
  readonly agent?: AgentOffer | undefined
  /** Default: those of its engine. */
  readonly metrics?: (() => Promise<Scrape | undefined>) | undefined
  readonly configState?: () => ConfigState | undefined
  readonly reload?: Reload | undefined
  readonly makeDatabase?: (() => Promise<void>) | undefined
}

/** A gateway from its parts. */
export function createGateway(parts: GatewayParts): Gateway {
  const {
    engine,
    access,
    discovery,
    version,
    accessLog,
    guardsMetrics = false,
    mostCalls = Number.POSITIVE_INFINITY,
  } = parts
  const { admission = plainAdmission(), books = createBooks(accessLog) } = parts
  return {
    engine,
    access,
    admission,
    books,
    tenancy: parts.tenancy,
    prompts: parts.prompts ?? createPrompts(),
    mcp: parts.mcp,
    issuers: parts.issuers,
    interception: parts.interception,
    agent: parts.agent,
    discovery,
    version,
    guardsMetrics,
    mostCalls,
    intake: parts.intake,
    metrics: parts.metrics ?? (() => scrape(engine)),
    configState: parts.configState ?? (() => undefined),
    reload: parts.reload,
    makeDatabase: parts.makeDatabase,
    bodyLimit: (contentType) => parts.bodyLimit ?? (contentType?.startsWith('multipart/') ? FORM_LIMIT : JSON_LIMIT),
    redact: ({ kind, message, facts }) =>
      new GatewayError(kind, engine.redact(message), {
        ...facts,
        code: facts.code && engine.redact(facts.code),
        param: facts.param && engine.redact(facts.param),
        details: facts.details && (JSON.parse(engine.redact(JSON.stringify(facts.details))) as JsonObject),
      }),
  }
}

/** Of one process, without budgets. */
function plainAdmission(): Admission {
  const limiter = createLocalLimiter(() => performance.now())
  return createAdmission({
    ...{ limiter, ledger: undefined, share: (total) => total },
    ...{ findCustomer: undefined, tagBudgets: new Map() },
  })
}
