import type { Awaitable } from '@tianjillm/core'
import type { Challenge } from './oauth/challenge.ts'

/** Access tokens for one MCP server. */
export interface TokenSource {
  /** The token that holds. Rejects with GatewayError. */
  token(): Promise<string>
  /**
   * The server did not accept it (401), or not for this (403): whether there may be a better one now. Rejects with
   * GatewayError when there will be none.
   */
  refused(token: string, challenge: Refusal): Awaitable<boolean>
}

/** A refusal of the server, in its words. */
export interface Refusal extends Challenge {
  readonly status: number
}
