import { type ChatMessage, isJsonObject, type JsonObject } from '@tianjillm/core'
import { isSearchTool } from './interception.ts'

/** What one turn asks. */
export interface Question {
  readonly messages: readonly ChatMessage[]
  readonly tools: readonly JsonObject[]
  /** From 1 on. */
  readonly number: number
  /** Whether the model may call no more tools. */
  readonly isLast: boolean
}

/** The request of a turn: what the client asked, with these messages and tools. Streams count their tokens. */
export function requestOf(asked: JsonObject, { messages, tools, number, isLast }: Question): JsonObject {
  const { tools: _tools, tool_choice: choice, parallel_tool_calls, ...rest } = asked
  return {
    ...rest,
    messages,
    // Vendors refuse an empty list of tools, and what is said of tools without any.
    ...(tools.length > 0 && {
      tools,
      ...(parallel_tool_calls !== undefined && { parallel_tool_calls }),
      ...choiceOf(choice, number, isLast),
    }),
    ...(rest.stream === true && {
      stream_options: { ...(isJsonObject(rest.stream_options) && rest.stream_options), include_usage: true },
    }),
  }
}

/** A model that has to call a tool each time would never come to an answer. */
function choiceOf(choice: unknown, number: number, isLast: boolean): JsonObject {
  if (choice === undefined && !isLast) return {}
  if (number === 1) return { tool_choice: isUnknownToModels(choice) ? 'required' : choice }
  if (isLast) return { tool_choice: 'none' }
  if (!isJsonObject(choice)) return choice === 'required' ? {} : { tool_choice: choice }
  const { type, allowed_tools: allowed } = choice
  if (type !== 'allowed_tools' || !isJsonObject(allowed)) return {}
  return { tool_choice: { type, allowed_tools: { ...allowed, mode: 'auto' } } }
}

/** Whether it means a tool that models see as functions. */
function isUnknownToModels(choice: unknown): boolean {
  return isJsonObject(choice) && (choice.type === 'mcp' || isSearchTool(choice))
}
