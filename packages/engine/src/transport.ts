import { GatewayError, joinBytes, type ReplyHeaders, type UpstreamReply, type UpstreamRequest } from '@tianjillm/core'
import type { Cancellation } from './cancellation.ts'

/** Where the pieces of an answer go, as they come. */
export interface Sink {
  /** False asks the sender to wait until `resume` is called; what it has already read may still come. */
  write(piece: Uint8Array): boolean
  end(): void
  /** The answer broke off. */
  fail(error: GatewayError): void
}

/** An answer whose bytes can also be handed on without being looked at. */
export interface RelayReply extends UpstreamReply {
  /** Hands all pieces to the sink, in order, each in the turn it came in. Only once, and instead of reading the body. */
  pipe(sink: Sink): void
  /** The first piece, not yet taken; undefined when there is none. Throws when the answer breaks off before it. */
  peek(): Promise<Uint8Array | undefined>
  /** Goes on after `write` gave false. */
  resume(): void
  /** Ends the connection; nothing more comes. */
  cancel(): void
}

/** How a deployment's certificates are checked. */
export interface TlsSettings {
  /** Default true. */
  readonly verify?: boolean
  /** PEM certificates trusted besides the usual ones. */
  readonly ca?: string
}

export interface SendSettings {
  /** Who is asked, for messages. */
  readonly provider: string
  readonly cancellation: Cancellation
  /** Milliseconds to the answer's head, and between pieces of its body. */
  readonly timeout: number
  readonly tls?: TlsSettings | undefined
}

/** The only thing that talks to vendors. */
export interface Transport {
  /**
   * Resolves at the answer's head. Throws GatewayError `upstream_unreachable`, `upstream_timeout` or, when cancelled,
   * `client_closed`.
   */
  send(request: UpstreamRequest, settings: SendSettings): Promise<RelayReply>
  /** A `fetch` with the same certificates. */
  fetchWith(tls: TlsSettings | undefined): typeof fetch
  /** Waits for calls under way, at most `grace` ms when that is given, then closes all connections. */
  close(grace?: number): Promise<void>
}

/** Most bytes of one answer that are kept in memory. */
export const LONGEST_ANSWER: number = 256 * 1024 * 1024

const decoder = new TextDecoder()

/** What all replies read alike, on top of `body`. */
export abstract class ReadableReply implements UpstreamReply {
  abstract readonly status: number
  abstract readonly headers: ReplyHeaders
  abstract readonly body: AsyncIterable<Uint8Array>

  async bytes(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = []
    let length = 0
    for await (const piece of this.body) {
      length += piece.length
      if (length > LONGEST_ANSWER) throw answerTooLong()
      pieces.push(piece)
    }
    return joinBytes(pieces)
  }

  async text(): Promise<string> {
    return decoder.decode(await this.bytes())
  }

  async json<Value = unknown>(): Promise<Value> {
    const text = await this.text()
    try {
      return JSON.parse(text) as Value
    } catch (cause) {
      throw new GatewayError('upstream_invalid_response', 'The upstream answered with something that is not JSON.', {
        cause,
      })
    }
  }
}

/** A reply that is handed on by reading a source of pieces. */
export class PulledReply extends ReadableReply implements RelayReply {
  readonly status: number
  readonly headers: ReplyHeaders
  readonly #pieces: AsyncIterator<Uint8Array>
  #first: IteratorResult<Uint8Array> | undefined
  #goOn: (() => void) | undefined

  constructor(status: number, headers: ReplyHeaders, source: AsyncIterable<Uint8Array>) {
    super()
    this.status = status
    this.headers = headers
    this.#pieces = source[Symbol.asyncIterator]()
  }

  get body(): AsyncIterable<Uint8Array> {
    return this.#read()
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    try {
      for (let next = this.#first ?? (await this.#pieces.next()); !next.done; next = await this.#pieces.next())
        yield next.value
    } finally {
      await this.#pieces.return?.()
    }
  }

  async peek(): Promise<Uint8Array | undefined> {
    this.#first ??= await this.#pieces.next()
    return this.#first.done ? undefined : this.#first.value
  }

  pipe(sink: Sink): void {
    const hand = async () => {
      for await (const piece of this.body) {
        if (sink.write(piece)) continue
        await new Promise<void>((resolve) => {
          this.#goOn = resolve
        })
      }
      sink.end()
    }
    hand().catch((error: GatewayError) => sink.fail(error))
  }

  resume(): void {
    this.#goOn?.()
    this.#goOn = undefined
  }

  cancel(): void {
    this.resume()
  }
}

/** A reply whose whole body is in memory and can be read any number of times. */
export class BufferedReply extends ReadableReply {
  readonly status: number
  readonly headers: ReplyHeaders
  readonly #bytes: Uint8Array

  constructor(status: number, headers: ReplyHeaders, bytes: Uint8Array) {
    super()
    this.status = status
    this.headers = headers
    this.#bytes = bytes
  }

  get body(): AsyncIterable<Uint8Array> {
    const bytes = this.#bytes
    return (async function* () {
      yield bytes
    })()
  }

  override bytes(): Promise<Uint8Array> {
    return Promise.resolve(this.#bytes)
  }
}

/** The reply with its body read into memory. */
export async function buffered(reply: UpstreamReply): Promise<UpstreamReply> {
  return new BufferedReply(reply.status, reply.headers, await reply.bytes())
}

/** The error for a call whose client has gone or whose deadline has passed. */
export function cancelled(reason: unknown): GatewayError {
  if (reason instanceof GatewayError) return reason
  return new GatewayError('client_closed', 'The client closed the connection.', { cause: reason })
}

/** The error for an answer that would fill the memory. */
export function answerTooLong(): GatewayError {
  return new GatewayError('upstream_invalid_response', `The upstream answered with more than ${LONGEST_ANSWER} bytes.`)
}

/** The error for a connection that could not be made, or broke. */
export function unreachable(provider: string, url: string, cause: unknown, isUnderWay = false): GatewayError {
  const origin = new URL(url).origin
  const reason = errorCode(cause)
  const what = isUnderWay
    ? `the connection to ${origin} broke in the middle of the answer`
    : `cannot reach ${origin}. Check api_base and the network`
  return new GatewayError('upstream_unreachable', `${provider}: ${what} (${reason}).`, { provider, cause })
}

/** The error for an answer that did not come in time. */
export function timedOut(provider: string, milliseconds: number, cause: unknown): GatewayError {
  return new GatewayError('upstream_timeout', `${provider}: no answer within ${milliseconds / 1000} s.`, {
    provider,
    cause,
  })
}

function errorCode(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown }
    if (typeof code === 'string') return code
    if (at instanceof AggregateError) return errorCode(at.errors[0])
  }
  return error instanceof Error ? error.name : 'unknown'
}
