import { GatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import * as v from 'valibot'
import { demandShape } from '../http/requests.ts'
import { namesIn } from '../mcp/client-of.ts'

/** A tool of the type `mcp` in a request: which tools of which servers it stands for. */
export interface McpEntry {
  /** Where it is in the request, for messages. */
  readonly param: string
  /** Names of servers, access groups and tags; undefined: all. */
  readonly servers: readonly string[] | undefined
  /** Names of tools, public or the servers' own; undefined: all. */
  readonly allowedTools: readonly string[] | undefined
  /** Those of the client's headers that are for MCP servers. */
  readonly headers: Readonly<Record<string, string>>
  /** Whether a tool of these names may be called without asking anybody. */
  runs(names: readonly string[]): boolean
}

const nullish = <Schema extends v.GenericSchema>(schema: Schema) => v.optional(v.nullable(schema))
const toolNames = v.looseObject({ tool_names: v.optional(v.array(v.string())) })

const schema = v.looseObject({
  server_url: v.pipe(v.string(), v.nonEmpty('must not be empty')),
  allowed_tools: nullish(v.union([v.array(v.string()), toolNames], 'must be a list of names')),
  require_approval: nullish(
    v.union(
      [v.picklist(['always', 'never']), v.looseObject({ always: v.optional(toolNames), never: v.optional(toolNames) })],
      'must be "never", "always", or an object with one of them and its tool_names',
    ),
  ),
  headers: nullish(v.record(v.string(), v.pipe(v.string(), v.regex(/^[\t\x20-\x7e]*$/, 'must be a header')))),
})

type Written = v.InferOutput<typeof schema>

/** Entries of one request; all tools are gone through for each. */
const MOST_ENTRIES = 32

/**
 * The entries of the type `mcp` among a request's tools. `host` is the gateway's own, as the client calls it. Throws
 * GatewayError `invalid_request` for one that is malformed or means another server: those are never asked.
 * https://platform.openai.com/docs/guides/tools-connectors-mcp
 */
export function readEntries(tools: readonly unknown[], host: string | undefined): readonly McpEntry[] {
  const all = tools.filter((tool) => isJsonObject(tool) && tool.type === 'mcp')
  if (all.length > MOST_ENTRIES) throw invalid('tools', `Only ${MOST_ENTRIES} tools of the type mcp are taken.`)
  return tools.flatMap((tool, index) => {
    if (!isJsonObject(tool) || tool.type !== 'mcp') return []
    const place = `tools[${index}]`
    return [entryOf(demandShape(schema, tool, `${place}.`), place, host)]
  })
}

function entryOf(written: Written, place: string, host: string | undefined): McpEntry {
  const { allowed_tools: allowed, headers } = written
  return {
    param: `${place}.server_url`,
    servers: serversIn(written.server_url, host, `${place}.server_url`),
    allowedTools: Array.isArray(allowed) ? allowed : allowed?.tool_names,
    headers: Object.fromEntries(
      Object.entries(headers ?? {})
        .map(([name, value]) => [name.toLowerCase(), value] as const)
        // All others are for the gateway, and have been sent to it.
        .filter(([name]) => /^x-mcp-[\w-]+$/.test(name)),
    ),
    runs: approvalOf(written.require_approval),
  }
}

/** What the path of the gateway's own URL, or of its nickname, says. */
function serversIn(url: string, host: string | undefined, param: string): readonly string[] | undefined {
  const nicknamed = /^(?:litellm|tianji)_proxy(?=\/|$)(.*)$/.exec(url)?.[1]
  const parsed = nicknamed === undefined ? URL.parse(url) : null
  const path = nicknamed ?? (parsed !== null && parsed.host === host ? parsed.pathname : undefined)
  if (path === undefined)
    throw invalid(
      param,
      `The gateway calls tools of its own MCP servers alone. Add this one to mcp_servers and name it: tianji_proxy/mcp/<name>.`,
    )
  const [, after, before] = /^\/?(?:(?:mcp(?:\/([^/]+))?|([^/]+)\/mcp)\/?)?$/.exec(path) ?? invalidPath(param, path)
  return namesIn(decoded(after ?? before))
}

function decoded(name: string | undefined): string | undefined {
  try {
    return name === undefined ? undefined : decodeURIComponent(name)
  } catch {
    return name
  }
}

function invalidPath(param: string, path: string): never {
  throw invalid(
    param,
    `There are no MCP servers at ${path.slice(0, 100)}. Write tianji_proxy or tianji_proxy/mcp/<name>.`,
  )
}

/** The error for an entry that cannot be followed. */
export function invalid(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param })
}

/** As OpenAI has it, people are asked unless the request says that they need not be. */
function approvalOf(approval: Written['require_approval']): McpEntry['runs'] {
  if (approval === 'never') return () => true
  if (approval === 'always' || approval == null) return () => false
  const named = (list: JsonObject | undefined, names: readonly string[]) =>
    Array.isArray(list?.tool_names) && list.tool_names.some((name) => names.includes(String(name)))
  const { always, never } = approval
  return (names) => (never === undefined ? always !== undefined && !named(always, names) : named(never, names))
}
