import { BlockList, isIP } from 'node:net'
import type { FetchLike } from '@modelcontextprotocol/client'
import { GatewayError, type Host, isSafeUrl } from '@tianjillm/core'

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
export function createSafeFetch({ server, serverUrl, known }: SafeFetchSettings, fetch: Host['fetch']): FetchLike {
  const { origin } = new URL(serverUrl)
  const isAtHome = [serverUrl, ...known].some((url) => url !== undefined && isInternal(url))
  return async (target, init) => {
    const url = String(target)
    if (!(new URL(url).origin === origin || (isSafeUrl(url) && (isAtHome || !isInternal(url)))))
      throw new GatewayError(
        'upstream_auth_failed',
        `The MCP server ${server} names an address for signing in that is not safe: it must be https, and not within the gateway's own network.`,
      )
    const response = await fetch(url, { redirect: 'manual', ...init, signal: AbortSignal.timeout(DEADLINE) })
    if (response.body === null) return response
    const { status, headers } = response
    return new Response(response.body.pipeThrough(upTo(LARGEST_ANSWER)), { status, headers })
  }
}

const internal = new BlockList()
for (const [network, bits] of [
  ...[['0.0.0.0', 8] as const, ['10.0.0.0', 8] as const, ['100.64.0.0', 10] as const, ['127.0.0.0', 8] as const],
  ...[['169.254.0.0', 16] as const, ['172.16.0.0', 12] as const, ['192.168.0.0', 16] as const],
])
  internal.addSubnet(network, bits)
for (const [network, bits] of [['::', 127] as const, ['fc00::', 7] as const, ['fe80::', 10] as const])
  internal.addSubnet(network, bits, 'ipv6')

/** Whether an address is written as one of this machine or of a private network; what a name leads to is not looked at. */
function isInternal(url: string): boolean {
  const hostname = new URL(url).hostname.replace(/^\[|\]$|\.$/g, '')
  if (hostname === 'localhost' || hostname.endsWith('.localhost')) return true
  const family = isIP(hostname)
  return family !== 0 && internal.check(hostname, family === 6 ? 'ipv6' : 'ipv4')
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
