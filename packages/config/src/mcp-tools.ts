import { didYouMean, type JsonObject } from '@tianjillm/core'
import { toFlag, toMap, toMaps, toNumber, toText, toTexts } from './coerce.ts'
import type { McpSettings, McpToolConfig, ModelConfig, SearchToolConfig } from './config.ts'
import type { Path } from './problem.ts'
import { isPythonName, warnOfPython } from './python.ts'
import { modelNamesOf, namesModel } from './references.ts'
import type { Source } from './source.ts'

/** What a tool of `mcp_tools` may refer to. */
interface Known {
  readonly models: readonly ModelConfig[]
  readonly searchTools: readonly SearchToolConfig[]
}

/** The tools of `mcp_tools`. One that cannot work is left out, with a warning that says why. */
export function readMcpTools(file: JsonObject, known: Known, source: Source): readonly McpToolConfig[] {
  const taken = new Set<string>()
  return toMaps(file.mcp_tools).flatMap((entry, index) => {
    const path = ['mcp_tools', index]
    const name = toText(entry.name)!
    const leaveOut = (key: string, problem: string) => {
      source.warn([...path, key], `${problem} This tool is left out.`)
      return []
    }
    if (isPythonName(toText(entry.handler) ?? '')) {
      warnOfPython([...path, 'handler'], 'Give it a model and a prompt, or a search_tool.', source)
      return []
    }
    if (!/^[\w-]{1,64}$/.test(name)) return leaveOut('name', 'expected up to 64 letters, digits, "_" and "-".')
    if (taken.has(name)) return leaveOut('name', 'there is one of this name already.')
    taken.add(name)
    const task = taskOf(entry)
    if (typeof task === 'string') return leaveOut('name', task)
    const missing = 'model' in task ? withoutModel(file, task.model, known) : withoutSearch(task.searchTool, known)
    if (missing !== undefined) return leaveOut('model' in task ? 'model' : 'search_tool', missing)
    return [toolOf(entry, name, task, path)]
  })
}

export function readMcpSettings({ mcp_settings: written, litellm_settings: general }: JsonObject): McpSettings {
  const { offer_search_tools: offers, tool_filter: filter, tool_pinning: pinning } = toMap(written)
  return {
    offerSearchTools: toFlag(offers) ?? true,
    toolFilter: filter == null ? undefined : toolFilterOf(toMap(filter)),
    toolPinning: pinningOf(pinning),
    semanticFilter: semanticFilterOf(toMap(toMap(general).mcp_semantic_tool_filter)),
  }
}

function toolFilterOf({ include_tags: included, exclude_tags: excluded }: JsonObject): McpSettings['toolFilter'] {
  return { includeTags: included == null ? undefined : toTexts(included), excludeTags: toTexts(excluded) }
}

function pinningOf(written: unknown): McpSettings['toolPinning'] {
  if (written === false || written === 'off') return 'off'
  return written === 'quarantine' ? 'quarantine' : 'warn'
}

/** Where nothing is said it is as in LiteLLM. https://docs.litellm.ai/docs/mcp_semantic_filter */
function semanticFilterOf(written: JsonObject): McpSettings['semanticFilter'] {
  if (toFlag(written.enabled) !== true) return undefined
  return {
    embeddingModel: toText(written.embedding_model) ?? 'text-embedding-3-small',
    topK: toNumber(written.top_k) ?? 10,
    threshold: toNumber(written.similarity_threshold) ?? 0.3,
  }
}

function toolOf(entry: JsonObject, name: string, task: McpToolConfig['task'], path: Path): McpToolConfig {
  return {
    name,
    description: toText(entry.description),
    inputSchema: entry.input_schema == null ? undefined : toMap(entry.input_schema),
    tags: toTexts(entry.tags),
    task,
    path,
  }
}

/** What a tool does, or why that cannot be told. */
function taskOf({ model, prompt, search_tool: searchTool }: JsonObject): McpToolConfig['task'] | string {
  if (typeof searchTool === 'string')
    return model == null && prompt == null ? { searchTool } : 'it can have a search_tool or a model, not both.'
  if (typeof model !== 'string' || typeof prompt !== 'string') return 'it needs a model and a prompt, or a search_tool.'
  return { model, prompt }
}

function withoutModel(file: JsonObject, model: string, { models }: Known): string | undefined {
  const names = modelNamesOf(file, models)
  return names.some((pattern) => namesModel(pattern, model)) ? undefined : `no such model.${didYouMean(model, names)}`
}

function withoutSearch(tool: string, { searchTools }: Known): string | undefined {
  const names = searchTools.map(({ name }) => name)
  return names.includes(tool) ? undefined : `no such search tool.${didYouMean(tool, names)}`
}
