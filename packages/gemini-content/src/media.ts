import { GatewayError, parseDataUrl } from '@tianjillm/core'
import type { Part } from './wire.ts'

/** Media types by file extension, for URIs that say nothing else; Vertex AI insists on one. */
const mediaTypes: Readonly<Record<string, string>> = {
  gif: 'image/gif',
  heic: 'image/heic',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  mov: 'video/mov',
  mp3: 'audio/mp3',
  mp4: 'video/mp4',
  mpeg: 'video/mpeg',
  pdf: 'application/pdf',
  png: 'image/png',
  txt: 'text/plain',
  wav: 'audio/wav',
  webm: 'video/webm',
  webp: 'image/webp',
}

/**
 * A file as a part: a data URL inline, any other URI (`https:`, `gs:`) by reference. `mediaType` is what the client
 * said, if anything. Throws GatewayError `invalid_request` for text that is neither.
 */
export function mediaPart(url: string, mediaType?: unknown): Part {
  const inline = parseDataUrl(url)
  if (inline) return { inlineData: { mimeType: typeOr(mediaType) ?? inline.mediaType, data: inline.data } }
  if (!/^(https?|gs):\/\//.test(url))
    throw new GatewayError('invalid_request', 'A file must be a base64 data URL or an http, https or gs URI.', {
      param: 'messages',
    })
  const extension = /\.(\w+)(?:[?#]|$)/.exec(url)?.[1]?.toLowerCase() ?? ''
  const mimeType = typeOr(mediaType) ?? mediaTypes[extension]
  return { fileData: { ...(mimeType && { mimeType }), fileUri: url } }
}

function typeOr(mediaType: unknown): string | undefined {
  return typeof mediaType === 'string' && mediaType.includes('/') ? mediaType : undefined
}
