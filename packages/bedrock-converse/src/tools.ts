import {
  type ChatMessage,
  type ChatRequest,
  compact,
  type FunctionTool,
  GatewayError,
  type JsonObject,
  type ToolChoice,
} from '@tianjillm/core'
import { cachePoint } from './messages.ts'

const emptySchema: JsonObject = { type: 'object', properties: {} }

/**
 * The tools a model may or must call; undefined for none. Converse wants tools to be declared as soon as the history
 * holds a call, so then they are even with `tool_choice: none`, or made up from the calls.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolConfiguration.html
 */
export function toolConfig({ messages, tools, tool_choice }: ChatRequest): JsonObject | undefined {
  const called = calledNames(messages)
  const given = tool_choice === 'none' && called.length === 0 ? [] : (tools ?? [])
  if (given.length > 0) return compact({ tools: given.flatMap(toolSpec), toolChoice: toolChoice(tool_choice) })
  if (called.length === 0) return undefined
  return { tools: called.map((name) => ({ toolSpec: { name, inputSchema: { json: emptySchema } } })) }
}

function calledNames(messages: readonly ChatMessage[]): readonly string[] {
  const names = messages.flatMap(({ tool_calls }) => (tool_calls ?? []).map((call) => call.function.name))
  return [...new Set(names)]
}

function toolSpec(tool: FunctionTool, index: number): readonly JsonObject[] {
  if (tool.type !== 'function')
    throw new GatewayError('invalid_request', `Converse has no tools of type ${tool.type}.`, {
      param: `tools[${index}].type`,
    })
  const { name, description, parameters, strict } = tool.function
  const spec = compact({
    name,
    description: description || undefined,
    inputSchema: { json: parameters ?? emptySchema },
    strict: strict || undefined,
  })
  return [{ toolSpec: spec }, ...cachePoint(tool)]
}

function toolChoice(choice: ToolChoice | null | undefined): JsonObject | undefined {
  if (typeof choice === 'object' && choice !== null) return { tool: { name: choice.function.name } }
  if (choice === 'required') return { any: {} }
  return choice === 'auto' ? { auto: {} } : undefined
}
