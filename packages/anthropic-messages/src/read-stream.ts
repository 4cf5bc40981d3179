import {
  type ChatCompletionChunk,
  type ChatDelta,
  type ChunkHead,
  chatChunk,
  isJsonObject,
  type JsonObject,
  parseJson,
  usageChunk,
} from '@tianjillm/core'
import { isThinking } from './assistant.ts'
import { checkedEvents } from './events.ts'
import { fieldsOf } from './read-response.ts'
import { headOf, misunderstood, pick, type Reading } from './reading.ts'
import { readStop } from './stop.ts'
import { readUsage } from './usage.ts'
import type { Block } from './wire.ts'

/** A block between its start and its stop. */
interface OpenBlock {
  readonly start: Block
  /** Which of the answer's tool calls it is, counted from 0; undefined for other blocks. */
  readonly tool: number | undefined
  thinking: string
  signature: string
  /** The fragments of a tool's input. */
  json: string
}

/**
 * Messages events, parsed, as chat chunks. A thinking block is told once more whole, as `thinking_blocks`, when it
 * ends; citations and server tools come under the delta's `provider_specific_fields`. Throws GatewayError: what an
 * `error` event says, or `upstream_invalid_response` for a stream without `message_stop`.
 */
export async function* readMessagesStream(
  events: AsyncIterable<unknown>,
  reading: Reading,
): AsyncGenerator<ChatCompletionChunk> {
  const open = new Map<unknown, OpenBlock>()
  let head: ChunkHead | undefined
  // What is told of the whole message, and its usage: later words count, absent ones do not.
  let message: JsonObject = {}
  let usage: JsonObject = {}
  let tools = 0

  for await (const event of checkedEvents(events, reading)) {
    if (event.type === 'message_start' && isJsonObject(event.message)) {
      message = event.message
      usage = known(message.usage)
      head = headOf(message, reading)
      yield chatChunk(head, { role: 'assistant', content: '' })
      continue
    }
    if (head === undefined) {
      if (event.type === 'ping') continue
      throw misunderstood(reading, 'the stream did not begin with message_start.')
    }
    let delta: ChatDelta | undefined
    switch (event.type) {
      case 'content_block_start': {
        const block = opened(event.content_block, tools, reading)
        if (block.tool !== undefined) tools++
        open.set(event.index, block)
        delta = startDelta(block)
        break
      }
      case 'content_block_delta': {
        const block = open.get(event.index)
        if (block === undefined) throw misunderstood(reading, 'the stream continues a block that was not begun.')
        delta = isJsonObject(event.delta) ? deltaReaders.get(event.delta.type)?.(event.delta, block) : undefined
        break
      }
      case 'content_block_stop': {
        const block = open.get(event.index)
        open.delete(event.index)
        delta = block && stopDelta(block)
        break
      }
      case 'message_delta':
        message = { ...message, ...known(event.delta) }
        usage = { ...usage, ...known(event.usage) }
        break
      case 'message_stop':
        yield lastChunk(head, message)
    }
    if (delta) yield chatChunk(head, delta)
  }

  const counts = readUsage(usage)
  if (head && counts) yield usageChunk(head, counts)
}

function lastChunk(head: ChunkHead, message: JsonObject): ChatCompletionChunk {
  const { finishReason, fields } = readStop(message)
  return chatChunk(head, withFields({ ...fields, ...pick(message, 'container') }) ?? {}, finishReason)
}

function opened(block: unknown, tools: number, reading: Reading): OpenBlock {
  if (!isJsonObject(block)) throw misunderstood(reading, 'the stream begins a block that is none.')
  const start = block as Block
  return {
    start,
    tool: start.type === 'tool_use' ? tools : undefined,
    thinking: String(start.thinking ?? ''),
    signature: String(start.signature ?? ''),
    json: '',
  }
}

function startDelta({ start, tool }: OpenBlock): ChatDelta | undefined {
  if (tool !== undefined)
    return {
      tool_calls: [
        { index: tool, id: String(start.id), type: 'function', function: { name: String(start.name), arguments: '' } },
      ],
    }
  if (start.type === 'text' && start.text) return { content: String(start.text) }
  if (start.type === 'thinking' && start.thinking) return { reasoning_content: String(start.thinking) }
  return undefined
}

type DeltaReader = (delta: JsonObject, block: OpenBlock) => ChatDelta | undefined

const deltaReaders: ReadonlyMap<unknown, DeltaReader> = new Map<string, DeltaReader>([
  ['text_delta', ({ text }) => (text ? { content: String(text) } : undefined)],
  [
    'thinking_delta',
    ({ thinking }, block) => {
      block.thinking += thinking ?? ''
      return thinking ? { reasoning_content: String(thinking) } : undefined
    },
  ],
  [
    'signature_delta',
    ({ signature }, block) => {
      block.signature += signature ?? ''
      return undefined
    },
  ],
  [
    'input_json_delta',
    ({ partial_json: fragment }, block) => {
      block.json += fragment ?? ''
      return fragment && block.tool !== undefined ? argumentsDelta(block.tool, String(fragment)) : undefined
    },
  ],
  ['citations_delta', ({ citation }) => withFields({ citations: [citation] })],
])

/** What is only known when a block is whole. */
function stopDelta({ start, tool, thinking, signature, json }: OpenBlock): ChatDelta | undefined {
  if (tool !== undefined) return json === '' ? argumentsDelta(tool, JSON.stringify(start.input ?? {})) : undefined
  if (start.type === 'text') return undefined
  if (start.type === 'thinking') return { thinking_blocks: [{ ...start, thinking, signature }] }
  if (isThinking(start)) return { thinking_blocks: [start] }
  return withFields({ server_blocks: [json === '' ? start : { ...start, input: parseJson(json) ?? {} }] })
}

function argumentsDelta(index: number, fragment: string): ChatDelta {
  return { tool_calls: [{ index, function: { arguments: fragment } }] }
}

function withFields(fields: JsonObject): ChatDelta | undefined {
  const present = fieldsOf(fields)
  return present && { provider_specific_fields: present }
}

/** The members that say something. */
function known(value: unknown): JsonObject {
  return isJsonObject(value) ? pick(value, ...Object.keys(value)) : {}
}
