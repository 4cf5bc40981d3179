import { basename } from 'node:path'
import type { Config } from '@tianjillm/config'
import {
  GatewayError,
  type Host,
  type InnerNetwork,
  innerNetworkOf,
  isSafeUrl,
  isWithin,
  type JsonObject,
} from '@tianjillm/core'
import type { StoredServer } from '@tianjillm/tenancy'
import { OWN_SERVER } from './own-tools.ts'
import { EVERYBODY, type McpServer, readServer } from './read-servers.ts'

/** What the operator lets servers do that are not of the file. */
export interface StoredPolicy {
  /** Commands that they may run; undefined: none. */
  readonly commands: ReadonlySet<string> | undefined
  /** Whether they may be anywhere, also where others could listen in, and within the operator's own network. */
  readonly allowsPrivate: boolean
}

/** LiteLLM's. https://docs.litellm.ai/docs/mcp#adding-your-mcp */
const usualCommands = ['npx', 'uvx', 'python', 'python3', 'node', 'docker', 'deno']

/** What a configuration and its environment let stored servers do. */
export function storedPolicyOf({ general }: Pick<Config, 'general'>, host: Pick<Host, 'env'>): StoredPolicy {
  const more = ['TIANJI_MCP_STDIO_EXTRA_COMMANDS', 'LITELLM_MCP_STDIO_EXTRA_COMMANDS'].flatMap((name) =>
    (host.env(name) ?? '').split(',').map((command) => command.trim()),
  )
  const commands = new Set([...usualCommands, ...more.filter((command) => command !== '')])
  return {
    commands: general.allowStoredMcpCommands ? commands : undefined,
    allowsPrivate: general.allowPrivateMcpUrls,
  }
}

/**
 * A stored server, as one of a file would be read. Throws GatewayError `misconfigured` when it was sealed with another
 * master key, and as `readEntry` does.
 */
export function readStored({ id, name, entry }: StoredServer, policy: StoredPolicy): McpServer {
  if (entry === undefined)
    throw new GatewayError('misconfigured', 'it was stored with another master key; give it again, or delete it')
  const { about, ...server } = readEntry(name, entry, policy)
  // It may be asked for by its id as well.
  return { ...server, id, about: { ...about, groups: [...(about.groups ?? []), id] } }
}

/**
 * A server that is not of the file. Throws GatewayError `invalid_request` for what cannot be used, and
 * `permission_denied` for what its policy keeps out.
 */
export function readEntry(name: string, entry: JsonObject, policy: StoredPolicy): McpServer {
  let wrong: GatewayError | undefined
  const server = readServer(name, entry, (key, message) => {
    wrong ??= invalid(key ?? blamed(message, entry), message.replace('; this server is left out', ''))
  })
  if (wrong !== undefined) throw wrong
  // Nothing is wrong with it.
  demandPolicy(server!, entry, policy)
  if (policy.allowsPrivate) return server!
  // What it has on this machine may be anywhere there.
  const isHere = addressesOf(entry).some(([, address]) => networkOf(address) === 'this machine')
  return { ...server!, reach: isHere ? 'public_or_this_machine' : 'public' }
}

/** Addresses that an entry may have. */
const addresses = [
  ...['url', 'token_url', 'authorization_url', 'registration_url', 'token_exchange_endpoint', 'spec_path'],
  'aws_sts_endpoint',
]

function demandPolicy({ settings }: McpServer, entry: JsonObject, { commands, allowsPrivate }: StoredPolicy): void {
  if (settings.name === EVERYBODY || settings.name === OWN_SERVER)
    throw invalid('server_name', 'no server can be called so')
  if ('command' in settings.transport) {
    if (commands === undefined)
      throw denied(
        'command',
        'Only servers of the file may run commands, unless general_settings.allow_stored_mcp_commands is true.',
      )
    if (!commands.has(basename(settings.transport.command)))
      throw denied(
        'command',
        `These commands may be run: ${[...commands].join(', ')}. TIANJI_MCP_STDIO_EXTRA_COMMANDS names more.`,
      )
  }
  if (allowsPrivate) return
  // What names lead to is judged when they are asked.
  for (const [key, address] of addressesOf(entry))
    if (!isSafeUrl(address) || !isWithin('public_or_this_machine', networkOf(address)))
      throw invalid(
        key,
        'expected an https URL outside private networks, or this machine. general_settings.allow_private_mcp_urls allows others',
      )
}

function addressesOf(entry: JsonObject): readonly (readonly [key: string, address: string])[] {
  return addresses.flatMap((key) => {
    const address = entry[key]
    return typeof address === 'string' ? [[key, address] as const] : []
  })
}

function networkOf(address: string): InnerNetwork | undefined {
  return innerNetworkOf(URL.parse(address)?.hostname ?? '')
}

/** Which of the keys that are there a message speaks of. */
function blamed(message: string, entry: JsonObject): string {
  const words: readonly string[] = message.match(/\w+/g) ?? []
  return words.find((word) => Object.hasOwn(entry, word)) ?? (words.includes('url') ? 'url' : 'server_name')
}

function invalid(param: string, problem: string): GatewayError {
  return new GatewayError('invalid_request', `\`${param}\`: ${problem.replace(/\.$/, '')}.`, { param })
}

function denied(param: string, message: string): GatewayError {
  return new GatewayError('permission_denied', message, { code: 'mcp_command_not_allowed', param })
}
