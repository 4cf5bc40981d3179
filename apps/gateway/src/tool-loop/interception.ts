import type { Config, Problem } from '@tianjillm/config'
import { didYouMean, isJsonObject, type JsonObject, unsupportedParameters } from '@tianjillm/core'
import type { Deployment, Engine } from '@tianjillm/engine'
import { leftOut } from '../problems.ts'

/** What it is called among callbacks, as LiteLLM has it. https://docs.litellm.ai/docs/integrations/websearch_interception */
export const INTERCEPTION = 'websearch_interception'

/** Searches of the web that models ask for are made here. */
export interface Interception {
  readonly searchTool: string
  /** Times that a model is asked, of which all but the last may search. */
  readonly turns: number
  /** Whether a chat wants a model to search that cannot. */
  concerns(engine: Engine, input: JsonObject): boolean
}

/** Rounds of searches for one request when nothing is configured. */
const DEFAULT_ROUNDS = 3

/** The interception that a configuration asks for among its callbacks. */
export function interceptionOf({ callbacks, searchTools }: Config): {
  readonly interception: Interception | undefined
  readonly problems: readonly Problem[]
} {
  const callback = callbacks.find(({ plugin }) => plugin === INTERCEPTION)
  if (callback === undefined) return { interception: undefined, problems: [] }
  const { searchToolName, enabledProviders, maxAgenticLoops } = callback.options
  const names = searchTools.map(({ name }) => name)
  const searchTool = typeof searchToolName === 'string' ? searchToolName : names[0]
  if (searchTool === undefined || !names.includes(searchTool)) {
    const message =
      searchTool === undefined
        ? `${INTERCEPTION} needs search_tools.`
        : `${INTERCEPTION}: no search tool "${searchTool}".${didYouMean(searchTool, names)}`
    const problem: Problem = { severity: 'warning', ...callback.position, path: 'callbacks', message }
    return { interception: undefined, problems: [leftOut(problem)] }
  }
  const providers = Array.isArray(enabledProviders) ? new Set(enabledProviders) : undefined
  const cannotSearch = ({ providerName, provider }: Deployment) =>
    providers?.has(providerName) ??
    unsupportedParameters('chat', provider.chat ?? {}, { web_search_options: {} }).length > 0
  const rounds = Number.isInteger(maxAgenticLoops) && Number(maxAgenticLoops) > 0 ? Number(maxAgenticLoops) : undefined
  return {
    problems: [],
    interception: {
      searchTool,
      turns: (rounds ?? DEFAULT_ROUNDS) + 1,
      concerns: ({ router, autoRouters }, input) => {
        if (!wantsSearch(input)) return false
        const model = String(input.model)
        // Which model an auto-router chooses is not known yet, and any can be offered a function.
        if (autoRouters?.has(model)) return true
        return router.find(model)?.some(({ deployment }) => cannotSearch(deployment)) === true
      },
    },
  }
}

function wantsSearch({ tools, web_search_options }: JsonObject): boolean {
  return isJsonObject(web_search_options) || (Array.isArray(tools) && tools.some(isSearchTool))
}

const functionNames: ReadonlySet<unknown> = new Set(['web_search', 'litellm_web_search', 'tianji_web_search'])

/** Whether a tool is a search of the web, in the words of any wire. */
export function isSearchTool(tool: unknown): tool is JsonObject {
  if (!isJsonObject(tool)) return false
  if (tool.type === 'function') return isJsonObject(tool.function) && functionNames.has(tool.function.name)
  return typeof tool.type === 'string' && /^web_search(_preview)?(_\d[\d_]*)?$/.test(tool.type)
}
