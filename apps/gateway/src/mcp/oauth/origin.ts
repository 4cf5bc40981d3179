import type { IncomingMessage } from 'node:http'
import type { Host } from '@tianjillm/core'

/** The variable with the gateway's address as browsers and clients know it; LiteLLM has it as well. */
const ADDRESS = 'PROXY_BASE_URL'

/**
 * The gateway's address without a slash at the end: the configured one, else that of the request. Whoever lies about it
 * is told of their own lie.
 */
export function originOf({ headers, socket }: IncomingMessage, env: Host['env']): string {
  const known = configuredOrigin(env)
  if (known !== undefined) return known
  const proto = headers['x-forwarded-proto']?.toString().split(',')[0]?.trim()
  const scheme = proto === 'https' || 'encrypted' in socket ? 'https' : 'http'
  const url = URL.parse(`${scheme}://${headers.host ?? 'localhost'}`)
  return url?.origin ?? 'http://localhost'
}

/** The same for whoever does not come over HTTP; undefined when it is not configured. */
export function configuredOrigin(env: Host['env']): string | undefined {
  const url = env(ADDRESS)
  return url !== undefined && URL.canParse(url) ? url.replace(/\/+$/, '') : undefined
}
