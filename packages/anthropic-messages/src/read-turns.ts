import { type ChatMessage, type ContentPart, GatewayError, isJsonObject } from '@tianjillm/core'
import { assistantMessage } from './assistant.ts'
import { blocksOf, readContent, simplest } from './read-content.ts'
import { pick } from './reading.ts'
import type { Block } from './wire.ts'

/** Messages' turns as chat messages. Throws GatewayError `invalid_request` for what chat cannot say. */
export function readTurns(turns: unknown): readonly ChatMessage[] {
  if (!Array.isArray(turns)) throw refusal('messages must be a list.', 'messages')
  return turns.flatMap((turn, index) => {
    const param = `messages[${index}].content`
    if (!isJsonObject(turn)) throw refusal('A message must be an object.', `messages[${index}]`)
    const blocks = blocksOf(turn.content)
    switch (turn.role) {
      case 'user':
        return readUser(blocks, param)
      case 'assistant':
        return [readAssistant(blocks, param)]
      case 'system':
        return [readSystem(blocks, param)]
      default:
        throw refusal('A message is of role user or assistant.', `messages[${index}].role`)
    }
  })
}

/** System blocks as one system message. */
export function readSystem(blocks: readonly Block[], param: string): ChatMessage {
  return { role: 'system', content: simplest(readContent(blocks, param)) }
}

/**
 * Tool results as messages of their own, first, since they must follow their calls; then what the user says. What a
 * result holds besides text is said by the user, because OpenAI's tool messages are text alone.
 */
function readUser(blocks: readonly Block[], param: string): readonly ChatMessage[] {
  const results = blocks.filter(isToolResult).map((block) => readToolResult(block, param))
  const said = [
    ...results.flatMap(({ beside }) => beside),
    ...readContent(
      blocks.filter((block) => !isToolResult(block)),
      param,
    ),
  ]
  const user: ChatMessage = { role: 'user', content: simplest(said) }
  return [...results.map(({ message }) => message), ...(said.length > 0 || results.length === 0 ? [user] : [])]
}

function isToolResult({ type }: Block): boolean {
  return type === 'tool_result'
}

function readToolResult(
  block: Block,
  param: string,
): { readonly message: ChatMessage; readonly beside: readonly ContentPart[] } {
  const parts = readContent(blocksOf(block.content), param)
  const message: ChatMessage = {
    role: 'tool',
    tool_call_id: String(block.tool_use_id),
    content: simplest(parts.filter(({ type }) => type === 'text')),
    ...pick(block, 'is_error', 'cache_control'),
  }
  return { message, beside: parts.filter(({ type }) => type !== 'text') }
}

/** Server tools' blocks are left out: only Anthropic can read them. */
function readAssistant(blocks: readonly Block[], param: string): ChatMessage {
  const texts = readContent(
    blocks.filter(({ type }) => type === 'text'),
    param,
  )
  return assistantMessage(texts.length > 0 ? simplest(texts) : null, blocks)
}

function refusal(message: string, param: string): GatewayError {
  return new GatewayError('invalid_request', message, { param })
}
