import { type ContentPart, GatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import { blocksIn, pick } from './reading.ts'
import type { Block } from './wire.ts'

type BlockReader = (block: Block, param: string) => readonly JsonObject[]

const readers: ReadonlyMap<string, BlockReader> = new Map<string, BlockReader>([
  ['text', (block) => [{ type: 'text', text: block.text }]],
  ['image', (block, param) => [readImage(sourceOf(block), param)]],
  ['document', (block, param) => readDocument(block, param)],
  ['search_result', (block) => [textOf([block.title, block.source, ...textsIn(block.content)])]],
])

/**
 * A user's blocks as content parts; each keeps its `cache_control`. Documents of text become text, which every vendor
 * reads. Throws GatewayError `invalid_request` for a block without counterpart.
 */
export function readContent(blocks: readonly Block[], param: string): readonly ContentPart[] {
  const parts = blocks.flatMap((block, index) => {
    const where = `${param}[${index}]`
    const read = readers.get(block.type)
    if (read === undefined) throw refusal(`A ${block.type} block has no counterpart in OpenAI's chat.`, where)
    return read(block, where).map((part) => ({ ...part, ...pick(block, 'cache_control') }))
  })
  return parts as readonly JsonObject[] as readonly ContentPart[]
}

/** Parts in the form every vendor takes: text alone as a string, if nothing is lost by it. */
export function simplest(parts: readonly ContentPart[]): string | readonly ContentPart[] {
  const [first] = parts
  if (first === undefined) return ''
  return parts.length === 1 && first.type === 'text' && first.cache_control === undefined ? first.text : parts
}

/** A `content` of the wire as blocks, whichever way it is written. */
export function blocksOf(content: unknown): readonly Block[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : blocksIn(content)
}

function sourceOf(block: Block): JsonObject {
  return isJsonObject(block.source) ? block.source : {}
}

function readImage(source: JsonObject, param: string): JsonObject {
  if (source.type === 'file') return { type: 'file', file: { file_id: source.file_id } }
  const url = source.type === 'base64' ? dataUrl(source) : source.url
  if (typeof url !== 'string') throw refusal('An image needs a source of base64, url or file.', param)
  return { type: 'image_url', image_url: { url } }
}

function readDocument(block: Block, param: string): readonly JsonObject[] {
  const source = sourceOf(block)
  const about = pick(block, 'context', 'citations')
  const named = pick({ filename: block.title }, 'filename')
  switch (source.type) {
    case 'base64':
      return [{ type: 'file', file: { file_data: dataUrl(source), ...named }, ...about }]
    case 'url':
      return [{ type: 'file', file: { file_id: source.url, ...named }, ...about }]
    case 'file':
      return [{ type: 'file', file: { file_id: source.file_id, ...named }, ...about }]
    case 'text':
      return [textOf([block.title, block.context, source.data])]
    case 'content':
      return [
        ...(block.title || block.context ? [textOf([block.title, block.context])] : []),
        ...readContent(blocksOf(source.content), `${param}.source.content`),
      ]
    default:
      throw refusal('A document needs a source of base64, url, file, text or content.', param)
  }
}

function dataUrl({ media_type, data }: JsonObject): string {
  return `data:${media_type};base64,${data}`
}

function textsIn(content: unknown): readonly unknown[] {
  return blocksIn(content).map(({ text }) => text)
}

function textOf(lines: readonly unknown[]): JsonObject {
  return { type: 'text', text: lines.filter(Boolean).join('\n') }
}

function refusal(message: string, param: string): GatewayError {
  return new GatewayError('invalid_request', message, { param })
}
