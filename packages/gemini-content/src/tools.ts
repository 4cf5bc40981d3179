import {
  type ChatRequest,
  compact,
  type FunctionTool,
  GatewayError,
  type JsonObject,
  type ToolChoice,
} from '@tianjillm/core'

/** Functions as declarations, Google's own tools (`{ codeExecution: {} }`) as they are, and web search where asked for. */
export function toolsOf({ tools, web_search_options }: ChatRequest): readonly JsonObject[] | undefined {
  const asked: readonly JsonObject[] = tools ?? []
  const functions = asked.filter(isFunction).map(declarationOf)
  const all = [
    ...(functions.length > 0 ? [{ functionDeclarations: functions }] : []),
    ...asked.filter((tool) => !isFunction(tool)),
    ...(web_search_options ? [{ googleSearch: {} }] : []),
  ]
  return all.length > 0 ? all : undefined
}

function isFunction(tool: JsonObject): tool is FunctionTool {
  return tool.type === 'function'
}

function declarationOf({ function: { name, description, parameters } }: FunctionTool): JsonObject {
  return compact({ name, description, parametersJsonSchema: parameters })
}

const modes: Readonly<Record<string, string>> = { auto: 'AUTO', none: 'NONE', required: 'ANY' }

/** Throws GatewayError `invalid_request` for a choice Gemini has no counterpart of. */
export function toolConfigOf(choice: ToolChoice | null | undefined): JsonObject | undefined {
  if (choice === undefined || choice === null) return undefined
  if (typeof choice === 'string' && modes[choice]) return { functionCallingConfig: { mode: modes[choice] } }
  if (typeof choice === 'object' && choice.type === 'function')
    return { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: [choice.function.name] } }
  throw new GatewayError('invalid_request', 'tool_choice must be auto, none, required or a function.', {
    param: 'tool_choice',
  })
}
