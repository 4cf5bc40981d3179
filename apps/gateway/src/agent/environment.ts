import { hash } from 'node:crypto'
import { type Config, type KeyConfig, type Problem, readConfig } from '@tianjillm/config'
import type { Host, JsonObject } from '@tianjillm/core'
import { fileEntries } from '../mcp/read-servers.ts'
import { splitCommand } from './split-command.ts'

/** A configuration with what its environment adds to it. */
export interface Equipped {
  readonly config: Config
  readonly problems: readonly Problem[]
}

/** What the MCP server of the environment is called. */
const DEFAULT_SERVER = 'default'

/**
 * The configuration, with the MCP server of `MCP_SERVER_URL` or `MCP_SERVER_COMMAND` when it has none called `default`, and
 * with the key of `API_TOKEN` when there is no master key.
 */
export function equipped(config: Config, host: Pick<Host, 'env'>, masterKey: string | undefined): Equipped {
  const token = host.env('API_TOKEN')
  const entries = fileEntries(config.sections)
  const server = Object.hasOwn(entries, DEFAULT_SERVER) ? undefined : serverIn(host)
  if (typeof server === 'string') return { config, problems: [problemOf(config, server)] }
  return {
    config: {
      ...config,
      ...(token !== undefined && masterKey === undefined && { keys: [keyOf(token), ...config.keys] }),
      ...(server && { sections: { ...config.sections, mcp_servers: { ...entries, [DEFAULT_SERVER]: server } } }),
    },
    problems: [],
  }
}

const transports: ReadonlySet<string> = new Set(['stdio', 'sse', 'http', 'auto'])

/** The server that the environment names, as an entry of `mcp_servers`; undefined when it names none; else what is wrong with it. */
function serverIn({ env }: Pick<Host, 'env'>): JsonObject | string | undefined {
  const [url, command] = [env('MCP_SERVER_URL'), env('MCP_SERVER_COMMAND')]
  if (url === undefined && command === undefined) return undefined
  const transport = env('MCP_TRANSPORT') ?? (url === undefined ? 'stdio' : 'auto')
  if (!transports.has(transport)) return `MCP_TRANSPORT must be one of ${[...transports].join(', ')}.`
  if (transport !== 'stdio')
    return url === undefined ? `MCP_TRANSPORT is ${transport}, so MCP_SERVER_URL must be set.` : { url, transport }
  if (command === undefined) return 'MCP_TRANSPORT is stdio, so MCP_SERVER_COMMAND must be set.'
  const [program, ...args] = splitCommand(command) ?? []
  if (program === undefined) return 'MCP_SERVER_COMMAND is no command: a quote may be left open.'
  return { command: program, args, transport }
}

/** A key without limits, by its hash alone. */
function keyOf(token: string): KeyConfig {
  // JSON is YAML.
  const text = JSON.stringify({ keys: [{ key_hash: hash('sha256', token), key_alias: 'API_TOKEN' }] })
  return readConfig(text, { env: () => undefined }).config!.keys[0]!
}

function problemOf({ positionOf }: Config, message: string): Problem {
  const full = `${message} The MCP server ${DEFAULT_SERVER} is left out.`
  return { severity: 'warning', ...positionOf(['mcp_servers']), path: 'mcp_servers', message: full }
}
