import type { UpstreamRequest } from '@tianjillm/core'
import type { Cancellation } from './cancellation.ts'
import type { RelayReply, SendSettings } from './transport.ts'

/** A reply all of whose headers can be read. */
export interface HeadedReply extends RelayReply {
  headerLines(): Iterable<[name: string, value: string]>
}

/** How a request is sent that may be given up in any way. */
export interface ExchangeSettings extends Omit<SendSettings, 'cancellation'> {
  readonly cancellation: Pick<Cancellation, 'onAbort'>
}

type Fetch = typeof globalThis.fetch
type Method = UpstreamRequest['method']

/** As `fetch` has them: milliseconds to the head, and between pieces of the body. */
const TIMEOUT = 300_000
/** Bytes that wait for a slow reader before the server is asked to pause. */
const READ_AHEAD = 64 * 1024

/** What `fetch` says of itself, but for encodings that not every runtime can undo. */
const usual = { accept: '*/*', 'user-agent': 'node', 'accept-encoding': 'gzip' }

const methods: ReadonlySet<string> = new Set<Method>(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])

/** Answers that have no body. https://fetch.spec.whatwg.org/#null-body-status */
const bodiless: ReadonlySet<number> = new Set([101, 103, 204, 205, 304])

/**
 * A `fetch` over a transport, for what needs little of it: a text or bytes are sent, and redirects are not followed. That
 * takes a third of the time, and keeps nothing by weak references, which V8 lets go of in full collections alone. What
 * needs more goes to `otherwise`.
 */
export function fetchOver(
  send: (request: UpstreamRequest, settings: ExchangeSettings) => Promise<HeadedReply>,
  otherwise: Fetch,
): Fetch {
  return async (input, init = {}) => {
    const { method = 'GET', body, signal, redirect } = init
    const isPlain = body == null || typeof body === 'string' || body instanceof Uint8Array
    if (redirect !== 'manual' || !isPlain || !methods.has(method) || input instanceof Request)
      return otherwise(input, init)
    signal?.throwIfAborted()
    const request: UpstreamRequest = {
      // One of those above.
      method: method as Method,
      url: String(input),
      headers: { ...usual, ...Object.fromEntries(new Headers(init.headers)) },
      body: body ?? undefined,
    }
    const explain = (cause: unknown) => (signal?.aborted ? signal.reason : new TypeError('fetch failed', { cause }))
    try {
      const reply = await send(request, { provider: 'fetch', cancellation: abortable(signal), timeout: TIMEOUT })
      return new ReplyResponse(reply, explain)
    } catch (error) {
      throw explain(error)
    }
  }
}

function abortable(signal: AbortSignal | null | undefined): ExchangeSettings['cancellation'] {
  return {
    onAbort(listener) {
      const stop = () => listener(signal?.reason)
      signal?.addEventListener('abort', stop, { once: true })
      return () => signal?.removeEventListener('abort', stop)
    },
  }
}

const decoder = new TextDecoder()

/** A response whose text is read straight from the reply. Whoever wants it in another form gets a stream made for that. */
class ReplyResponse extends Response {
  readonly #reply: HeadedReply
  readonly #explain: (cause: unknown) => unknown
  readonly #isZipped: boolean
  #streamed: Response | undefined
  #isRead = false

  constructor(reply: HeadedReply, explain: (cause: unknown) => unknown) {
    super(null, { status: reply.status, headers: [...reply.headerLines()] })
    this.#reply = reply
    this.#explain = explain
    this.#isZipped = /^(x-)?gzip$/i.test(reply.headers.get('content-encoding') ?? '')
  }

  override get body(): Response['body'] {
    return this.#rest().body
  }

  override get bodyUsed(): boolean {
    return this.#isRead || this.#streamed?.bodyUsed === true
  }

  override async text(): Promise<string> {
    if (this.#streamed !== undefined || this.#isZipped || this.#isRead) return this.#rest().text()
    this.#isRead = true
    try {
      return decoder.decode(await this.#reply.bytes())
    } catch (error) {
      throw this.#explain(error)
    }
  }

  override async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }

  override arrayBuffer(): Promise<ArrayBuffer> {
    return this.#rest().arrayBuffer()
  }

  override blob(): Promise<Blob> {
    return this.#rest().blob()
  }

  override bytes(): ReturnType<Response['bytes']> {
    return this.#rest().bytes()
  }

  override formData(): Promise<FormData> {
    return this.#rest().formData()
  }

  override clone(): Response {
    return this.#rest().clone()
  }

  #rest(): Response {
    if (this.#isRead) throw new TypeError('The body has been read.')
    const { status, headers } = this
    this.#streamed ??= new Response(bodiless.has(status) ? null : this.#stream(), { status, headers })
    return this.#streamed
  }

  #stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const stream = streamOf(this.#reply, this.#explain)
    return this.#isZipped ? stream.pipeThrough(new DecompressionStream('gzip')) : stream
  }
}

function streamOf(reply: HeadedReply, explain: (cause: unknown) => unknown): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream(
    {
      start(controller) {
        reply.pipe({
          write(piece) {
            // No transport has shared memory.
            controller.enqueue(piece as Uint8Array<ArrayBuffer>)
            return controller.desiredSize! > 0
          },
          end: () => controller.close(),
          fail: (error) => controller.error(explain(error)),
        })
      },
      pull: () => reply.resume(),
      cancel: () => reply.cancel(),
    },
    { highWaterMark: READ_AHEAD, size: ({ length }) => length },
  )
}
