import { errorKinds, type GatewayError, type JsonObject } from '@tianjillm/core'

/** The result of a tool that failed: its model reads the text, programs read `_meta`. */
export function failedResult(error: GatewayError): JsonObject {
  const { type, code } = errorKinds[error.kind]
  return {
    content: [{ type: 'text', text: error.message }],
    isError: true,
    _meta: { code: error.facts.code ?? code, type, status: error.status, retryable: error.isRetryable },
  }
}
