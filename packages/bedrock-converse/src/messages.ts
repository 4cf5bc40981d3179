import {
  type ChatMessage,
  compact,
  GatewayError,
  isJsonObject,
  type JsonObject,
  mergeNeighbours,
  toolArguments,
} from '@tianjillm/core'
import { documentBlock, imageBlock } from './media.ts'

/** What is said at once by one side. */
export interface Turn {
  readonly role: 'user' | 'assistant'
  readonly content: readonly JsonObject[]
}

type Blocks = readonly JsonObject[]

/** All system and developer messages, wherever they stand. */
export function systemBlocks(messages: readonly ChatMessage[]): Blocks {
  return messages.flatMap((message, index) => (isSystem(message) ? blocksOf(message, `messages[${index}]`) : []))
}

/** All other messages as turns of alternating sides; tool results are said by the user. */
export function turnsOf(messages: readonly ChatMessage[]): readonly Turn[] {
  const turns = messages.flatMap((message, index): readonly Turn[] => {
    const content = isSystem(message) ? [] : blocksOf(message, `messages[${index}]`)
    return content.length > 0 ? [{ role: message.role === 'assistant' ? 'assistant' : 'user', content }] : []
  })
  return mergeNeighbours(turns, (first, second) => ({
    role: first.role,
    content: [...first.content, ...second.content],
  }))
}

function isSystem({ role }: ChatMessage): boolean {
  return role === 'system' || role === 'developer'
}

type WriteMessage = (message: ChatMessage, param: string) => Blocks

const writeMessage: Readonly<Record<string, WriteMessage>> = {
  system: contentBlocks,
  developer: contentBlocks,
  user: contentBlocks,
  assistant: (message, param) => [
    ...reasoningBlocks(message),
    ...contentBlocks(message, param),
    ...toolUseBlocks(message, param),
  ],
  tool: toolResultBlocks,
}

function blocksOf(message: ChatMessage, param: string): Blocks {
  const write = writeMessage[message.role]
  if (write === undefined) throw invalid(`Converse has no messages of role ${message.role}.`, `${param}.role`)
  return [...write(message, param), ...cachePoint(message)]
}

/** A mark after what may be cached. https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html */
export function cachePoint({ cache_control }: JsonObject): Blocks {
  return isJsonObject(cache_control) ? [{ cachePoint: compact({ type: 'default', ttl: cache_control.ttl }) }] : []
}

function contentBlocks({ content }: ChatMessage, param: string): Blocks {
  if (typeof content === 'string') return textBlocks(content)
  return (content ?? []).flatMap((part: JsonObject, index) => {
    const write = writePart[String(part.type)]
    const place = `${param}.content[${index}]`
    if (write === undefined) throw invalid(`Converse has no content parts of type ${part.type}.`, `${place}.type`)
    return [...write(part, place), ...cachePoint(part)]
  })
}

type WritePart = (part: JsonObject, param: string) => Blocks

const writePart: Readonly<Record<string, WritePart>> = {
  text: ({ text }) => textBlocks(text),
  refusal: ({ refusal }) => textBlocks(refusal),
  guarded_text: ({ text }) => [{ guardContent: { text: { text } } }],
  image_url: ({ image_url }, param) => {
    const url = isJsonObject(image_url) ? image_url.url : image_url
    return [imageBlock(String(url), `${param}.image_url`)]
  },
  file: ({ file }, param) => {
    const { file_data, file_id, filename } = isJsonObject(file) ? file : {}
    const url = String(file_data ?? file_id)
    if (url.startsWith('data:image/')) return [imageBlock(url, `${param}.file`)]
    return [documentBlock(url, typeof filename === 'string' ? filename : param, `${param}.file`)]
  },
}

/** Converse refuses blank text. */
function textBlocks(text: unknown): Blocks {
  return typeof text === 'string' && text.trim() !== '' ? [{ text }] : []
}

function reasoningBlocks({ thinking_blocks }: ChatMessage): Blocks {
  return (thinking_blocks ?? []).map(({ type, thinking, signature, data }) => ({
    reasoningContent:
      type === 'redacted_thinking'
        ? { redactedContent: data }
        : { reasoningText: compact({ text: thinking, signature }) },
  }))
}

function toolUseBlocks({ tool_calls }: ChatMessage, param: string): Blocks {
  return (tool_calls ?? []).map(({ id, function: { name, arguments: text } }, index) => ({
    toolUse: {
      toolUseId: id,
      name,
      input: toolArguments(text, `${param}.tool_calls[${index}].function.arguments`),
    },
  }))
}

function toolResultBlocks(message: ChatMessage, param: string): Blocks {
  const { tool_call_id, is_error } = message
  if (!tool_call_id) throw invalid('A tool message must say which call it answers.', `${param}.tool_call_id`)
  const blocks = contentBlocks(message, param)
  const content = blocks.filter((block) => !isCachePoint(block))
  const status = is_error === true ? 'error' : undefined
  return [
    { toolResult: compact({ toolUseId: tool_call_id, content, status }) },
    // A mark cannot stand inside of a result.
    ...blocks.filter(isCachePoint),
  ]
}

function isCachePoint(block: JsonObject): boolean {
  return 'cachePoint' in block
}

function invalid(message: string, param: string): GatewayError {
  return new GatewayError('invalid_request', message, { param })
}
