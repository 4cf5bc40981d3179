/** An error that an MCP server answered, passed on as it is. */
export class McpServerError extends Error {
  override readonly name = 'McpServerError'
  /** JSON-RPC's: -32602 for arguments or a tool that it does not know. */
  readonly code: number
  readonly data: unknown

  constructor(code: number, message: string, data?: unknown, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.data = data
  }
}
