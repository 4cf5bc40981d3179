import { GatewayError } from '@tianjillm/core'
import type { Limiter, Taken } from '@tianjillm/limits'
import type { RequestLimit } from './access.ts'

/**
 * Takes one request out of a key's limit, and adds to the headers what is left of it, as OpenAI does. Throws, or
 * rejects with, GatewayError `rate_limited`. A promise only where the limiter has to ask another process.
 * https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
 */
export function takeRequest(limiter: Limiter, limit: RequestLimit, headers: string[]): Promise<void> | undefined {
  const taken = limiter.take(limit.name, limit)
  if (taken instanceof Promise) return taken.then((later) => settle(later, limit, headers))
  settle(taken, limit, headers)
  return undefined
}

function settle({ isAllowed, remaining, retryAfter, resetAfter }: Taken, limit: RequestLimit, headers: string[]): void {
  headers.push(
    'x-ratelimit-limit-requests',
    String(limit.perMinute),
    'x-ratelimit-remaining-requests',
    String(remaining),
    'x-ratelimit-reset-requests',
    duration(resetAfter),
  )
  if (isAllowed) return
  const seconds = Math.ceil(retryAfter / 1000)
  throw new GatewayError(
    'rate_limited',
    `The gateway's rpm_limit of ${limit.perMinute} requests a minute for ${limit.owner} is used up. Try again in ${seconds} s.`,
    { retryAfter: seconds },
  )
}

/** `20ms`, `1s`, `6m0s`: milliseconds in OpenAI's spelling, rounded up. */
function duration(time: number): string {
  const milliseconds = Math.ceil(time)
  if (milliseconds < 1000) return `${milliseconds}ms`
  const seconds = Math.ceil(milliseconds / 1000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}
