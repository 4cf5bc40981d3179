import type { GatewayError, UpstreamRequest } from '@tianjillm/core'

/** Signs each request to one MCP server. */
export interface Signer {
  /**
   * All headers that this request is sent with: its own, and those of the signature, to which others of the same name
   * give way. Called right before it is sent, and again before it is repeated. The body is text or bytes. Rejects with
   * GatewayError.
   */
  sign(request: UpstreamRequest, signal: AbortSignal | undefined): Promise<Readonly<Record<string, string>>>
  /** Why the server refused what was signed, if its answer tells. */
  explain(answer: SignatureRefusal): GatewayError | undefined
}

/** An answer of 401 or 403. */
export interface SignatureRefusal {
  readonly status: number
  readonly headers: Headers
  /** The beginning of its body. */
  readonly text: string
}
