import {
  type ChatMessage,
  type ChatRequest,
  compact,
  type FunctionTool,
  type JsonObject,
  parametersOf,
} from '@tianjillm/core'
import { pick } from './reading.ts'

const messageFields = ['role', 'content', 'name', 'refusal', 'tool_calls', 'tool_call_id']

/** OpenAI's limit on `user`, in characters; Claude Code's ids are longer. */
const LONGEST_USER = 64

/**
 * The request with nothing in it but OpenAI's own fields: no `cache_control`, thinking blocks, server tools or vendor
 * parameters. For what `readMessagesRequest` gives, on its way to a vendor that refuses fields it does not know.
 */
export function plainChatRequest(request: ChatRequest): ChatRequest {
  const tools = request.tools?.filter(({ type }) => type === 'function').map(plainTool)
  return {
    ...pick(request, 'model', ...parametersOf('chat')),
    model: request.model,
    messages: request.messages.map(plainMessage),
    ...(request.user && { user: request.user.slice(0, LONGEST_USER) }),
    ...(tools && { tools }),
  }
}

function plainMessage(message: ChatMessage): ChatMessage {
  const { content } = message
  const plain: JsonObject = {
    ...pick(message, ...messageFields),
    role: message.role,
    content: Array.isArray(content) ? content.map((part) => pick(part, 'type', part.type)) : content,
    tool_calls: message.tool_calls?.map((call) => pick(call, 'id', 'type', 'function')),
  }
  return compact(plain) as ChatMessage
}

function plainTool({ function: described }: FunctionTool): FunctionTool {
  const known = pick(described as JsonObject, 'name', 'description', 'parameters', 'strict')
  return { type: 'function', function: known as FunctionTool['function'] }
}
