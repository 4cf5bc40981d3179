import { GatewayError } from './errors.ts'

/**
 * What the work gives. When it takes longer than so many milliseconds it is told so and left alone; then rejects with
 * GatewayError `upstream_timeout`.
 */
export async function inTime<Result>(
  deadline: number,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController()
  const { promise: tooLate, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const error = new GatewayError('upstream_timeout', `no answer within ${deadline / 1000} s.`)
    reject(error)
    controller.abort(error)
  }, deadline)
  try {
    return await Promise.race([work(controller.signal), tooLate])
  } finally {
    clearTimeout(timer)
  }
}
