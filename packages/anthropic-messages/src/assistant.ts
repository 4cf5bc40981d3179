import type { ChatMessage, ToolCall } from '@tianjillm/core'
import { pick } from './reading.ts'
import type { Block } from './wire.ts'

/** What the model said, as OpenAI tells it: this content, and of the blocks the thinking and the tool calls. */
export function assistantMessage(
  content: NonNullable<ChatMessage['content']> | null,
  blocks: readonly Block[],
): ChatMessage {
  const thoughts = blocks.filter(isThinking)
  const reasoning = thoughts.map(({ thinking }) => thinking ?? '').join('')
  const calls = blocks.filter(({ type }) => type === 'tool_use').map(toolCall)
  return {
    role: 'assistant',
    content,
    ...(reasoning && { reasoning_content: reasoning }),
    ...(thoughts.length > 0 && { thinking_blocks: thoughts }),
    ...(calls.length > 0 && { tool_calls: calls }),
  }
}

/** Whether a block is the model's reasoning, readable or not. */
export function isThinking({ type }: Block): boolean {
  return type === 'thinking' || type === 'redacted_thinking'
}

/** Whether a block is none that OpenAI has a counterpart for: a server tool's use or result, and whatever comes next. */
export function isServerBlock(block: Block): boolean {
  return block.type !== 'text' && block.type !== 'tool_use' && !isThinking(block)
}

function toolCall(block: Block): ToolCall {
  return {
    id: String(block.id),
    type: 'function',
    function: { name: String(block.name), arguments: JSON.stringify(block.input ?? {}) },
    ...pick(block, 'cache_control'),
  }
}
