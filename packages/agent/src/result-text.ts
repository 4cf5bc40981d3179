import { isJsonObject, type JsonObject } from '@tianjillm/core'

/**
 * A result of `tools/call` as a model reads it: its text, no longer than `most` UTF-16 units, and marked as data, for whoever
 * wrote it may want to be obeyed.
 */
export function resultText(tool: string, result: JsonObject, most: number): string {
  const failed = result.isError === true ? ' failed="true"' : ''
  const text = cut(plainText(result), most).replaceAll(/<(?=\/?tool_output)/gi, '&lt;')
  return `<tool_output tool="${tool.replaceAll('"', '')}"${failed}>\n${text}\n</tool_output>`
}

/** The text of a result of `tools/call`; what says the same for programs is read where there is nothing else. */
export function plainText({ content, structuredContent }: JsonObject): string {
  const blocks = Array.isArray(content) ? content.filter(isJsonObject).map(blockText) : []
  const text = blocks.filter((block) => block !== '').join('\n')
  if (text !== '') return text
  return structuredContent === undefined ? 'Done. There is no output.' : JSON.stringify(structuredContent)
}

function blockText(block: JsonObject): string {
  const { type, text, resource, data, mimeType, uri, name } = block
  if (type === 'text') return String(text ?? '')
  if (type === 'resource' && isJsonObject(resource))
    return typeof resource.text === 'string' ? resource.text : `[A file, left out: ${String(resource.uri)}]`
  if (type === 'resource_link') return [name, uri].filter(Boolean).join(': ')
  const size = typeof data === 'string' ? `, ${data.length} characters of base64` : ''
  return `[${String(type)} ${String(mimeType ?? '')}${size}, left out]`
}

function cut(text: string, most: number): string {
  if (text.length <= most) return text
  const kept = text.slice(0, most).toWellFormed()
  return `${kept}\n[Cut: these are the first ${most} of ${text.length} characters. Ask for less, or for a page of it.]`
}
