import type { ServerResponse } from 'node:http'
import { type Awaitable, errorBody, GatewayError, type JsonObject } from '@tianjillm/core'
import type { Answer, Relay } from '@tianjillm/engine'
import { asBuffer, EventStream, eventOf } from './event-stream.ts'
import type { HeaderList } from './headers.ts'
import { WholeLines } from './whole-lines.ts'

/** Answers up to this many bytes leave in one write together with their head. */
const SMALL = 16 * 1024

/**
 * Sends an answer in whatever form it has. A promise resolves when it is out, or nobody reads any more; it rejects when
 * the answer breaks off.
 */
export function respond(outgoing: ServerResponse, answer: Answer, headers: HeaderList): Awaitable<void> {
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
      return answer.contentType.startsWith('text/event-stream')
        ? relayEvents(outgoing, answer.reply, headers)
        : relayPieces(outgoing, answer.contentType, answer.reply, headers)
  }
}

/** Sends an error in OpenAI's shape; in the middle of an event stream as an event, in the middle of a file by cutting it off. */
export function respondError(outgoing: ServerResponse, error: GatewayError, headers: HeaderList = []): void {
  if (outgoing.destroyed || outgoing.writableEnded) return
  if (!outgoing.headersSent) {
    const body = Buffer.from(JSON.stringify(errorBody(error)))
    const all = [...headers, ...Object.entries(errorHeaders(error)).flat()]
    sendWhole(outgoing, error.status, 'application/json', body, all)
    return
  }
  // The blank line ends whatever event was under way.
  const events = EventStream.of(outgoing)
  if (events) events.end(Buffer.from(`\n${eventOf(errorBody(error))}`))
  else outgoing.destroy()
}

/** Headers that belong to an error. */
export function errorHeaders({ kind, status, facts }: GatewayError): Readonly<Record<string, string>> {
  return {
    // Clients that try again after a 429 do so in vain.
    ...(kind === 'budget_exceeded' && { 'x-should-retry': 'false' }),
    ...(facts.retryAfter !== undefined && { 'retry-after': String(Math.ceil(facts.retryAfter)) }),
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
  }
}

/** Sends what is known to its last byte. */
export function sendWhole(
  outgoing: ServerResponse,
  status: number,
  contentType: string,
  body: Buffer,
  headers: HeaderList,
): void {
  outgoing.writeHead(status, [...headers, 'content-type', contentType, 'content-length', String(body.length)])
  // As one latin1 text head and body leave in a single write; every byte survives.
  if (body.length < SMALL) outgoing.end(body.toString('latin1'), 'latin1')
  else outgoing.end(body)
}

const DONE = Buffer.from('data: [DONE]\n\n')

async function sendEvents(
  outgoing: ServerResponse,
  chunks: AsyncIterable<JsonObject>,
  headers: HeaderList,
): Promise<void> {
  let events: EventStream | undefined
  for await (const chunk of chunks) {
    events ??= new EventStream(outgoing, headers)
    if (!events.send(chunk)) await drained(outgoing)
    if (outgoing.destroyed) return
  }
  events ??= new EventStream(outgoing, headers)
  events.end(DONE)
}

async function sendPieces(
  outgoing: ServerResponse,
  contentType: string,
  body: AsyncIterable<Uint8Array>,
  headers: HeaderList,
): Promise<void> {
  for await (const piece of body) {
    begin(outgoing, contentType, headers)
    if (!outgoing.write(piece)) await drained(outgoing)
    if (outgoing.destroyed) return
  }
  begin(outgoing, contentType, headers)
  outgoing.end()
}

/** The vendor's events, each in the turn it came in; only whole lines, so that an error can follow any. */
function relayEvents(outgoing: ServerResponse, reply: Relay, headers: HeaderList): Promise<void> {
  const lines = new WholeLines()
  let events: EventStream | undefined
  return new Promise((resolve, reject) => {
    followClient(outgoing, reply, resolve)
    reply.pipe({
      write(piece) {
        const ready = lines.take(piece)
        if (lines.isTooLong) {
          reply.cancel()
          reject(new GatewayError('upstream_invalid_response', 'The vendor sent a line of over 16 MiB.'))
          return true
        }
        if (ready === undefined) return true
        events ??= new EventStream(outgoing, headers)
        return events.write(ready)
      },
      end() {
        events ??= new EventStream(outgoing, headers)
        events.end(lines.rest())
      },
      fail: reject,
    })
  })
}

/** The vendor's bytes, each piece in the turn it came in. */
function relayPieces(outgoing: ServerResponse, contentType: string, reply: Relay, headers: HeaderList): Promise<void> {
  return new Promise((resolve, reject) => {
    followClient(outgoing, reply, resolve)
    reply.pipe({
      write(piece) {
        begin(outgoing, contentType, headers)
        return outgoing.write(piece)
      },
      end() {
        begin(outgoing, contentType, headers)
        outgoing.end()
      },
      fail: reject,
    })
  })
}

/** Lets the vendor wait for a slow client, and go when the client has gone. */
function followClient(outgoing: ServerResponse, reply: Relay, onClose: () => void): void {
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) reply.cancel()
    onClose()
  })
  outgoing.on('drain', () => reply.resume())
}

function begin(outgoing: ServerResponse, contentType: string, headers: HeaderList): void {
  if (!outgoing.headersSent) outgoing.writeHead(200, [...headers, 'content-type', contentType])
}

/** When a slow client has taken what waits for it, or is gone. */
export function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      outgoing.off('drain', done)
      outgoing.off('close', done)
      resolve()
    }
    if (outgoing.destroyed) return resolve()
    outgoing.on('drain', done)
    outgoing.on('close', done)
  })
}
