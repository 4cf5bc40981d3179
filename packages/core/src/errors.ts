import type { JsonObject } from './json.ts'

/** What a kind of error means to the client. */
export interface KindFacts {
  /** HTTP status answered to the client. */
  readonly status: number
  /** OpenAI's `error.type`. */
  readonly type: string
  /** OpenAI's `error.code`. */
  readonly code: string | null
  /** Whether another deployment, or a later try, may succeed. */
  readonly isRetryable: boolean
}

const facts = (status: number, type: string, code: string | null, isRetryable = false): KindFacts => ({
  status,
  type,
  code,
  isRetryable,
})

/** Names of the ways a request can fail; `errorKinds` says what each means. */
export type ErrorKind =
  | 'invalid_request'
  | 'unsupported_parameter'
  | 'unsupported_operation'
  | 'context_length_exceeded'
  | 'content_policy_violation'
  | 'guardrail_blocked'
  | 'no_search_provider'
  | 'invalid_api_key'
  | 'permission_denied'
  | 'not_found'
  | 'model_not_found'
  | 'search_tool_not_found'
  | 'method_not_allowed'
  | 'request_timeout'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'headers_too_large'
  | 'rate_limited'
  | 'quota_exceeded'
  | 'budget_exceeded'
  | 'client_closed'
  | 'internal'
  | 'misconfigured'
  | 'upstream_error'
  | 'upstream_auth_failed'
  | 'upstream_invalid_response'
  | 'upstream_unreachable'
  | 'guardrail_unavailable'
  | 'overloaded'
  | 'shutting_down'
  | 'upstream_timeout'

/** Every way a request can fail, in one table. */
export const errorKinds: Readonly<Record<ErrorKind, KindFacts>> = {
  invalid_request: facts(400, 'invalid_request_error', null),
  unsupported_parameter: facts(400, 'invalid_request_error', 'unsupported_parameter'),
  unsupported_operation: facts(400, 'invalid_request_error', 'unsupported_operation'),
  context_length_exceeded: facts(400, 'invalid_request_error', 'context_length_exceeded'),
  content_policy_violation: facts(400, 'invalid_request_error', 'content_policy_violation'),
  guardrail_blocked: facts(400, 'invalid_request_error', 'guardrail_blocked'),
  no_search_provider: facts(400, 'invalid_request_error', 'no_search_provider'),
  invalid_api_key: facts(401, 'authentication_error', 'invalid_api_key'),
  permission_denied: facts(403, 'permission_error', 'permission_denied'),
  not_found: facts(404, 'not_found_error', 'not_found'),
  model_not_found: facts(404, 'not_found_error', 'model_not_found'),
  search_tool_not_found: facts(404, 'not_found_error', 'search_tool_not_found'),
  method_not_allowed: facts(405, 'invalid_request_error', 'method_not_allowed'),
  request_timeout: facts(408, 'timeout_error', 'request_timeout'),
  payload_too_large: facts(413, 'invalid_request_error', 'payload_too_large'),
  unsupported_media_type: facts(415, 'invalid_request_error', 'unsupported_media_type'),
  headers_too_large: facts(431, 'invalid_request_error', 'headers_too_large'),
  rate_limited: facts(429, 'rate_limit_error', 'rate_limit_exceeded', true),
  quota_exceeded: facts(429, 'rate_limit_error', 'insufficient_quota', true),
  budget_exceeded: facts(429, 'budget_exceeded', 'budget_exceeded'),
  client_closed: facts(499, 'api_error', 'client_closed_request'),
  internal: facts(500, 'api_error', 'internal_error'),
  misconfigured: facts(500, 'api_error', 'misconfigured', true),
  upstream_error: facts(500, 'api_error', 'upstream_error', true),
  upstream_auth_failed: facts(502, 'api_error', 'upstream_auth_failed', true),
  upstream_invalid_response: facts(502, 'api_error', 'upstream_invalid_response', true),
  upstream_unreachable: facts(502, 'api_error', 'upstream_unreachable', true),
  guardrail_unavailable: facts(503, 'api_error', 'guardrail_unavailable'),
  overloaded: facts(503, 'api_error', 'overloaded', true),
  shutting_down: facts(503, 'api_error', 'shutting_down'),
  upstream_timeout: facts(504, 'timeout_error', 'upstream_timeout', true),
}

/** What else is known of an error. */
export interface ErrorFacts {
  /** The request field at fault, as OpenAI's `error.param`: `messages[2].content`. */
  readonly param?: string | undefined
  /** Replaces the kind's code, e.g. by the vendor's own. */
  readonly code?: string | undefined
  /** Replaces the kind's status; only for upstream 5xx. */
  readonly status?: number | undefined
  /** Seconds the client should wait, sent as `retry-after`. */
  readonly retryAfter?: number | undefined
  /** Name of the plugin that speaks. */
  readonly provider?: string | undefined
  /** Status the vendor answered. */
  readonly upstreamStatus?: number | undefined
  /** Machine-readable details, sent as `error.provider_specific_fields`; must hold no secret. */
  readonly details?: JsonObject | undefined
  readonly cause?: unknown
}

const BRAND = '@tianjillm/core/GatewayError'

/**
 * The only error that crosses a package border. Its message names who speaks, what is wrong and the remedy:
 * `groq: no API key. Set GROQ_API_KEY or litellm_params.api_key.`
 */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  /** Marks the class by a string, so that two copies of this package recognise each other's errors. */
  readonly brand: string = BRAND
  readonly kind: ErrorKind
  readonly facts: ErrorFacts

  constructor(kind: ErrorKind, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.kind = kind
    this.facts = facts
  }

  get status(): number {
    return this.facts.status ?? errorKinds[this.kind].status
  }

  get isRetryable(): boolean {
    return errorKinds[this.kind].isRetryable
  }
}

/** Whether a value is a GatewayError, of this copy of the package or another. */
export function isGatewayError(value: unknown): value is GatewayError {
  return typeof value === 'object' && value !== null && (value as { brand?: unknown }).brand === BRAND
}

/** OpenAI's error body. https://platform.openai.com/docs/guides/error-codes */
export interface ErrorBody {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string | null
    readonly provider_specific_fields?: JsonObject
  }
}

/** The error as OpenAI's error body. */
export function errorBody(error: GatewayError): ErrorBody {
  const { type, code } = errorKinds[error.kind]
  const { param, details } = error.facts
  return {
    error: {
      message: error.message,
      type,
      param: param ?? null,
      code: error.facts.code ?? code,
      ...(details && { provider_specific_fields: details }),
    },
  }
}
