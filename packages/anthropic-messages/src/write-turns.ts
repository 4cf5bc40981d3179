import {
  type ChatMessage,
  compact,
  GatewayError,
  type JsonObject,
  mergeNeighbours,
  type ToolCall,
  toolArguments,
} from '@tianjillm/core'
import { blocksIn, pick } from './reading.ts'
import type { Block, Turn } from './wire.ts'
import { writeContent } from './write-content.ts'

/** What one side says, always in blocks. */
interface WrittenTurn extends Turn {
  readonly content: readonly Block[]
}

/** A conversation as Anthropic takes it: the system apart, roles alternating, thinking first, tool results together. */
export function writeTurns(messages: readonly ChatMessage[]): {
  readonly system: readonly Block[]
  readonly turns: readonly WrittenTurn[]
} {
  const written = messages.map(writeMessage).filter(({ content }) => content.length > 0)
  return {
    system: written.flatMap(({ role, content }) => (role === 'system' ? content : [])),
    turns: mergeNeighbours(
      written.filter((turn): turn is WrittenTurn => turn.role !== 'system'),
      (first, second) => ({ role: first.role, content: [...first.content, ...second.content] }),
    ),
  }
}

function writeMessage(
  message: ChatMessage,
  index: number,
): { readonly role: WrittenTurn['role'] | 'system'; readonly content: readonly Block[] } {
  const param = `messages[${index}]`
  switch (message.role) {
    case 'system':
    case 'developer':
      return { role: 'system', content: writeContent(message, param) }
    case 'user':
      return { role: 'user', content: writeContent(message, param) }
    case 'tool':
      return { role: 'user', content: [toolResult(message, param)] }
    case 'assistant':
      return { role: 'assistant', content: assistantContent(message, param) }
    default:
      throw new GatewayError('invalid_request', `A message of role ${message.role} cannot be sent. Use role tool.`, {
        param: `${param}.role`,
      })
  }
}

function assistantContent(message: ChatMessage, param: string): readonly Block[] {
  return [
    ...blocksIn(message.thinking_blocks).filter(isSigned),
    ...writeContent(message, param),
    ...(message.tool_calls ?? []).map((call, index) => toolUse(call, `${param}.tool_calls[${index}]`)),
  ]
}

/** Anthropic refuses thinking it has not signed, such as another vendor's. */
function isSigned(block: Block): boolean {
  return block.type !== 'thinking' || Boolean(block.signature)
}

function toolUse(call: ToolCall, param: string): Block {
  return {
    type: 'tool_use',
    id: toolUseId(call.id),
    name: call.function.name,
    input: toolArguments(call.function.arguments ?? '', `${param}.function.arguments`),
    ...pick(call, 'cache_control'),
  }
}

function toolResult(message: ChatMessage, param: string): Block {
  const { content, cache_control, ...unmarked } = message
  return compact({
    type: 'tool_result',
    tool_use_id: toolUseId(message.tool_call_id),
    content: typeof content === 'string' ? content : writeContent({ ...unmarked, content: content ?? '' }, param),
    ...pick(message as JsonObject, 'is_error'),
    cache_control,
  })
}

/** Other vendors' ids hold characters that Anthropic's pattern refuses. */
function toolUseId(id: string | undefined): string {
  return String(id).replace(/[^a-zA-Z0-9_-]/g, '_')
}
