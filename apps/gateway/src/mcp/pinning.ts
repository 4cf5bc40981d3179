import { hash } from 'node:crypto'
import type { McpTransport, Pinning, PinPolicy } from '@tianjillm/mcp'
import type { McpServer } from './read-servers.ts'
import { shownEntry } from './shown-entry.ts'

/** The route by which changed tools of a server become known ones. */
export const acceptPath = '/v1/mcp/server/:id/tools/accept'

/** How a server is held to what its tools were; undefined: it is not. */
export function pinningOf({ id, settings }: McpServer, policy: PinPolicy): Pinning | undefined {
  const { name, transport, personal } = settings
  const way = wayTo(transport)
  if (policy === 'off' || way === undefined) return undefined
  // Secrets change, and their hashes could be guessed.
  const server = `${name}@${hash('sha256', JSON.stringify(shownEntry(way)))}`
  if (personal !== undefined) return { policy, server }
  return { policy, server, remedy: `POST ${acceptPath.replace(':id', encodeURIComponent(id ?? name))}` }
}

/** Where a server is, in words of an entry; undefined of what the operator alone changes: a document that is a file. */
function wayTo(transport: McpTransport): Readonly<Record<string, unknown>> | undefined {
  if (transport.type === 'stdio') return { command: transport.command, args: transport.args }
  if (transport.type !== 'openapi') return { url: transport.url }
  return /^https?:/i.test(transport.document) ? { spec_path: transport.document, url: transport.url } : undefined
}
