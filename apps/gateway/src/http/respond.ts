import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { errorBody, GatewayError, type JsonObject, joinBytes } from '@tianjillm/core'
import type { Answer } from '@tianjillm/engine'

/** Answers up to this many bytes leave in one write together with their head. */
const SMALL = 16 * 1024

/** Bytes of one line of an event stream that are kept in memory. */
const LONGEST_LINE = 16 * 1024 * 1024

const eventHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
}

/** Sends an answer in whatever form it has. Resolves when it is out, or nobody reads any more; rejects when it breaks off. */
export async function respond(outgoing: ServerResponse, answer: Answer, headers: OutgoingHttpHeaders): Promise<void> {
  switch (answer.type) {
    case 'json':
      return sendWhole(outgoing, 200, 'application/json', Buffer.from(JSON.stringify(answer.value)), headers)
    case 'bytes':
      return sendWhole(outgoing, 200, answer.contentType, asBuffer(answer.bytes), headers)
    case 'text':
      return sendWhole(outgoing, 200, answer.contentType, Buffer.from(answer.text), headers)
    case 'stream':
      return sendEvents(outgoing, answer.chunks, headers)
    case 'binary':
      return sendPieces(outgoing, answer.contentType, answer.body, headers)
    case 'relay':
      return relay(outgoing, answer, headers)
  }
}

/** Sends an error in OpenAI's shape; in the middle of an event stream as an event, in the middle of a file by cutting it off. */
export function respondError(outgoing: ServerResponse, error: GatewayError, headers: OutgoingHttpHeaders = {}): void {
  if (outgoing.destroyed || outgoing.writableEnded) return
  if (outgoing.headersSent) {
    const isEvents = String(outgoing.getHeader('content-type') ?? '').startsWith('text/event-stream')
    // The blank line ends whatever event was under way.
    if (isEvents) outgoing.end(`\ndata: ${JSON.stringify(errorBody(error))}\n\n`)
    else outgoing.destroy()
    return
  }
  const body = Buffer.from(JSON.stringify(errorBody(error)))
  sendWhole(outgoing, error.status, 'application/json', body, { ...headers, ...errorHeaders(error) })
}

/** Headers that belong to an error. */
export function errorHeaders({ status, facts }: GatewayError): Readonly<Record<string, string>> {
  return {
    ...(facts.retryAfter !== undefined && { 'retry-after': String(Math.ceil(facts.retryAfter)) }),
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
  }
}

function sendWhole(
  outgoing: ServerResponse,
  status: number,
  contentType: string,
  body: Buffer,
  headers: OutgoingHttpHeaders,
): void {
  outgoing.writeHead(status, { ...headers, 'content-type': contentType, 'content-length': body.length })
  // As one latin1 text head and body leave in a single write; every byte survives.
  if (body.length < SMALL) outgoing.end(body.toString('latin1'), 'latin1')
  else outgoing.end(body)
}

async function sendEvents(
  outgoing: ServerResponse,
  chunks: AsyncIterable<JsonObject>,
  headers: OutgoingHttpHeaders,
): Promise<void> {
  for await (const chunk of chunks) {
    begin(outgoing, { ...headers, ...eventHeaders })
    if (!outgoing.write(`data: ${JSON.stringify(chunk)}\n\n`)) await drained(outgoing)
    if (outgoing.destroyed) return
  }
  begin(outgoing, { ...headers, ...eventHeaders })
  outgoing.end('data: [DONE]\n\n')
}

async function sendPieces(
  outgoing: ServerResponse,
  contentType: string,
  body: AsyncIterable<Uint8Array>,
  headers: OutgoingHttpHeaders,
): Promise<void> {
  for await (const piece of body) {
    begin(outgoing, { ...headers, 'content-type': contentType })
    if (!outgoing.write(piece)) await drained(outgoing)
    if (outgoing.destroyed) return
  }
  begin(outgoing, { ...headers, 'content-type': contentType })
  outgoing.end()
}

/** The vendor's bytes, each piece in the turn it came in; of events only whole lines, so that an error can follow any. */
function relay(
  outgoing: ServerResponse,
  { reply, contentType }: Extract<Answer, { type: 'relay' }>,
  headers: OutgoingHttpHeaders,
): Promise<void> {
  const isEvents = contentType.startsWith('text/event-stream')
  const head = isEvents ? { ...headers, ...eventHeaders } : { ...headers, 'content-type': contentType }
  const lines = isEvents ? new WholeLines() : undefined
  return new Promise((resolve, reject) => {
    outgoing.once('close', () => {
      if (!outgoing.writableFinished) reply.cancel()
      resolve()
    })
    outgoing.on('drain', () => reply.resume())
    reply.pipe({
      write(piece) {
        const ready = lines ? lines.take(piece) : piece
        if (lines?.isTooLong) {
          reply.cancel()
          reject(new GatewayError('upstream_invalid_response', 'The vendor sent a line of over 16 MiB.'))
          return true
        }
        if (ready === undefined) return true
        begin(outgoing, head)
        return outgoing.write(ready)
      },
      end() {
        begin(outgoing, head)
        outgoing.end(lines?.rest())
      },
      fail: reject,
    })
  })
}

/** Keeps the beginning of a line back until its end has come. */
class WholeLines {
  #kept: Uint8Array[] = []
  #length = 0

  get isTooLong(): boolean {
    return this.#length > LONGEST_LINE
  }

  /** What is kept and this piece up to the end of its last line; undefined when no line ends in it. */
  take(piece: Uint8Array): Uint8Array | undefined {
    const end = piece.lastIndexOf(0x0a) + 1
    if (end === 0) {
      this.#kept.push(piece)
      this.#length += piece.length
      return undefined
    }
    const ready =
      this.#kept.length === 0 && end === piece.length ? piece : joinBytes([...this.#kept, piece.subarray(0, end)])
    this.#kept = end === piece.length ? [] : [piece.subarray(end)]
    this.#length = piece.length - end
    return ready
  }

  /** What no line end has followed. */
  rest(): Uint8Array {
    return joinBytes(this.#kept)
  }
}

function begin(outgoing: ServerResponse, headers: OutgoingHttpHeaders): void {
  if (outgoing.headersSent) return
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) outgoing.setHeader(name, value)
  outgoing.writeHead(200)
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      outgoing.off('drain', done)
      outgoing.off('close', done)
      resolve()
    }
    outgoing.on('drain', done)
    outgoing.on('close', done)
  })
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
