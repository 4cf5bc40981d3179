/** How an MCP server is reached. Times in milliseconds. */
export type McpTransport =
  | {
      readonly type: 'stdio'
      readonly command: string
      readonly args: readonly string[]
      /** Besides a few harmless ones of the process: PATH, HOME, LANG… */
      readonly env: Readonly<Record<string, string>>
      readonly cwd?: string | undefined
    }
  | {
      /** `auto`: Streamable HTTP, else HTTP with SSE. */
      readonly type: 'http' | 'sse' | 'auto'
      readonly url: string
      readonly headers: Readonly<Record<string, string>>
      readonly auth: McpAuth | undefined
    }

/** How the gateway shows a server who it is. */
export type McpAuth =
  | { readonly type: 'api_key' | 'bearer_token' | 'basic' | 'authorization'; readonly value: string }
  | {
      readonly type: 'client_credentials'
      readonly clientId: string
      readonly clientSecret: string
      readonly tokenUrl: string
      readonly scopes: readonly string[]
    }

/** An MCP server as configured. */
export interface McpServerSettings {
  readonly name: string
  readonly transport: McpTransport
  /** Until a request is given up that neither answers nor tells of progress; default 60,000. */
  readonly timeout?: number
  /** Until what it offers must be there; default 10,000. */
  readonly listTimeout?: number
  /** Requests that it works on at once; more wait, 1,000 at most. Default 32; of a stdio server 8. */
  readonly concurrency?: number
  /** How often a process is started again before it is given up for five minutes; default 3. */
  readonly restarts?: number
}
