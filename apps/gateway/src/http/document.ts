import type { Document } from '../discovery/document.ts'
import type { GatewayContext } from './app.ts'

/** Bytes below which compressing is not worth it. */
const SMALL = 1_024

/**
 * Answers with a document: not at all when the client has it already, and compressed when it is long and the client
 * can read that. `isPublic` tells whether the answer is the same for all.
 */
export async function sendDocument(context: GatewayContext, document: Document, isPublic: boolean): Promise<Response> {
  const { bytes, digest } = document
  const isZipped = bytes.length > SMALL && takesGzip(context.req.header('accept-encoding'))
  const etag = isZipped ? `"${digest}-gzip"` : `"${digest}"`
  const headers = {
    etag,
    'cache-control': isPublic ? 'public, no-cache' : 'private, no-cache',
    vary: isPublic ? 'accept-encoding' : 'accept-encoding, authorization',
  }
  if (isAmong(context.req.header('if-none-match'), etag)) return context.body(null, 304, headers)
  return context.body(isZipped ? await document.zipped() : bytes, 200, {
    ...headers,
    'content-type': 'application/json',
    ...(isZipped && { 'content-encoding': 'gzip' }),
  })
}

/** https://www.rfc-editor.org/rfc/rfc9110#name-if-none-match */
function isAmong(tags: string | undefined, etag: string): boolean {
  return tags?.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, ''))) ?? false
}

/** https://www.rfc-editor.org/rfc/rfc9110#name-accept-encoding */
function takesGzip(accepted: string | undefined): boolean {
  const codings = (accepted ?? '').toLowerCase().split(',')
  const qualities = new Map(
    codings.map((coding) => {
      const [name = '', ...parameters] = coding.split(';').map((part) => part.trim())
      const quality = parameters.find((parameter) => parameter.startsWith('q='))
      return [name, quality === undefined ? 1 : Number(quality.slice(2))]
    }),
  )
  return (qualities.get('gzip') ?? qualities.get('*') ?? 0) > 0
}
