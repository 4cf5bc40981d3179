import { GatewayError, type JsonObject } from '@tianjillm/core'
import type { Deployment } from './deployment.ts'
import type { CallRecord } from './record.ts'

/** How long, and how often, a client wants its call to be tried. Times are in milliseconds. */
export interface Patience {
  /** To the whole answer, or the first event of a stream, over all attempts; in each, to its head and between its pieces. */
  readonly timeout: number | undefined
  /** To the first event of a stream, in place of `timeout`. */
  readonly streamTimeout: number | undefined
  /** Tries of a group after the first. */
  readonly numRetries: number | undefined
}

/** When nobody waits any more for an answer to begin, in milliseconds of the call's clock; undefined: never. */
export function deadlineOf(input: JsonObject, { arrival: { patience }, startTime }: CallRecord): number | undefined {
  const limit = patience && limitOf(input, patience)
  return limit && startTime + limit.time
}

/** The error when the deadline has passed. */
export function expired(
  provider: string,
  input: JsonObject,
  { arrival: { patience }, attempts }: CallRecord,
): GatewayError {
  const { name, time } = limitOf(input, patience!)!
  return new GatewayError(
    'upstream_timeout',
    `No answer within the ${time / 1000} s that the request sets (${name}). Last asked was ${provider}, in attempt ${attempts}.`,
    { provider },
  )
}

/** The deployment with the request's own timeout in place of its. */
export function withPatience(deployment: Deployment, patience: Patience | undefined, isStream: boolean): Deployment {
  const { timeout, streamTimeout = 0 } = patience ?? {}
  if (timeout !== undefined) return { ...deployment, timeout }
  return isStream && streamTimeout > deployment.timeout ? { ...deployment, timeout: streamTimeout } : deployment
}

function limitOf({ stream }: JsonObject, { timeout, streamTimeout }: Patience) {
  if (stream === true && streamTimeout !== undefined) return { name: 'stream_timeout', time: streamTimeout }
  return timeout === undefined ? undefined : { name: 'timeout', time: timeout }
}
