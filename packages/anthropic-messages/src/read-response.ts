import { type ChatCompletion, type ChatMessage, chatCompletion, isJsonObject, type JsonObject } from '@tianjillm/core'
import { assistantMessage, isServerBlock } from './assistant.ts'
import { blocksIn, headOf, misunderstood, pick, type Reading } from './reading.ts'
import { readStop } from './stop.ts'
import { readUsage } from './usage.ts'
import type { Block } from './wire.ts'

/**
 * A Messages answer as a chat completion. Thinking is told as `reasoning_content` and kept in `thinking_blocks`, to be
 * sent back. Under `provider_specific_fields`: `citations`, `server_blocks` (Anthropic's own tools at work),
 * `container`, `stop_details`, and `stop_reason` where the finish reason says less. Throws GatewayError
 * `upstream_invalid_response`.
 */
export function readMessagesResponse(answer: unknown, reading: Reading): ChatCompletion {
  if (!isJsonObject(answer) || !Array.isArray(answer.content))
    throw misunderstood(reading, 'the answer has no content.')
  const { finishReason, fields } = readStop(answer)
  const message = readMessage(blocksIn(answer.content), { ...fields, ...pick(answer, 'container') })
  return chatCompletion(headOf(answer, reading), message, finishReason, readUsage(answer.usage))
}

function readMessage(blocks: readonly Block[], beside: JsonObject): ChatMessage {
  const texts = blocks.filter(({ type }) => type === 'text')
  const fields = fieldsOf({
    citations: texts.flatMap(({ citations }) => blocksIn(citations)),
    server_blocks: blocks.filter(isServerBlock),
    ...beside,
  })
  const content = texts.length > 0 ? texts.map(({ text }) => text ?? '').join('') : null
  return { ...assistantMessage(content, blocks), ...(fields && { provider_specific_fields: fields }) }
}

/** Anthropic's own fields, or undefined when there are none. */
export function fieldsOf(fields: JsonObject): JsonObject | undefined {
  const present = Object.entries(fields).filter(([, value]) => !Array.isArray(value) || value.length > 0)
  return present.length > 0 ? Object.fromEntries(present) : undefined
}
