import type { JsonObject } from './json.ts'
import type { Reach } from './networks.ts'
import type { OperationName } from './provider.ts'

/** Where a plugin says what its operator should know. Never give it a secret or a prompt. */
export interface Log {
  debug(message: string, facts?: Readonly<Record<string, unknown>>): void
  info(message: string, facts?: Readonly<Record<string, unknown>>): void
  warn(message: string, facts?: Readonly<Record<string, unknown>>): void
  error(message: string, facts?: Readonly<Record<string, unknown>>): void
}

/** What a plugin may lean on. Nothing is ambient, so a test hands in a stub. */
export interface Host {
  /** An environment variable; undefined when unset or empty. */
  env(name: string): string | undefined
  /** The network, with the deployment's own TLS settings. Throws as global fetch does. */
  readonly fetch: typeof fetch
  /**
   * A `fetch` for addresses that strangers name: each connection, also of a redirect, is made within this reach, wherever
   * a name leads at that moment, or it rejects with GatewayError `leadsAstray`. Undefined where nobody looks names up.
   */
  readonly fetchWithin?: (reach: Reach) => typeof fetch
  /** Milliseconds since the epoch. */
  now(): number
  /** A UUID, version 7: later ones sort after earlier ones. Not to be used as a secret. */
  uuid(): string
  readonly log: Log
}

/** Who asks. What is absent is unknown. */
export interface Caller {
  /** SHA-256 of the gateway key, in hex; never the key. */
  readonly keyHash?: string
  readonly keyAlias?: string
  readonly userId?: string
  readonly userEmail?: string
  readonly teamId?: string
  readonly teamAlias?: string
  readonly organizationId?: string
  /** The client's own end user (`user` of the request). */
  readonly endUserId?: string
  readonly ip?: string
  readonly userAgent?: string
}

/** One call on its way through the house. Read-only. */
export interface Call extends Host {
  /** The gateway's id of this call, also in the answer's `x-request-id`. */
  readonly id: string
  readonly operation: OperationName
  /** The vendor's model id, without the provider's prefix. */
  readonly model: string
  /** Aborts when the client hangs up or the deadline passes. */
  readonly signal: AbortSignal
  readonly caller: Caller
  /** The request's own `metadata`, and what the gateway adds. */
  readonly metadata: Readonly<Record<string, unknown>>
}

/**
 * Asks a model of the gateway on behalf of a call or of the gateway itself, with routing, guardrails and a report as any
 * call has them. `input` is as a client would send it, not streamed. Rejects with GatewayError.
 */
export type AskModel = (
  operation: OperationName,
  input: JsonObject & { readonly model: string },
  signal?: AbortSignal,
) => Promise<JsonObject>
