import type { JsonObject } from '@tianjillm/core'

/** What a server offers, as it says it; whole, for all pages were asked for. Frozen. */
export interface Offer {
  readonly tools: readonly Tool[]
  readonly prompts: readonly JsonObject[]
  readonly resources: readonly JsonObject[]
  readonly resourceTemplates: readonly JsonObject[]
  /** As `initialize` or `server/discover` answered. */
  readonly capabilities: JsonObject
  readonly instructions: string | undefined
}

/** A tool on the wire. */
export interface Tool extends JsonObject {
  readonly name: string
  readonly description?: string
  readonly inputSchema: JsonObject
}

/** How a server is, as it was last heard of. */
export interface Health {
  readonly status: 'connecting' | 'healthy' | 'unhealthy' | 'stopped'
  /** Why it cannot be used, in words of ours. */
  readonly failure: string | undefined
  /** Milliseconds since the epoch; undefined before the first success, or failure. */
  readonly healthyAt: number | undefined
  readonly failedAt: number | undefined
  readonly restarts: number
}

/** The other end of a conversation: who asked the gateway. What it cannot do, it is never asked for. */
export interface Peer {
  /** As the client said them. */
  readonly capabilities: JsonObject
  /** Asks the client: `sampling/createMessage`, `elicitation/create`, `roots/list`. Undefined when it cannot be asked. */
  readonly request: ((method: string, params: JsonObject, signal: AbortSignal) => Promise<JsonObject>) | undefined
  /** Tells the client: `notifications/message`, `notifications/resources/updated`… Undefined when it cannot be told. */
  readonly notify: ((method: string, params: JsonObject) => void) | undefined
}

/** What one request to a server may have with it. */
export interface RequestOptions {
  readonly signal?: AbortSignal
  /** Hears of progress; without it the server is not asked to tell. */
  readonly onProgress?: (progress: JsonObject) => void
  /** Milliseconds without an answer and without progress; default that of the server. */
  readonly timeout?: number
  /** Headers of this one request, over HTTP. */
  readonly headers?: Readonly<Record<string, string>>
  /** Who makes it, to the gateway; for servers within it, and never told to others. */
  readonly caller?: unknown
}

/** A way to talk to a server on behalf of one client, or of many who cannot be told apart. */
export interface Conversation {
  /** Any request: `tools/call`, `resources/read`… Rejects with McpServerError, or GatewayError. */
  request(method: string, params: JsonObject, options?: RequestOptions): Promise<JsonObject>
  close(): Promise<void>
}

/** A server as its users have it, each for themselves. */
export interface PersonalServers {
  /** The one of this user, as far as it is there already. */
  of(owner: string): Upstream | undefined
  /** The same, once it is known whether there is one. */
  find(owner: string): Promise<Upstream | undefined>
  /** They have signed in, or out: what was theirs is left. */
  renew(owner: string): void
}

/** One MCP server that the gateway stands in front of. */
export interface Upstream {
  readonly name: string
  readonly health: Health
  /** Of a server that offers something of their own to those whom it knows; to others it says how they get known. */
  readonly personal?: PersonalServers
  /**
   * What it offers: what is known, or what it says within its deadline. Rejects with GatewayError `upstream_unreachable`
   * that names the server.
   */
  offer(): Promise<Offer>
  /** What is known, without asking. */
  readonly known: Offer | undefined
  /**
   * Begins a conversation. Those whose peer can neither be asked nor told share one connection; every other has a
   * connection of its own, for what a server keeps for one client must not be another's.
   */
  open(peer: Peer): Promise<Conversation>
  /** Hears when what it offers has changed, or whether it can be used. Gives what ends that. */
  onChange(listener: () => void): () => void
  close(): Promise<void>
}
