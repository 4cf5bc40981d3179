import {
  type ChatCompletion,
  type ChatMessage,
  contentText,
  GatewayError,
  isJsonObject,
  parseJson,
  type ToolCall,
} from '@tianjillm/core'
import { blocksIn, pick, providerFields } from './reading.ts'
import { writeStop } from './stop.ts'
import { writeUsage } from './usage.ts'
import type { Block, MessagesResponse } from './wire.ts'

/**
 * A chat completion's first choice as a Messages answer. Reasoning of other vendors becomes a thinking block without
 * a signature. Throws GatewayError `upstream_invalid_response` for an answer without choices, or with a tool call
 * whose arguments are not a JSON object.
 */
export function writeMessagesResponse(completion: ChatCompletion): MessagesResponse {
  const choice = completion.choices?.[0]
  if (choice?.message === undefined)
    throw new GatewayError('upstream_invalid_response', 'The upstream answered without a choice.')
  const { message } = choice
  const fields = providerFields(message)
  return {
    id: completion.id,
    type: 'message',
    role: 'assistant',
    model: completion.model,
    content: writeBlocks(message),
    ...writeStop(choice.finish_reason, fields, Boolean(message.tool_calls?.length)),
    usage: writeUsage(completion.usage),
    ...pick(fields, 'container'),
  }
}

function writeBlocks(message: ChatMessage): readonly Block[] {
  const { citations, server_blocks } = providerFields(message)
  const text = contentText(message.content) || String(message.refusal ?? '')
  const cited = blocksIn(citations)
  return [
    ...(message.thinking_blocks ? blocksIn(message.thinking_blocks) : writeReasoning(message.reasoning_content)),
    ...blocksIn(server_blocks),
    ...(text === '' ? [] : [{ type: 'text', text, ...(cited.length > 0 && { citations: cited }) }]),
    ...(message.tool_calls ?? []).map(writeToolUse),
  ]
}

function writeReasoning(text: string | null | undefined): readonly Block[] {
  return text ? [{ type: 'thinking', thinking: text, signature: '' }] : []
}

function writeToolUse({ id, function: called }: ToolCall): Block {
  const input = called.arguments.trim() === '' ? {} : parseJson(called.arguments)
  if (!isJsonObject(input))
    throw new GatewayError('upstream_invalid_response', `The upstream calls ${called.name} with broken arguments.`)
  return { type: 'tool_use', id, name: called.name, input }
}
