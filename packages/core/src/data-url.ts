/** A data URL taken apart; `data` is base64. */
export interface DataUrl {
  readonly mediaType: string
  readonly data: string
}

/** The parts of a base64 data URL, or undefined for any other text. https://www.rfc-editor.org/rfc/rfc2397 */
export function parseDataUrl(url: string): DataUrl | undefined {
  if (!url.startsWith('data:')) return undefined
  const comma = url.indexOf(',')
  const head = url.slice(5, comma).split(';')
  if (comma === -1 || head.pop() !== 'base64') return undefined
  return { mediaType: head[0] || 'text/plain', data: url.slice(comma + 1) }
}
