import { GatewayError, type Operation, type UpstreamReply, type UpstreamRequest } from '@tianjillm/core'
import type { LiveCall } from './call.ts'
import { buffered, cancelled, timedOut } from './transport.ts'

/** Milliseconds a vendor may work on a job. */
const LONGEST_JOB = 600_000

/**
 * Asks with `again` until the vendor's job is done; only at the host it was given to. Throws GatewayError
 * `upstream_timeout` after ten minutes.
 */
export async function poll(
  provider: string,
  isDone: NonNullable<Operation<never, unknown>['poll']>,
  first: UpstreamRequest,
  reply: UpstreamReply,
  call: LiveCall,
  again: (request: UpstreamRequest) => Promise<UpstreamReply>,
): Promise<UpstreamReply> {
  const { origin } = new URL(first.url)
  const deadline = call.now() + LONGEST_JOB
  for (let current = await buffered(reply); ; ) {
    const next = await isDone(current, call)
    if (next === undefined) return current
    if (new URL(next.request.url).origin !== origin)
      throw new GatewayError('upstream_invalid_response', `${provider}: the vendor names a foreign host to poll.`)
    if (call.now() + next.after > deadline) throw timedOut(provider, LONGEST_JOB, undefined)
    await pause(next.after, call)
    current = await buffered(await again(next.request))
  }
}

function pause(milliseconds: number, call: LiveCall): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      forget()
      resolve()
    }, milliseconds)
    const forget = call.cancellation.onAbort((reason) => {
      clearTimeout(timer)
      reject(cancelled(reason))
    })
  })
}
