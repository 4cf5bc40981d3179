import type { IncomingMessage } from 'node:http'
import { GatewayError } from '@tianjillm/core'

/** Names by which a machine knows itself. */
const own: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Throws GatewayError `permission_denied` for what a page of another site has a browser send. A gateway that wants no key
 * answers on this machine to its own names alone, for a foreign name may be made to lead here.
 * https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning
 */
export function demandOwnSite({ headers, socket }: IncomingMessage, isOpen: boolean): void {
  const host = nameOf(`http://${headers.host ?? ''}`)
  if (isOpen && isLoopback(socket.localAddress) && headers.host !== undefined && !isOwn(host)) refuse('this name')
  const { origin } = headers
  if (origin === undefined) return
  const from = nameOf(origin)
  if (from === undefined || (from !== host && !(isOwn(from) && isOwn(host)))) refuse('pages of other sites')
}

function isOwn(name: string | undefined): boolean {
  return name !== undefined && own.has(name)
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && (address === '::1' || /^(::ffff:)?127\./.test(address))
}

function nameOf(url: string): string | undefined {
  return URL.parse(url)?.hostname
}

function refuse(whom: string): never {
  throw new GatewayError('permission_denied', `The MCP servers are not there for ${whom}.`, { code: 'foreign_origin' })
}
