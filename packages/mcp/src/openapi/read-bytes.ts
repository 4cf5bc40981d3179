import { joinBytes } from '@tianjillm/core'

/** The beginning of an answer, and whether that is all of it. */
export interface Beginning {
  readonly bytes: Uint8Array
  readonly isWhole: boolean
}

/** As many bytes as wanted at most; the rest is not fetched. */
export async function readBytes(response: Response, most: number): Promise<Beginning> {
  if (response.body === null) return { bytes: new Uint8Array(), isWhole: true }
  const pieces: Uint8Array[] = []
  let size = 0
  // Leaving the loop cancels the stream.
  for await (const piece of response.body) {
    const room = most - size
    pieces.push(piece.subarray(0, room))
    size += Math.min(piece.length, room)
    if (piece.length > room) return { bytes: joinBytes(pieces), isWhole: false }
  }
  return { bytes: joinBytes(pieces), isWhole: true }
}

/** The bytes as text, by the charset of the media type. */
export function textOf(bytes: Uint8Array, contentType: string): string {
  const [, charset = 'utf-8'] = /charset\s*=\s*"?([\w:.-]+)/i.exec(contentType) ?? []
  return decoderOf(charset).decode(bytes)
}

function decoderOf(charset: string): TextDecoder {
  try {
    return new TextDecoder(charset)
  } catch {
    return new TextDecoder()
  }
}
