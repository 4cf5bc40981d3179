import type { IncomingMessage } from 'node:http'
import { GatewayError } from '@tianjillm/core'

/** The whole body of a request in one buffer. Throws GatewayError `payload_too_large`, before reading when the length is known. */
export function readBody(incoming: IncomingMessage, limit: number): Promise<Buffer> {
  const declared = Number(incoming.headers['content-length'])
  if (declared > limit) return Promise.reject(tooLarge(limit))
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let length = 0
    incoming.on('data', (piece: Buffer) => {
      length += piece.length
      if (length > limit) {
        incoming.removeAllListeners('data')
        reject(tooLarge(limit))
      } else pieces.push(piece)
    })
    incoming.on('end', () => resolve(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, length)))
    incoming.on('error', (cause) =>
      reject(new GatewayError('client_closed', 'The client closed the connection.', { cause })),
    )
  })
}

/** Milliseconds that a client has for the rest of a body that is thrown away, and bytes. */
const PATIENCE = 2_000
const MOST_DISCARDED = 64 * 1024 * 1024

/**
 * Throws away what is still coming of a body. Closing the connection at once would take the answer from a client that
 * is still writing; one that does not come to an end loses it.
 */
export function discard(incoming: IncomingMessage): void {
  const { socket } = incoming
  const impatience = setTimeout(() => socket.destroy(), PATIENCE).unref()
  let left = MOST_DISCARDED
  incoming.on('error', () => {})
  incoming.on('data', (piece: Buffer) => {
    left -= piece.length
    if (left < 0) socket.destroy()
  })
  incoming.once('close', () => clearTimeout(impatience))
}

function tooLarge(limit: number): GatewayError {
  const size = `${Math.round((limit / 1024 / 1024) * 10) / 10} MiB`
  return new GatewayError(
    'payload_too_large',
    `The request body is larger than ${size}. Send less, or raise general_settings.max_request_size_mb.`,
  )
}
