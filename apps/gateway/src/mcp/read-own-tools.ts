import { type Config, formatPath, type McpToolConfig, type Problem } from '@tianjillm/config'
import { didYouMean, isJsonObject, type JsonObject } from '@tianjillm/core'
import type { Tool } from '@tianjillm/mcp'
import { searchWire } from './search-tool.ts'

/** A tool of the gateway itself; plain data. */
export interface OwnTool {
  readonly wire: Tool
  readonly tags: readonly string[]
  readonly task: McpToolConfig['task']
}

/** Tools of `mcp_tools`, and one for each search tool. What cannot work is left out with a warning. */
export async function readOwnTools(config: Config): Promise<{
  readonly tools: readonly OwnTool[]
  readonly problems: readonly Problem[]
}> {
  const problems: Problem[] = []
  const namesIn = config.mcpTools.length > 0 ? await placeholders() : () => []
  const named = config.mcpTools.flatMap((tool) => {
    const wrong = wrongIn(tool, namesIn)
    if (wrong === undefined) return [ownTool(tool, namesIn)]
    const path = [...tool.path, wrong.key]
    const message = `${wrong.says} This tool is left out.`
    problems.push({ severity: 'warning', ...config.positionOf(path), path: formatPath(path), message })
    return []
  })
  return { tools: [...named, ...searches(config)], problems }
}

/** The names in a prompt, each once. */
type NamesIn = (prompt: string) => readonly string[]

async function placeholders(): Promise<NamesIn> {
  const { parseTemplate } = await import('@tianjillm/prompts')
  return (prompt) => [...new Set(parseTemplate(prompt).names)]
}

function ownTool({ name, description, inputSchema, tags, task }: McpToolConfig, namesIn: NamesIn): OwnTool {
  const usual: typeof searchWire = 'searchTool' in task ? searchWire : { inputSchema: textsFor(namesIn(task.prompt)) }
  const schema = inputSchema && { inputSchema: { type: 'object', ...inputSchema } }
  return { wire: { ...usual, name, ...(description !== undefined && { description }), ...schema }, tags, task }
}

/** A text for each of these, none of which may be left out. */
function textsFor(names: readonly string[]): JsonObject {
  const properties = Object.fromEntries(names.map((name) => [name, { type: 'string' }]))
  return { type: 'object', properties, required: names, additionalProperties: false }
}

interface Wrong {
  readonly key: string
  readonly says: string
}

function wrongIn({ inputSchema, task }: McpToolConfig, namesIn: NamesIn): Wrong | undefined {
  if (inputSchema === undefined) return undefined
  const { type = 'object', properties = {} } = inputSchema
  if (type !== 'object' || !isJsonObject(properties))
    return { key: 'input_schema', says: 'expected the JSON Schema of an object.' }
  if ('searchTool' in task)
    return Object.hasOwn(properties, 'query')
      ? undefined
      : { key: 'input_schema', says: 'a search needs a query among its properties.' }
  const missing = namesIn(task.prompt).find((name) => !Object.hasOwn(properties, name))
  if (missing === undefined) return undefined
  const hint = didYouMean(missing, Object.keys(properties))
  return { key: 'prompt', says: `input_schema has no "${missing}" for {{${missing}}}.${hint}` }
}

/** Each search tool under its own name, unless that is taken. */
function searches({ searchTools, mcpTools, mcpSettings }: Config): readonly OwnTool[] {
  if (!mcpSettings.offerSearchTools) return []
  const taken = new Set(mcpTools.map(({ name }) => name))
  return searchTools.flatMap(({ name: searchTool }) => {
    const name = searchTool.replaceAll(/[^\w-]+/g, '_').slice(0, 64)
    if (name === '' || taken.has(name)) return []
    taken.add(name)
    return [{ wire: { ...searchWire, name }, tags: [], task: { searchTool } }]
  })
}
