import { compact, type FunctionTool, isJsonObject, type JsonObject, type ToolChoice } from '@tianjillm/core'
import type { MessagesTool } from './wire.ts'

/** A function as Anthropic's tool, with what stands beside it (`cache_control`, …). Tools of other types go as they are. */
export function writeTool(tool: FunctionTool): MessagesTool {
  const { type, function: described, ...beside } = tool
  if (type !== 'function' || !isJsonObject(described)) return tool as JsonObject as MessagesTool
  const { name, description, parameters, strict, ...extras } = described
  return compact({
    name,
    description,
    input_schema: isJsonObject(parameters) ? { ...parameters, type: 'object' } : { type: 'object', properties: {} },
    strict: strict ?? undefined,
    ...extras,
    ...beside,
  }) as MessagesTool
}

/** A tool of the client's own as a function. Anthropic's server tools stay as they are. */
export function readTool(tool: MessagesTool): FunctionTool {
  const { type, name, description, input_schema, strict, ...extras } = tool
  // A vendor that knows the tool's type takes it as it is; no other will.
  if (type !== undefined && type !== 'custom') return tool as JsonObject as FunctionTool
  return {
    type: 'function',
    function: compact({ name, description, parameters: input_schema, strict }) as FunctionTool['function'],
    ...extras,
  }
}

const modes: Readonly<Record<string, string>> = { auto: 'auto', required: 'any', none: 'none' }

/** `tool_choice` and `parallel_tool_calls` as Anthropic's one `tool_choice`; its own spelling passes too. */
export function writeToolChoice(choice: unknown, isParallel: unknown): JsonObject | undefined {
  const written = choiceOf(choice)
  if (isParallel !== false || written?.type === 'none') return written
  return { type: 'auto', ...written, disable_parallel_tool_use: true }
}

function choiceOf(choice: unknown): JsonObject | undefined {
  if (typeof choice === 'string') return { type: modes[choice] ?? choice }
  if (!isJsonObject(choice)) return undefined
  return isJsonObject(choice.function) ? { type: 'tool', name: choice.function.name } : choice
}

/** Anthropic's `tool_choice` as OpenAI's two parameters. */
export function readToolChoice(choice: unknown): {
  readonly tool_choice?: ToolChoice
  readonly parallel_tool_calls?: boolean
} {
  if (!isJsonObject(choice)) return {}
  const mode = Object.keys(modes).find((name) => modes[name] === choice.type) as ToolChoice | undefined
  const named: ToolChoice = { type: 'function', function: { name: String(choice.name) } }
  return {
    tool_choice: mode ?? named,
    ...(choice.disable_parallel_tool_use === true && { parallel_tool_calls: false }),
  }
}
