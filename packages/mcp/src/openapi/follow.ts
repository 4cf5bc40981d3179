import type { FetchLike } from '@modelcontextprotocol/client'

/** Steps from one address to the next. */
const MOST_STEPS = 5

/** What is asked for, so that it can be asked for again. */
export interface Ask {
  readonly method: string
  readonly headers: Headers
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly signal: AbortSignal
}

/**
 * The answer, also when it is at another place of the same origin. To another origin nothing goes, for our credentials and
 * what is asked are not for it; nor is anything but a reading repeated, unless the answer asks for just that. Then the
 * answer is the redirect.
 */
export async function follow(fetch: FetchLike, url: string, ask: Ask): Promise<Response> {
  let at = new URL(url)
  let now: Ask = ask
  for (let steps = 0; ; steps++) {
    const response = await fetch(at, { ...now, redirect: 'manual' })
    const next = steps < MOST_STEPS ? nextPlace(at, response) : undefined
    const following = next && repeated(now, response.status)
    if (next === undefined || following === undefined) return response
    await response.body?.cancel()
    at = next
    now = following
  }
}

/** Where the answer says that it is, if that is the same origin. */
function nextPlace(at: URL, { status, headers }: Response): URL | undefined {
  const location = headers.get('location')
  if (location === null || ![301, 302, 303, 307, 308].includes(status)) return undefined
  const next = URL.parse(location, at)
  return next !== null && next.origin === at.origin ? next : undefined
}

/** What is asked at the next place; undefined when that is not certain. */
function repeated(ask: Ask, status: number): Ask | undefined {
  if (ask.method === 'GET' || status === 307 || status === 308) return ask
  if (status !== 303) return undefined
  const headers = new Headers(ask.headers)
  headers.delete('content-type')
  return { method: 'GET', headers, signal: ask.signal }
}
