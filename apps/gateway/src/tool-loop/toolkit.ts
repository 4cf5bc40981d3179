import type { CallTool, LoopTool } from '@tianjillm/agent'
import { type ChatMessage, contentText, isJsonObject, type JsonObject } from '@tianjillm/core'
import type { Visitor } from '../inner-call.ts'
import { isSearchTool } from './interception.ts'
import { invalid, readEntries } from './mcp-entries.ts'
import type { Circumstances, McpTools } from './mcp-tools.ts'
import type { OwnTool } from './own-tool.ts'
import { webSearch } from './web-search.ts'

/** Times that a model is asked for one request. */
const MOST_TURNS = 10

/** All tools that a request's model is offered. */
export interface Toolkit {
  /** The request but for its tools. */
  readonly request: JsonObject
  readonly tools: readonly LoopTool[]
  readonly callTool: CallTool
  /** The client's own, and those that it has to agree to. */
  readonly theirTools: readonly JsonObject[]
  readonly turns: number
  /** What answers tell of it. */
  readonly fields: JsonObject
  /** What their headers tell: names without a prefix, and values. */
  readonly notes: McpTools['notes']
}

/** The tools of a request: its client's own, those of MCP servers, searches. Throws GatewayError `invalid_request`. */
export async function toolkitOf(
  input: JsonObject,
  visitor: Visitor,
  circumstances: Omit<Circumstances, 'query'>,
): Promise<Toolkit> {
  const { engine, interception } = visitor.gateway
  const asked = Array.isArray(input.tools) ? input.tools : []
  const entries = readEntries(asked, circumstances.headers.host)
  const { interception: searching } = interception?.concerns(engine, input) ? { interception } : {}
  const own = asked.filter((tool) => !isMcp(tool) && !(searching && isSearchTool(tool)))
  const taken = new Set(own.map(nameOf))
  const { tools: ofServers, unavailable, notes } = entries.length > 0 ? await found() : nothing
  const offered = ofServers.map((tool) => named(tool, taken))
  const search = searching && webSearch(visitor, searching.searchTool, input)
  const all = search === undefined ? offered : [...offered, named(search, taken)]
  const running = new Map(all.flatMap((tool) => (tool.run ? [[nameOf(tool.definition), tool] as const] : [])))
  const { tools: _tools, web_search_options: options, ...request } = input
  return {
    request: searching || options === undefined ? request : { ...request, web_search_options: options },
    notes,
    tools: [...running.values()].map(({ definition }) => ({ definition, name: definition.function.name })),
    callTool: (name, given, { signal }) => running.get(name)!.run!(given, signal),
    theirTools: [...own, ...all.flatMap(({ definition, run }) => (run ? [] : [definition]))],
    turns: Math.max(entries.length > 0 ? MOST_TURNS : 0, searching?.turns ?? 0),
    fields: {
      ...(entries.length > 0 && { mcp_list_tools: offered.map(({ definition }) => definition) }),
      ...(unavailable.length > 0 && { mcp_unavailable: unavailable }),
    },
  }

  async function found() {
    const { mcpTools } = await import('./mcp-tools.ts')
    return mcpTools(visitor, entries, { ...circumstances, query: lastWords(input) })
  }
}

const nothing: McpTools = { tools: [], unavailable: [], notes: [] }

/** What the user said last. */
function lastWords({ messages }: JsonObject): string {
  // They were checked when they came in.
  const last = (messages as readonly ChatMessage[]).findLast(({ role }) => role === 'user')
  return contentText(last?.content)
}

/** Throws GatewayError `invalid_request` for more than one answer: each would be a conversation of its own. */
export function demandOneAnswer({ n }: JsonObject): void {
  if (typeof n === 'number' && n > 1) throw invalid('n', '`n` must be 1 where the gateway runs tools.')
}

function isMcp(tool: unknown): boolean {
  return isJsonObject(tool) && tool.type === 'mcp'
}

function nameOf({ function: described }: JsonObject): unknown {
  return isJsonObject(described) ? described.name : undefined
}

/** A tool of ours makes way for one of the client's that has its name. */
function named(tool: OwnTool, taken: Set<unknown>): OwnTool {
  const { definition } = tool
  const wanted = definition.function.name
  let name = wanted
  for (let count = 2; taken.has(name); count++) name = `${wanted.slice(0, 60)}_${count}`
  taken.add(name)
  return name === wanted ? tool : { ...tool, definition: { ...definition, function: { ...definition.function, name } } }
}
