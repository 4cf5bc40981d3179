import { ProtocolError, SdkError, SdkErrorCode, SdkHttpError } from '@modelcontextprotocol/client'
import { type ErrorKind, GatewayError, isGatewayError, isJsonObject, isLedAstray, parseJson } from '@tianjillm/core'
import { McpServerError } from '../server-error.ts'

/** Marks an answer of ours in place of one that was lost. Known by identity, so that no server can say the same. */
export const LOST: Readonly<Record<string, never>> = Object.freeze({})

/** JSON-RPC's codes for a method, and for arguments or a tool, that the other side does not know. */
const METHOD_NOT_FOUND = -32601
const INVALID_PARAMS = -32602

/** What was asked, and for how long. */
export interface Asked {
  readonly server: string
  /** Milliseconds. */
  readonly timeout: number
  readonly signal?: AbortSignal | undefined
}

/** Any failure of a connection as an error for the outside: of the server itself, or of ours, without its raw bytes. */
export function told(cause: unknown, asked: Asked): GatewayError | McpServerError {
  const { server, timeout, signal } = asked
  if (isLedAstray(cause)) return unreachable(server, cause)
  if (isGatewayError(cause) || cause instanceof McpServerError) return cause
  if (signal?.aborted === true)
    return isGatewayError(signal.reason)
      ? signal.reason
      : new GatewayError('client_closed', 'The client has gone.', { cause })
  const answered = serverError(cause)
  if (answered !== undefined) return answered
  if (cause instanceof SdkHttpError) return refused(server, cause.status, cause)
  if (cause instanceof ProtocolError) return wentAway(server, cause)
  if (cause instanceof SdkError) {
    if (cause.code === SdkErrorCode.RequestTimeout)
      return fault('upstream_timeout', `The MCP server ${server} did not answer within ${timeout / 1000} s.`, cause)
    if (isClosed(cause)) return wentAway(server, cause)
    if (isForeign(cause)) return new McpServerError(METHOD_NOT_FOUND, 'Method not found')
    return fault('upstream_invalid_response', `The MCP server ${server} sent what is not MCP.`, cause)
  }
  return unreachable(server, cause)
}

/** What the server itself answered, also with a status that says the same. */
function serverError(cause: unknown): McpServerError | undefined {
  if (cause instanceof ProtocolError)
    return cause.data === LOST ? undefined : new McpServerError(cause.code, cause.message, cause.data)
  if (!(cause instanceof SdkHttpError) || cause.status === 401 || cause.status === 403) return undefined
  const body = parseJson(String(cause.data.text))
  if (!isJsonObject(body) || !isJsonObject(body.error)) return undefined
  const { code, message, data } = body.error
  return typeof code === 'number' && typeof message === 'string' ? new McpServerError(code, message, data) : undefined
}

/** The error of a status that is not an answer. */
export function refused(server: string, status: number, cause?: unknown): GatewayError {
  const facts = { upstreamStatus: status, cause }
  if (status === 401 || status === 403)
    return new GatewayError(
      'upstream_auth_failed',
      `The MCP server ${server} does not accept the gateway's credentials (${status}).`,
      facts,
    )
  const kind = status === 429 ? 'rate_limited' : status >= 500 ? 'upstream_error' : 'upstream_invalid_response'
  return new GatewayError(kind, `The MCP server ${server} answered with status ${status}.`, facts)
}

/** Whether the connection is of no use any more. */
export function isNetworkFault(cause: unknown): boolean {
  return isUnreachable(cause) || (cause instanceof SdkError && isClosed(cause))
}

/** Whether nobody was there to hear it. */
export function isUnreachable(cause: unknown): boolean {
  return !(isGatewayError(cause) || cause instanceof ProtocolError || cause instanceof SdkError)
}

/** Whether the server has forgotten its session: it has not looked at the request, so another session may bring it. */
export function isForgottenSession(cause: unknown): boolean {
  if (!(cause instanceof SdkHttpError)) return false
  if (cause.status === 404) return true
  // Servers made after the SDK's examples answer 400. https://github.com/modelcontextprotocol/typescript-sdk/issues/1708
  return cause.status === 400 && /session/i.test(String(cause.data.text))
}

/** Whether the server says, or the SDK knows, that it has no such method. */
export function isUnknownMethod(cause: unknown): boolean {
  return serverError(cause)?.code === METHOD_NOT_FOUND || (cause instanceof SdkError && isForeign(cause))
}

/** Whether the server says that it has no tool of this name. */
export function isUnknownTool(error: unknown, tool: unknown): boolean {
  if (!(error instanceof McpServerError) || error.code !== INVALID_PARAMS || typeof tool !== 'string') return false
  return error.message.includes(tool)
}

function isClosed({ code }: SdkError): boolean {
  return code === SdkErrorCode.ConnectionClosed || code === SdkErrorCode.NotConnected
}

/** Whether it was not even sent, because the server's revision of the protocol has no such method. */
function isForeign({ code }: SdkError): boolean {
  return code === SdkErrorCode.MethodNotSupportedByProtocolVersion || code === SdkErrorCode.CapabilityNotSupported
}

function unreachable(server: string, cause: unknown): GatewayError {
  const why = isLedAstray(cause) ? `: ${cause.message}` : ''
  return fault('upstream_unreachable', `The MCP server ${server} cannot be reached${why}.`, cause)
}

function wentAway(server: string, cause: unknown): GatewayError {
  return fault('upstream_unreachable', `The MCP server ${server} went away before it answered.`, cause)
}

function fault(kind: ErrorKind, message: string, cause: unknown): GatewayError {
  return new GatewayError(kind, message, { cause })
}
