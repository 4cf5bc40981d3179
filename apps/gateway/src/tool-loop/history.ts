import { type LoopOutcome, plainText, resultText, type ToolRun } from '@tianjillm/agent'
import { type ChatMessage, isJsonObject, type JsonObject } from '@tianjillm/core'

/** UTF-16 units of a result that a model gets to read again. */
const LONGEST_AGAIN = 65_536

/** What answers tell of what was offered and done for them, as LiteLLM has it: fields of `provider_specific_fields`. */
export function doneFields({ runs, end, turns }: Pick<LoopOutcome, 'runs' | 'end' | 'turns'>): JsonObject {
  const isCut = end !== 'answer' && end !== 'their_calls'
  return {
    ...(runs.length > 0 && { mcp_tool_calls: runs.map(({ call }) => call), mcp_call_results: runs.map(resultField) }),
    ...(isCut && { tool_loop: { end, turns } }),
  }
}

function resultField({ call, result }: ToolRun): JsonObject {
  const failed = result.isError === true && { is_error: true }
  return { tool_call_id: call.id, name: call.function.name, result: plainText(result), ...failed }
}

/** The messages with what `doneFields` says in the place of those fields, so that a client need only send back what it got. */
export function withHistory(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  return messages.flatMap((message) => {
    const { provider_specific_fields: fields, ...plain } = message
    if (message.role !== 'assistant' || !isJsonObject(fields)) return [message]
    const { mcp_list_tools, mcp_tool_calls, mcp_call_results, mcp_unavailable, tool_loop, ...others } = fields
    const rest = Object.keys(others).length === 0 ? plain : { ...plain, provider_specific_fields: others }
    return [...doneBefore(mcp_tool_calls, mcp_call_results), rest]
  })
}

/** Calls whose results are there, and those. */
function doneBefore(calls: unknown, results: unknown): readonly ChatMessage[] {
  const told = new Map(
    (Array.isArray(results) ? results : []).filter(isJsonObject).map((one) => [one.tool_call_id, one]),
  )
  const made = (Array.isArray(calls) ? calls : []).filter((call) => isJsonObject(call) && told.has(call.id))
  if (made.length === 0) return []
  const messages = made.map(({ id }): ChatMessage => {
    const { name, result, is_error } = told.get(id)!
    const whole = { content: [{ type: 'text', text: String(result) }], isError: is_error === true }
    return { role: 'tool', tool_call_id: String(id), content: resultText(String(name), whole, LONGEST_AGAIN) }
  })
  return [{ role: 'assistant', content: null, tool_calls: made }, ...messages]
}
