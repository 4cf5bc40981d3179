import type { Source } from './stock.ts'

/**
 * The headers of a client's request that are meant for a server: those its operator lists, and `x-mcp-{server}-{name}`.
 * The gateway's own key is never among them.
 */
export function forwardedHeaders(
  { upstream, prefix, forwardedHeaders: listed = [] }: Source,
  headers?: Headers,
): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  if (headers === undefined) return found
  // Without another header for it, this one holds the key of the gateway.
  const holdsKey = !headers.get('x-litellm-api-key')
  for (const name of listed) {
    const value = name === 'authorization' && holdsKey ? null : headers.get(name)
    if (value !== null && !ofGateway.has(name)) found[name] = value
  }
  for (const owner of new Set([upstream.name, prefix ?? upstream.name])) {
    const start = `x-mcp-${owner.toLowerCase()}-`
    for (const [name, value] of headers) if (name.startsWith(start)) found[name.slice(start.length)] = value
  }
  return found
}

const ofGateway: ReadonlySet<string> = new Set([
  ...['x-litellm-api-key', 'api-key', 'x-api-key', 'x-goog-api-key', 'ocp-apim-subscription-key'],
  ...['host', 'cookie', 'content-length', 'transfer-encoding', 'connection', 'mcp-session-id'],
])
