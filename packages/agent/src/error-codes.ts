import { type ErrorFacts, type ErrorKind, GatewayError } from '@tianjillm/core'

/** What went wrong, in the agent's words. */
export type AgentErrorCode =
  | 'INVALID_QUERY'
  | 'RATE_LIMITED'
  | 'SESSION_NOT_FOUND'
  | 'CONNECTION_FAILED'
  | 'TRANSPORT_ERROR'
  | 'TIMEOUT'
  | 'TOOL_NOT_FOUND'
  | 'INVALID_ARGUMENTS'
  | 'EXECUTION_ERROR'
  | 'PROVIDER_UNAVAILABLE'
  | 'AUTHENTICATION_FAILED'
  | 'QUOTA_EXCEEDED'
  | 'OVERLOADED'

/** What errors of the house are called here that do not say so themselves. */
const ofKinds: Readonly<Record<ErrorKind, AgentErrorCode>> = {
  invalid_request: 'INVALID_QUERY',
  unsupported_parameter: 'INVALID_QUERY',
  unsupported_operation: 'PROVIDER_UNAVAILABLE',
  context_length_exceeded: 'INVALID_QUERY',
  content_policy_violation: 'INVALID_QUERY',
  guardrail_blocked: 'INVALID_QUERY',
  no_search_provider: 'EXECUTION_ERROR',
  invalid_api_key: 'AUTHENTICATION_FAILED',
  permission_denied: 'AUTHENTICATION_FAILED',
  not_found: 'INVALID_QUERY',
  model_not_found: 'PROVIDER_UNAVAILABLE',
  search_tool_not_found: 'TOOL_NOT_FOUND',
  method_not_allowed: 'INVALID_QUERY',
  request_timeout: 'TIMEOUT',
  payload_too_large: 'INVALID_QUERY',
  unsupported_media_type: 'INVALID_QUERY',
  headers_too_large: 'INVALID_QUERY',
  rate_limited: 'RATE_LIMITED',
  quota_exceeded: 'QUOTA_EXCEEDED',
  budget_exceeded: 'QUOTA_EXCEEDED',
  client_closed: 'CONNECTION_FAILED',
  internal: 'EXECUTION_ERROR',
  misconfigured: 'PROVIDER_UNAVAILABLE',
  upstream_error: 'EXECUTION_ERROR',
  upstream_auth_failed: 'PROVIDER_UNAVAILABLE',
  upstream_invalid_response: 'EXECUTION_ERROR',
  upstream_unreachable: 'CONNECTION_FAILED',
  guardrail_unavailable: 'EXECUTION_ERROR',
  overloaded: 'OVERLOADED',
  shutting_down: 'OVERLOADED',
  upstream_timeout: 'TIMEOUT',
}

const codes: ReadonlySet<unknown> = new Set<AgentErrorCode>([
  ...Object.values(ofKinds),
  'SESSION_NOT_FOUND',
  'TRANSPORT_ERROR',
  'INVALID_ARGUMENTS',
])

/** The agent's word for an error: its own, or that of its kind. */
export function agentErrorCode({ kind, facts }: GatewayError): AgentErrorCode {
  return codes.has(facts.code) ? (facts.code as AgentErrorCode) : ofKinds[kind]
}

/** An error with a word of the agent's. */
export function agentError(
  kind: ErrorKind,
  code: AgentErrorCode,
  message: string,
  facts: Omit<ErrorFacts, 'code'> = {},
): GatewayError {
  return new GatewayError(kind, message, { ...facts, code })
}
