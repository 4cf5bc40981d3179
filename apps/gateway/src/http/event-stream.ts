import type { ServerResponse } from 'node:http'
import type { HeaderList } from './headers.ts'

/** Pieces up to this many bytes leave in one write together with their frame. */
const SMALL = 16 * 1024

const eventHeaders: HeaderList = [
  'content-type',
  'text/event-stream; charset=utf-8',
  'cache-control',
  'no-cache',
  'x-accel-buffering',
  'no',
]

const LAST_FRAME = '0\r\n\r\n'

/** The event streams under way, so that whoever only has the response can end one with an error. */
const underWay = new WeakMap<ServerResponse, EventStream>()

/**
 * Server-sent events to a client. It frames them itself, because node writes length, bytes and line end of a frame
 * apart from each other, which costs more than all the rest of an event's way.
 */
export class EventStream {
  readonly #outgoing: ServerResponse
  readonly #isFramed: boolean

  /** Sends the head. */
  constructor(outgoing: ServerResponse, headers: HeaderList) {
    outgoing.writeHead(200, [...headers, ...eventHeaders])
    // Node has decided by now; for HTTP/1.0 it is false, and the end of the connection ends the stream.
    this.#isFramed = outgoing.chunkedEncoding
    outgoing.chunkedEncoding = false
    this.#outgoing = outgoing
    underWay.set(outgoing, this)
  }

  /** The stream that this response is. */
  static of(outgoing: ServerResponse): EventStream | undefined {
    return underWay.get(outgoing)
  }

  /** Sends an object as one event. False when the client is slower than the vendor: then wait for `drain`. */
  send(value: object): boolean {
    return this.write(Buffer.from(eventOf(value)))
  }

  /** False when the client is slower than the vendor: then wait for `drain`. */
  write(piece: Uint8Array): boolean {
    if (!this.#isFramed) return this.#outgoing.write(piece)
    if (piece.length <= SMALL) return this.#outgoing.write(frameOf(piece), 'latin1')
    this.#outgoing.write(`${piece.length.toString(16)}\r\n`, 'latin1')
    this.#outgoing.write(piece)
    return this.#outgoing.write('\r\n', 'latin1')
  }

  /** Ends the stream, after a last piece if there is one. */
  end(piece?: Uint8Array): void {
    const last = piece !== undefined && piece.length > 0 ? piece : undefined
    if (!this.#isFramed) this.#outgoing.end(last)
    else if (last === undefined) this.#outgoing.end(LAST_FRAME, 'latin1')
    else if (last.length <= SMALL) this.#outgoing.end(frameOf(last) + LAST_FRAME, 'latin1')
    else {
      this.write(last)
      this.#outgoing.end(LAST_FRAME, 'latin1')
    }
  }
}

/** A server-sent event. */
export function eventOf(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

/** Length, bytes and line end, as one text of one byte a character: every byte survives. */
function frameOf(piece: Uint8Array): string {
  return `${piece.length.toString(16)}\r\n${asBuffer(piece).toString('latin1')}\r\n`
}

/** The same bytes as node's own kind. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
