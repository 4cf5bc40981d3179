import { GatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import type { createLocalUpstream, Source } from '@tianjillm/mcp'
import { callFor, type Visitor } from '../inner-call.ts'
import type { OwnTool } from './read-own-tools.ts'
import { ANYWHERE } from './read-servers.ts'
import { searchResult } from './search-tool.ts'

/** What the gateway is called among the servers. */
export const OWN_SERVER = 'tianji'

/** The route that reports of their calls have. */
const ROUTE = '/mcp'

/** The gateway's own tools as a server. Who calls them is a visitor; their models are asked through the visitor's gateway. */
export function ownSource(tools: readonly OwnTool[], create: typeof createLocalUpstream): Source {
  const byName = new Map(tools.map((tool) => [tool.wire.name, tool]))
  const wires = tools.map(({ wire }) => wire)
  return {
    // The catalog asks for tools that it has been told of, and all who are served are visitors.
    upstream: create(OWN_SERVER, wires, (name, input, { caller, signal }) =>
      runTool(byName.get(name)!, input, caller as Visitor, signal),
    ),
    groups: [ANYWHERE],
    toolTags: Object.fromEntries(tools.map(({ wire, tags }) => [wire.name, tags])),
    about: { description: 'Tools of the gateway itself.' },
  }
}

async function runTool(
  { wire, task }: OwnTool,
  given: JsonObject,
  visitor: Visitor,
  signal: AbortSignal | undefined,
): Promise<JsonObject> {
  if ('searchTool' in task) {
    const call = { operation: 'search', input: given, model: task.searchTool, route: ROUTE, signal } as const
    return searchResult(await callFor(visitor, call))
  }
  const { render } = await import('@tianjillm/prompts')
  const content = render(task.prompt, variablesOf(wire.inputSchema, given))
  const input = { messages: [{ role: 'user', content }] }
  const completion = await callFor(visitor, { operation: 'chat', input, model: task.model, route: ROUTE, signal })
  return { content: [{ type: 'text', text: textOf(completion) }] }
}

/** What is not given is what the schema has in its place, or nothing; lists and maps are JSON. */
function variablesOf({ properties }: JsonObject, given: JsonObject): JsonObject {
  const known = Object.entries(isJsonObject(properties) ? properties : {})
  const usual = known.map(
    ([name, schema]) => [name, (isJsonObject(schema) ? schema.default : undefined) ?? ''] as const,
  )
  const values = [...usual, ...Object.entries(given)].map(
    ([name, value]) => [name, typeof value === 'object' && value !== null ? JSON.stringify(value) : value] as const,
  )
  return Object.fromEntries(values)
}

function textOf({ choices }: JsonObject): string {
  const [choice] = Array.isArray(choices) ? choices : []
  const message = isJsonObject(choice) && isJsonObject(choice.message) ? choice.message : {}
  const text = message.content ?? message.refusal
  if (typeof text === 'string') return text
  throw new GatewayError('upstream_invalid_response', 'The model answered without any text.')
}
