import { type ChatMessage, compact, GatewayError, isJsonObject, type JsonObject, parseDataUrl } from '@tianjillm/core'
import { pick } from './reading.ts'
import type { Block } from './wire.ts'

type PartWriter = (part: JsonObject, param: string) => Block

const writers: ReadonlyMap<unknown, PartWriter> = new Map<string, PartWriter>([
  ['text', (part) => textBlock(part.text, part)],
  ['refusal', (part) => textBlock(part.refusal, part)],
  ['image_url', (part, param) => ({ type: 'image', source: imageSource(part, param), ...pick(part, 'cache_control') })],
  ['file', (part, param) => fileBlock(part, param)],
  ['input_audio', (_part, param) => refuse(param, 'Anthropic takes no audio.')],
])

/**
 * A message's content as blocks. Empty texts are left out, since Anthropic refuses them; parts of types OpenAI does
 * not have are taken for Anthropic's own blocks. Throws GatewayError `invalid_request` for what has no counterpart.
 */
export function writeContent(message: ChatMessage, param: string): readonly Block[] {
  const { content } = message
  if (typeof content === 'string') return content === '' ? [] : [textBlock(content, message)]
  return (content ?? [])
    .map((part: JsonObject, index) => {
      const write = writers.get(part.type)
      return write ? write(part, `${param}.content[${index}]`) : (part as Block)
    })
    .filter((block) => block.type !== 'text' || block.text !== '')
}

function textBlock(text: unknown, marked: JsonObject): Block {
  return { type: 'text', text: String(text ?? ''), ...pick(marked, 'cache_control') }
}

function imageSource({ image_url: image }: JsonObject, param: string): JsonObject {
  const url = isJsonObject(image) ? image.url : image
  return urlSource(url, (mediaType) => (mediaType === 'image/jpg' ? 'image/jpeg' : mediaType)) ?? refuseUrl(param)
}

function refuseUrl(param: string): never {
  return refuse(param, 'Give an image as an http(s) URL or as a base64 data URL.')
}

function urlSource(url: unknown, mediaTypeOf = (mediaType: string) => mediaType): JsonObject | undefined {
  if (typeof url !== 'string') return undefined
  if (/^https?:\/\//.test(url)) return { type: 'url', url }
  const data = parseDataUrl(url)
  return data && { type: 'base64', media_type: mediaTypeOf(data.mediaType), data: data.data }
}

/** A document, or an image that comes as a file. `title`, `context` and `citations` may stand beside `file`. */
function fileBlock(part: JsonObject, param: string): Block {
  const file = isJsonObject(part.file) ? part.file : {}
  const source = fileSource(file, param)
  const marks = pick(part, 'cache_control')
  if (String(source.media_type).startsWith('image/')) return { type: 'image', source, ...marks }
  const about = { title: file.filename, ...pick(part, 'title', 'context', 'citations') }
  return compact({ type: 'document', source, ...about, ...marks })
}

function fileSource({ file_data: data, file_id: id }: JsonObject, param: string): JsonObject {
  if (typeof data !== 'string')
    return typeof id === 'string'
      ? (urlSource(id) ?? { type: 'file', file_id: id })
      : refuse(param, 'A file needs file_data or file_id.')
  const source = urlSource(data) ?? barePdf(data, param)
  if (source.media_type !== 'text/plain') return source
  return { type: 'text', media_type: 'text/plain', data: decodeText(String(source.data), param) }
}

/** Some clients send base64 without a data URL around it; what Anthropic takes in that form is a PDF. */
function barePdf(data: string, param: string): JsonObject {
  if (data.startsWith('data:')) return refuse(param, 'The data URL of a file must be base64.')
  return { type: 'base64', media_type: 'application/pdf', data }
}

function decodeText(base64: string, param: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)))
  } catch (cause) {
    throw new GatewayError('invalid_request', 'The data URL of a file is not base64.', { param, cause })
  }
}

function refuse(param: string, message: string): never {
  throw new GatewayError('invalid_request', message, { param })
}
