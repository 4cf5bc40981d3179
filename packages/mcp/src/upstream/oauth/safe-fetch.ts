import type { FetchLike } from '@modelcontextprotocol/client'
import { GatewayError, type Host, isLedAstray, isSafeUrl } from '@tianjillm/core'
import { createNamedFetch } from '../named-fetch.ts'

/** Milliseconds for a question to an authorization server, and bytes of its answer. */
const DEADLINE = 10_000
const LARGEST_ANSWER = 1024 * 1024

/** For whom questions are asked. */
export interface SafeFetchSettings {
  /** The MCP server, for messages. */
  readonly server: string
  readonly serverUrl: string
  /** Other addresses that its operator has written down. */
  readonly known: readonly (string | undefined)[]
}

/**
 * A fetch for addresses that the server names: what others on the way can read or change is not asked, nor what is in
 * the gateway's own network, unless the operator has put the server there. Redirects are left to who asks. Rejects with
 * GatewayError `upstream_auth_failed`, or what `fetch` throws.
 */
export function createSafeFetch(
  { server, serverUrl, known }: SafeFetchSettings,
  host: Pick<Host, 'fetch' | 'fetchWithin'>,
): FetchLike {
  const { origin } = new URL(serverUrl)
  const fetch = createNamedFetch({ home: serverUrl, known }, host)
  const refused = (why: string, cause?: unknown) =>
    new GatewayError('upstream_auth_failed', `The MCP server ${server} names an address for signing in ${why}.`, {
      cause,
    })
  return async (target, init) => {
    const url = String(target)
    if (new URL(url).origin !== origin && !isSafeUrl(url)) throw refused('that is not safe: it must be https')
    try {
      const response = await fetch(url, { redirect: 'manual', ...init, signal: AbortSignal.timeout(DEADLINE) })
      if (response.body === null) return response
      const { status, headers } = response
      return new Response(response.body.pipeThrough(upTo(LARGEST_ANSWER)), { status, headers })
    } catch (error) {
      if (!isLedAstray(error)) throw error
      const remedy = 'if it is right, set authorization_url and token_url'
      throw refused(`that is not safe: ${error.message}; ${remedy}`, error)
    }
  }
}

function upTo(limit: number): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let size = 0
  return new TransformStream({
    transform(chunk, controller) {
      size += chunk.length
      if (size > limit) controller.error(new RangeError(`more than ${limit} bytes`))
      else controller.enqueue(chunk)
    },
  })
}
