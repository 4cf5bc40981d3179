import type { IncomingHttpHeaders } from 'node:http'
import { GatewayError, type JsonObject } from '@tianjillm/core'
import type { Patience } from '@tianjillm/engine'

/** Seconds. */
const LONGEST_TIMEOUT = 6_000
/** Retries that a client may have. */
const MOST_RETRIES = 10

/**
 * What a client sets for its own call, in a header (`x-litellm-timeout`, `x-tianji-timeout`) or else in the body
 * (`timeout`); undefined when nothing. Throws GatewayError `invalid_request`.
 */
export function patienceOf(headers: IncomingHttpHeaders, input: JsonObject): Patience | undefined {
  const timeout = wanted(headers['x-litellm-timeout'] ?? headers['x-tianji-timeout'], input.timeout)
  const streamTimeout = wanted(
    headers['x-litellm-stream-timeout'] ?? headers['x-tianji-stream-timeout'],
    input.stream_timeout,
  )
  const numRetries = wanted(headers['x-litellm-num-retries'] ?? headers['x-tianji-num-retries'], input.num_retries)
  if (timeout === undefined && streamTimeout === undefined && numRetries === undefined) return undefined
  return {
    timeout: milliseconds('timeout', timeout),
    streamTimeout: milliseconds('stream_timeout', streamTimeout),
    numRetries: retries(numRetries),
  }
}

/** A header is text; an empty one is no number. */
function wanted(header: string | readonly string[] | undefined, field: unknown): unknown {
  if (header === undefined) return field ?? undefined
  return typeof header === 'string' && header.trim() !== '' ? Number(header) : Number.NaN
}

function milliseconds(param: string, seconds: unknown): number | undefined {
  if (seconds === undefined) return undefined
  if (typeof seconds === 'number' && seconds > 0 && seconds <= LONGEST_TIMEOUT) return seconds * 1000
  throw new GatewayError('invalid_request', `\`${param}\` must be seconds, above 0 and at most ${LONGEST_TIMEOUT}.`, {
    param,
  })
}

function retries(count: unknown): number | undefined {
  if (count === undefined) return undefined
  if (typeof count === 'number' && Number.isInteger(count) && count >= 0) return Math.min(count, MOST_RETRIES)
  throw new GatewayError('invalid_request', '`num_retries` must be a whole number from 0.', { param: 'num_retries' })
}
