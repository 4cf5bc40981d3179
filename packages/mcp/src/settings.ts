import type { Signer } from './upstream/signer.ts'
import type { TokenSource } from './upstream/token-source.ts'

/** How an MCP server is reached. Times in milliseconds. */
export type McpTransport = ProtocolTransport | ApiTransport

/** An HTTP API whose operations are tools, by its OpenAPI document. */
export interface ApiTransport {
  readonly type: 'openapi'
  /** Where the document is: an https URL, one of http on this machine, or the path of a file. */
  readonly document: string
  /** Where operations are called; undefined: where the document says. */
  readonly url: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly auth: McpAuth | undefined
}

/** A server that speaks the protocol. */
export type ProtocolTransport =
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
  | { readonly type: 'tokens'; readonly tokens: TokenSource }
  | { readonly type: 'signature'; readonly signer: Signer }

/** Servers who want to know which user it is. */
export type PersonalAuth = AuthorizationCode | TokenExchange | TokenPassthrough | HeaderVariables

/** Users sign in at the server's own authorization server; what is not given is discovered. */
export interface AuthorizationCode {
  readonly type: 'authorization_code'
  readonly authorizationUrl?: string | undefined
  readonly tokenUrl?: string | undefined
  readonly registrationUrl?: string | undefined
  /** Undefined: the gateway makes itself known. */
  readonly clientId?: string | undefined
  readonly clientSecret?: string | undefined
  /** None: those that the server asks for. */
  readonly scopes: readonly string[]
}

/** The token that a user comes with is exchanged for one of the server. https://www.rfc-editor.org/rfc/rfc8693 */
export interface TokenExchange {
  readonly type: 'token_exchange'
  readonly endpoint: string
  readonly clientId?: string | undefined
  readonly clientSecret?: string | undefined
  readonly audience?: string | undefined
  /** A URI. */
  readonly subjectTokenType: string
  readonly scopes: readonly string[]
}

/** Users come with a token of the server, which it alone judges. */
export interface TokenPassthrough {
  readonly type: 'passthrough'
  /** Whether they need nothing else to come to the gateway. */
  readonly isOpen: boolean
}

/** Headers of a user's requests are variables of a process of their own. */
export interface HeaderVariables {
  readonly type: 'header_variables'
  /** Names of headers, in lower case, by those of variables. */
  readonly variables: Readonly<Record<string, string>>
}

/** An MCP server as configured. */
export interface McpServerSettings {
  readonly name: string
  readonly transport: McpTransport
  /** Each user is somebody else to it: over HTTP, or with `header_variables` over stdio. */
  readonly personal?: PersonalAuth | undefined
  /** Until a request is given up that neither answers nor tells of progress; default 60,000. */
  readonly timeout?: number
  /** Until what it offers must be there; default 10,000 or `timeout`, whichever is less; for an OpenAPI document 30,000. */
  readonly listTimeout?: number
  /** Requests that it works on at once; more wait, 1,000 at most. Default 32; of a stdio server 8. */
  readonly concurrency?: number
  /** How often a process is started again before it is given up for five minutes; default 3. */
  readonly restarts?: number
}
