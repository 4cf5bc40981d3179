import { type EventStreamMessage, eventStream } from '@tianjillm/aws'
import {
  type Call,
  type ChatCompletionChunk,
  type ChatDelta,
  chatChunk,
  compact,
  GatewayError,
  type JsonObject,
  parseJson,
  type UpstreamReply,
  upstreamError,
  usageChunk,
} from '@tianjillm/core'
import * as v from 'valibot'
import { exceptionFault } from './fault.ts'
import { finishReason, headOf, usageOf } from './outcome.ts'

const decoder = new TextDecoder()
const text = v.nullish(v.string())

const eventSchema = v.object({
  contentBlockIndex: v.optional(v.number(), 0),
  start: v.nullish(v.object({ toolUse: v.nullish(v.object({ toolUseId: v.string(), name: v.string() })) })),
  delta: v.nullish(
    v.object({
      text,
      toolUse: v.nullish(v.object({ input: text })),
      reasoningContent: v.nullish(v.object({ text, signature: text, redactedContent: text })),
    }),
  ),
  stopReason: text,
  usage: v.optional(v.unknown()),
})

type ConverseEvent = v.InferOutput<typeof eventSchema>

/**
 * ConverseStream's answer as chunks. A reasoning block comes piece by piece as `reasoning_content`, and once more whole
 * and signed as `thinking_blocks` when it ends. Throws GatewayError for an exception within the stream, and
 * `upstream_invalid_response` for a stream that breaks off.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
 */
export async function* converseChunks(
  provider: string,
  reply: UpstreamReply,
  call: Call,
): AsyncGenerator<ChatCompletionChunk> {
  const head = headOf(reply.headers, call)
  const readDelta = deltaReader()
  let isFinished = false
  for await (const message of eventStream(reply.body)) {
    const event = eventOf(provider, message, reply, call)
    const delta = readDelta[message.event]?.(event)
    if (delta) yield chatChunk(head, delta)
    if (message.event === 'messageStop') {
      isFinished = true
      yield chatChunk(head, {}, finishReason(event.stopReason, call))
    }
    const usage = message.event === 'metadata' ? usageOf(event.usage) : undefined
    if (usage) yield usageChunk(head, usage)
  }
  if (!isFinished)
    throw new GatewayError(
      'upstream_invalid_response',
      `${provider}: the stream ended before the answer was complete.`,
      { provider },
    )
}

/** Throws what an exception means. */
function eventOf(provider: string, message: EventStreamMessage, reply: UpstreamReply, call: Call): ConverseEvent {
  const payload = parseJson(decoder.decode(message.payload))
  if (message.type !== 'event') {
    const body = message.errorMessage === undefined ? payload : { message: message.errorMessage }
    const failed = { status: reply.status, headers: reply.headers, body }
    throw upstreamError(provider, failed, exceptionFault(message.event, body), call.now())
  }
  const { success, output } = v.safeParse(eventSchema, payload)
  if (success) return output
  throw new GatewayError(
    'upstream_invalid_response',
    `${provider}: the stream's event ${message.event} could not be understood.`,
    { provider },
  )
}

/** A content block under way. */
interface OpenBlock {
  /** Which tool call of the answer it is. */
  readonly toolIndex?: number
  hasArguments?: boolean
  thinking?: string
  signature?: string
  redacted?: string
}

/** What each event adds to the answer; remembers the blocks under way. */
function deltaReader(): Readonly<Record<string, (event: ConverseEvent) => ChatDelta | undefined>> {
  const blocks = new Map<number, OpenBlock>()
  let toolCalls = 0
  const blockAt = (index: number) => {
    const block = blocks.get(index) ?? {}
    blocks.set(index, block)
    return block
  }
  return {
    messageStart: () => ({ role: 'assistant', content: '' }),
    contentBlockStart: ({ contentBlockIndex, start }) => {
      if (!start?.toolUse) return undefined
      const { toolUseId: id, name } = start.toolUse
      const toolIndex = toolCalls++
      blocks.set(contentBlockIndex, { toolIndex })
      return { tool_calls: [{ index: toolIndex, id, type: 'function', function: { name, arguments: '' } }] }
    },
    contentBlockDelta: ({ contentBlockIndex, delta }) => addDelta(blockAt(contentBlockIndex), delta),
    contentBlockStop: ({ contentBlockIndex }) => {
      const block = blockAt(contentBlockIndex)
      blocks.delete(contentBlockIndex)
      return endOf(block)
    },
  }
}

function addDelta(block: OpenBlock, delta: ConverseEvent['delta']): ChatDelta | undefined {
  const { text: content, toolUse, reasoningContent: reasoning } = delta ?? {}
  if (content) return { content }
  if (toolUse?.input && block.toolIndex !== undefined) {
    block.hasArguments = true
    return argumentsDelta(block.toolIndex, toolUse.input)
  }
  if (reasoning?.signature) block.signature = (block.signature ?? '') + reasoning.signature
  if (reasoning?.redactedContent) block.redacted = (block.redacted ?? '') + reasoning.redactedContent
  if (!reasoning?.text) return undefined
  block.thinking = (block.thinking ?? '') + reasoning.text
  return { reasoning_content: reasoning.text }
}

/** A tool call without arguments has had none so far. */
function endOf({ toolIndex, hasArguments, thinking, signature, redacted }: OpenBlock): ChatDelta | undefined {
  if (toolIndex !== undefined) return hasArguments ? undefined : argumentsDelta(toolIndex, '{}')
  if (redacted !== undefined) return thinkingDelta({ type: 'redacted_thinking', data: redacted })
  if (thinking === undefined && signature === undefined) return undefined
  return thinkingDelta(compact({ type: 'thinking', thinking: thinking ?? '', signature }))
}

function argumentsDelta(index: number, fragment: string): ChatDelta {
  return { tool_calls: [{ index, function: { arguments: fragment } }] }
}

function thinkingDelta(block: JsonObject): ChatDelta {
  return { thinking_blocks: [block] }
}
