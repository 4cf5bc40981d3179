import {
  type ChatCompletionChunk,
  type ChatDelta,
  type FinishReason,
  GatewayError,
  type JsonObject,
  type ToolCallDelta,
  type Usage,
} from '@tianjillm/core'
import { blocksIn, pick, providerFields } from './reading.ts'
import { writeStop } from './stop.ts'
import { writeUsage } from './usage.ts'
import type { Block, MessagesEvent } from './wire.ts'

/** Where the writing stands. */
interface Writing {
  /** Blocks begun so far. */
  blocks: number
  /** The text or thinking block that further fragments belong to. */
  current: { readonly type: string; readonly index: number } | undefined
  /** Block of each tool call, by the call's index. They stay open to the end, since their fragments may alternate. */
  readonly tools: Map<number, number>
}

/**
 * Chat chunks as Messages events. The counts come with `message_delta`, because OpenAI tells them last. Throws
 * GatewayError `upstream_invalid_response` for chunks that end without a finish reason.
 */
export async function* writeMessagesStream(chunks: AsyncIterable<ChatCompletionChunk>): AsyncGenerator<MessagesEvent> {
  const writing: Writing = { blocks: 0, current: undefined, tools: new Map() }
  let isBegun = false
  let finishReason: FinishReason | undefined
  let fields: JsonObject = {}
  let usage: Usage | undefined

  for await (const chunk of chunks) {
    if (!isBegun) yield messageStart(chunk)
    isBegun = true
    usage = chunk.usage ?? usage
    const choice = chunk.choices?.find(({ index }) => index === 0)
    if (choice === undefined) continue
    finishReason = choice.finish_reason ?? finishReason
    fields = { ...fields, ...providerFields(choice.delta ?? {}) }
    yield* writeDelta(writing, choice.delta ?? {})
  }

  if (finishReason === undefined)
    throw new GatewayError('upstream_invalid_response', 'The upstream ended the stream before the answer was complete.')
  yield* closeCurrent(writing)
  for (const index of writing.tools.values()) yield { type: 'content_block_stop', index }
  yield {
    type: 'message_delta',
    delta: { ...writeStop(finishReason, fields, writing.tools.size > 0), ...pick(fields, 'container') },
    usage: writeUsage(usage),
  }
  yield { type: 'message_stop' }
}

function messageStart({ id, model }: ChatCompletionChunk): MessagesEvent {
  return {
    type: 'message_start',
    message: {
      id,
      type: 'message',
      role: 'assistant',
      model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: writeUsage(undefined),
    },
  }
}

function* writeDelta(writing: Writing, delta: ChatDelta): Generator<MessagesEvent> {
  const { server_blocks, citations } = providerFields(delta)
  const text = delta.content || delta.refusal
  if (delta.reasoning_content)
    yield* append(writing, emptyThinking, { type: 'thinking_delta', thinking: delta.reasoning_content })
  for (const block of blocksIn(delta.thinking_blocks)) yield* writeThinking(writing, block)
  for (const block of blocksIn(server_blocks)) yield* writeWhole(writing, block)
  for (const citation of blocksIn(citations)) yield* append(writing, emptyText, { type: 'citations_delta', citation })
  if (text) yield* append(writing, emptyText, { type: 'text_delta', text })
  for (const call of delta.tool_calls ?? []) yield* writeToolCall(writing, call)
}

const emptyText: Block = { type: 'text', text: '' }
const emptyThinking: Block = { type: 'thinking', thinking: '', signature: '' }

/** A fragment, in the current block if that is of its type, else in a new one. */
function* append(writing: Writing, empty: Block, delta: JsonObject): Generator<MessagesEvent> {
  if (writing.current?.type !== empty.type) {
    yield* closeCurrent(writing)
    writing.current = { type: empty.type, index: writing.blocks++ }
    yield { type: 'content_block_start', index: writing.current.index, content_block: empty }
  }
  yield { type: 'content_block_delta', index: writing.current!.index, delta }
}

function* closeCurrent(writing: Writing): Generator<MessagesEvent> {
  if (writing.current) yield { type: 'content_block_stop', index: writing.current.index }
  writing.current = undefined
}

/** A whole thinking block ends the one that was streamed; what was not streamed is written here. */
function* writeThinking(writing: Writing, block: Block): Generator<MessagesEvent> {
  if (block.type !== 'thinking') return yield* writeWhole(writing, block)
  if (writing.current?.type !== 'thinking' && block.thinking)
    yield* append(writing, emptyThinking, { type: 'thinking_delta', thinking: block.thinking })
  yield* append(writing, emptyThinking, { type: 'signature_delta', signature: block.signature })
  yield* closeCurrent(writing)
}

function* writeWhole(writing: Writing, block: Block): Generator<MessagesEvent> {
  yield* closeCurrent(writing)
  const index = writing.blocks++
  yield { type: 'content_block_start', index, content_block: block }
  yield { type: 'content_block_stop', index }
}

function* writeToolCall(writing: Writing, call: ToolCallDelta): Generator<MessagesEvent> {
  let index = writing.tools.get(call.index)
  if (index === undefined) {
    yield* closeCurrent(writing)
    index = writing.blocks++
    writing.tools.set(call.index, index)
    const block = { type: 'tool_use', id: call.id ?? '', name: call.function?.name ?? '', input: {} }
    yield { type: 'content_block_start', index, content_block: block }
  }
  const fragment = call.function?.arguments
  if (fragment)
    yield { type: 'content_block_delta', index, delta: { type: 'input_json_delta', partial_json: fragment } }
}
