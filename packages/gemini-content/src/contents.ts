import {
  type ChatMessage,
  type ContentPart,
  contentText,
  GatewayError,
  isJsonObject,
  type JsonObject,
  mergeNeighbours,
  parseJson,
  splitSystem,
  type ToolCall,
  toolArguments,
} from '@tianjillm/core'
import { mediaPart } from './media.ts'
import { isThirdGeneration } from './model.ts'
import type { Content, GenerateContentBody, Part } from './wire.ts'

/** Google's word for a call that comes without its signature. https://ai.google.dev/gemini-api/docs/thought-signatures */
const UNSIGNED = 'skip_thought_signature_validator'

/** Ids of tool calls made up here, or by other vendors of OpenAI's wire, begin so; Google need not see them. */
export const MADE_UP_ID = 'call_'

/**
 * OpenAI's messages as Gemini's contents. Throws GatewayError `invalid_request` for a part Gemini has no counterpart
 * of, a tool call whose arguments are no object, and a tool's answer to a call that was never made.
 */
export function conversationOf(
  messages: readonly ChatMessage[],
  model: string,
): Pick<GenerateContentBody, 'contents' | 'systemInstruction'> {
  const { system, turns } = splitSystem(messages)
  const toolNames = new Map(
    messages.flatMap(({ tool_calls }) => tool_calls ?? []).map((call) => [call.id, nameOf(call)]),
  )
  // Gemini refuses a conversation without a turn, which OpenAI does not.
  const spoken = turns.length > 0 ? turns : system
  const contents = spoken.map((message) => contentOf(message, toolNames, model)).filter(({ parts }) => parts.length > 0)
  const instructions = turns.length > 0 ? system.flatMap(({ content }) => textParts(contentText(content))) : []
  return {
    contents: mergeNeighbours(contents, (first, second) => ({ ...first, parts: [...first.parts, ...second.parts] })),
    ...(instructions.length > 0 && { systemInstruction: { parts: instructions } }),
  }
}

function contentOf(message: ChatMessage, toolNames: ReadonlyMap<string, string>, model: string): Content {
  switch (message.role) {
    case 'assistant':
      return { role: 'model', parts: modelParts(message, model) }
    case 'tool':
    case 'function':
      return { role: 'user', parts: resultParts(message, toolNames) }
    default:
      return { role: 'user', parts: partsOf(message.content) }
  }
}

function modelParts(message: ChatMessage, model: string): readonly Part[] {
  const images = Array.isArray(message.images) ? (message.images as readonly ContentPart[]).map(partOf) : []
  const calls = message.tool_calls ?? []
  const mustSign = isThirdGeneration(model) && !calls.some(signatureOf)
  return [
    ...signed(partsOf(message.content), signatureOf(message)),
    ...images,
    ...calls.map((call, index) =>
      callPart(call, signatureOf(call) ?? (mustSign && index === 0 ? UNSIGNED : undefined)),
    ),
  ]
}

/** The signature of a text belongs to its last part. */
function signed(parts: readonly Part[], thoughtSignature: string | undefined): readonly Part[] {
  const last = parts.at(-1)
  return last && thoughtSignature ? [...parts.slice(0, -1), { ...last, thoughtSignature }] : parts
}

function callPart(call: ToolCall, thoughtSignature: string | undefined): Part {
  return {
    functionCall: { name: nameOf(call), args: toolArguments(call.function.arguments ?? ''), ...idOf(call.id) },
    ...(thoughtSignature && { thoughtSignature }),
  }
}

/** A tool's answer; pictures it gave follow as parts of their own. */
function resultParts(message: ChatMessage, toolNames: ReadonlyMap<string, string>): readonly Part[] {
  const id = message.tool_call_id
  const name = (id !== undefined && toolNames.get(id)) || message.name
  if (!name)
    throw new GatewayError(
      'invalid_request',
      `No tool call has the id ${JSON.stringify(id)} that a tool message answers.`,
      {
        param: 'messages',
      },
    )
  const media = Array.isArray(message.content) ? message.content.filter(({ type }) => type !== 'text') : []
  const response = responseOf(contentText(message.content))
  return [{ functionResponse: { name, response, ...idOf(id) } }, ...partsOf(media)]
}

/** Gemini takes objects only; `output` is its name for a result that is none. */
function responseOf(text: string): JsonObject {
  const value = parseJson(text)
  return isJsonObject(value) ? value : { output: text }
}

function partsOf(content: ChatMessage['content']): readonly Part[] {
  if (content === undefined || content === null) return []
  return typeof content === 'string' ? textParts(content) : content.map(partOf).filter(({ text }) => text !== '')
}

function textParts(text: string): readonly Part[] {
  return text === '' ? [] : [{ text }]
}

function partOf(part: ContentPart): Part {
  switch (part.type) {
    case 'text':
      return { text: part.text }
    case 'image_url': {
      const { url, ...rest } = part.image_url
      const thoughtSignature = signatureOf(part)
      return { ...mediaPart(url, (rest as JsonObject).format), ...(thoughtSignature && { thoughtSignature }) }
    }
    case 'input_audio':
      return { inlineData: { mimeType: `audio/${part.input_audio.format}`, data: part.input_audio.data } }
    case 'file':
      return mediaPart(part.file.file_data ?? part.file.file_id ?? '', (part.file as JsonObject).format)
    default:
      throw new GatewayError(
        'invalid_request',
        `Gemini has no counterpart of a content part of type ${JSON.stringify((part as JsonObject).type)}.`,
        { param: 'messages' },
      )
  }
}

function nameOf(call: ToolCall): string {
  return call.function.name
}

function idOf(id: string | undefined): { readonly id?: string } {
  return id === undefined || id.startsWith(MADE_UP_ID) ? {} : { id }
}

function signatureOf({ provider_specific_fields: fields }: JsonObject): string | undefined {
  return isJsonObject(fields) && typeof fields.thought_signature === 'string' ? fields.thought_signature : undefined
}
