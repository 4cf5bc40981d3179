import { GatewayError, isGatewayError } from '@tianjillm/core'

/** What the work gives, or GatewayError as soon as the signal aborts, whether the work heeds that or not. */
export async function unlessAborted<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
  demandWaiting(signal)
  const { promise: left, reject } = Promise.withResolvers<never>()
  const leave = () => reject(reasonOf(signal))
  signal.addEventListener('abort', leave, { once: true })
  try {
    return await Promise.race([work(), left])
  } finally {
    signal.removeEventListener('abort', leave)
  }
}

/** Throws GatewayError when nobody waits any more. */
export function demandWaiting(signal: AbortSignal): void {
  if (signal.aborted) throw reasonOf(signal)
}

/** The work, with a signal that aborts when the other does, and after so many milliseconds with `upstream_timeout`. */
export async function withDeadline<Result>(
  time: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const deadline = new AbortController()
  const message = `The query was not answered within ${time / 1000} s. Ask for less at once, or raise the limit.`
  const timer = setTimeout(() => deadline.abort(new GatewayError('upstream_timeout', message)), time)
  try {
    return await work(AbortSignal.any([deadline.signal, ...(signal === undefined ? [] : [signal])]))
  } finally {
    clearTimeout(timer)
  }
}

function reasonOf({ reason }: AbortSignal): GatewayError {
  return isGatewayError(reason)
    ? reason
    : new GatewayError('client_closed', 'The client closed the connection.', { cause: reason })
}
