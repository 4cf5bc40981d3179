import { GatewayError, type JsonObject } from '@tianjillm/core'
import { asGatewayError } from '@tianjillm/engine'
import type { Tool } from '@tianjillm/mcp'
import type { Gateway } from '../gateway.ts'
import { secretsInEntry } from '../secrets.ts'
import { hostWithin } from './host-within.ts'
import { signedSettings } from './signing.ts'
import { readEntry, type StoredPolicy } from './stored-servers.ts'

/** What came of trying a server out. */
export type Trial = { readonly tools: readonly Tool[] } | { readonly failure: string }

/** What holds when nothing is configured. */
const strict: StoredPolicy = { commands: undefined, allowsPrivate: false }

/**
 * Asks a server that is not there yet what it offers, and leaves it. Never runs a command, whatever is configured: who
 * may try servers out must not run programs. Throws GatewayError `permission_denied` and as `readEntry` does.
 */
export async function tryServer({ mcp, engine, redact }: Gateway, entry: JsonObject): Promise<Trial> {
  if (entry.command != null || entry.transport === 'stdio')
    throw new GatewayError('permission_denied', 'Only servers over HTTP can be tried out: no command is run for it.', {
      code: 'mcp_command_not_allowed',
      param: entry.command == null ? 'transport' : 'command',
    })
  const server = readEntry('the server', entry, { ...strict, ...mcp?.offer.policy, commands: undefined })
  if (server.settings.personal !== undefined)
    throw new GatewayError('invalid_request', '`auth_type`: what its users sign in to cannot be tried out for them.', {
      param: 'auth_type',
    })
  const { createUpstream } = await import('@tianjillm/mcp')
  const host = hostWithin(engine.host, server.reach)
  const upstream = createUpstream(signedSettings(server, host), host)
  try {
    return { tools: (await upstream.offer()).tools }
  } catch (cause) {
    const { message } = redact(asGatewayError(cause))
    return { failure: without(secretsInEntry(entry), message) }
  } finally {
    await upstream.close()
  }
}

/** Nobody else has learned these secrets. */
function without(secrets: ReadonlySet<string>, text: string): string {
  return [...secrets].reduce((clean, secret) => (secret === '' ? clean : clean.replaceAll(secret, '[redacted]')), text)
}
