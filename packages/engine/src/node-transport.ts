/// <reference path="./undici-pool.d.ts" />
import { globalAgent } from 'node:http'
import { type GatewayError, joinBytes, type ReplyHeaders, type UpstreamRequest } from '@tianjillm/core'
import type { Agent, Dispatcher } from 'undici'
// The index brings all of undici, a fifth of a gateway's start.
import Pool from 'undici/lib/dispatcher/pool.js'
import {
  answerTooLong,
  cancelled,
  LONGEST_ANSWER,
  ReadableReply,
  type Sink,
  type TlsSettings,
  type Transport,
  timedOut,
  unreachable,
} from './transport.ts'
import { type ExchangeSettings, fetchOver, type HeadedReply } from './transport-fetch.ts'

/** Milliseconds in which a connection must be made. */
const CONNECT_TIMEOUT = 10_000
/** Bytes that wait in memory for a slow reader before the vendor is asked to pause. */
const READ_AHEAD = 64 * 1024

/** URLs that are kept taken apart. */
const MOST_TARGETS = 1000

interface Target {
  readonly origin: string
  readonly path: string
}

/** The transport of the gateway: undici's pools, one for each origin and certificate setting, no queue. */
export function nodeTransport(): Transport {
  const pools = new Map<string, Pool>()
  const agents = new Map<string, Agent>()

  const targets = new Map<string, Target>()

  /** Most requests go to few URLs, so those are taken apart once. */
  const targetOf = (url: string): Target => {
    const known = targets.get(url)
    if (known !== undefined) return known
    const { origin, pathname, search } = new URL(url)
    const target = { origin, path: pathname + search }
    if (targets.size < MOST_TARGETS) targets.set(url, target)
    return target
  }

  const poolOf = (origin: string, tls: TlsSettings | undefined): Pool => {
    const key = tls === undefined ? origin : `${origin} ${JSON.stringify(tls)}`
    let pool = pools.get(key)
    if (pool === undefined) {
      pool = new Pool(origin, { pipelining: 1, connect: { timeout: CONNECT_TIMEOUT, ...connectOptions(tls) } })
      pools.set(key, pool)
    }
    return pool
  }

  const exchange = (request: UpstreamRequest, body: Sendable, settings: ExchangeSettings) =>
    new Promise<HeadedReply>((resolve, reject) => {
      const handler = new Exchange(request, settings, resolve, reject)
      if (handler.isOver) return
      const { origin, path } = targetOf(request.url)
      const { timeout } = settings
      poolOf(origin, settings.tls).dispatch(
        {
          path,
          method: request.method,
          headers: request.headers,
          body: body ?? null,
          headersTimeout: timeout,
          bodyTimeout: timeout,
        },
        handler,
      )
    })

  const send = (request: UpstreamRequest, settings: ExchangeSettings) => {
    const { body } = request
    if (isSendable(body)) return exchange(request, body, settings)
    return encodeForm(request, body).then((encoded) => exchange(encoded, encoded.body, settings))
  }

  return {
    send,

    fetchWith(tls) {
      if (tls === undefined) return isProxied() ? globalThis.fetch : fetchOver(send, globalThis.fetch)
      const key = JSON.stringify(tls)
      // undici's own fetch, because an Agent must belong to the same undici; its types differ from lib.dom's in names only.
      return (async (input: string, init?: object) => {
        const { Agent, fetch } = await import('undici')
        const dispatcher = agents.get(key) ?? new Agent({ connect: connectOptions(tls) })
        agents.set(key, dispatcher)
        return fetch(input, { ...init, dispatcher })
      }) as unknown as typeof globalThis.fetch
    },

    async close(grace) {
      const dispatchers = [...pools.values(), ...agents.values()]
      const destroy = () => dispatchers.map((dispatcher) => dispatcher.destroy())
      const timer = grace === undefined ? undefined : setTimeout(destroy, grace)
      await Promise.all(dispatchers.map((dispatcher) => dispatcher.close()))
      clearTimeout(timer)
    },
  }
}

/** Whether node was told of a proxy, to which its own `fetch` alone knows the way. Its types leave out an agent's options. */
function isProxied(): boolean {
  return (globalAgent as { readonly options?: { readonly proxyEnv?: unknown } }).options?.proxyEnv !== undefined
}

function connectOptions(tls: TlsSettings | undefined): { rejectUnauthorized?: boolean; ca?: string[] } {
  return {
    ...(tls?.verify === false && { rejectUnauthorized: false }),
    ...(tls?.ca !== undefined && { ca: [...trustedRoots(), tls.ca] }),
  }
}

function trustedRoots(): readonly string[] {
  return (process.getBuiltinModule('node:tls') as typeof import('node:tls')).rootCertificates
}

/** A body that can leave as it is. */
type Sendable = string | Uint8Array | undefined

/** Not `instanceof FormData`: the mere mention of that global loads node's own copy of undici. */
function isSendable(body: UpstreamRequest['body']): body is Sendable {
  return body === undefined || typeof body === 'string' || body instanceof Uint8Array
}

/** Multipart as bytes, with the boundary in the content type. */
async function encodeForm(
  request: UpstreamRequest,
  form: FormData,
): Promise<UpstreamRequest & { readonly body: Uint8Array }> {
  const encoder = new Response(form)
  const contentType = encoder.headers.get('content-type')!
  return {
    ...request,
    headers: { ...request.headers, 'content-type': contentType },
    body: new Uint8Array(await encoder.arrayBuffer()),
  }
}

/** One request and its answer: undici's handler and the engine's reply at once. */
class Exchange extends ReadableReply implements HeadedReply, Dispatcher.DispatchHandler {
  status = 0
  headers: ReplyHeaders = { get: () => undefined }
  isOver = false
  readonly #request: UpstreamRequest
  readonly #settings: ExchangeSettings
  readonly #resolve: (reply: HeadedReply) => void
  readonly #reject: (error: GatewayError) => void
  readonly #forget: () => void
  #received: Record<string, unknown> = {}
  #controller: Dispatcher.DispatchController | undefined
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #error: GatewayError | undefined
  #sink: Sink | undefined
  #wake: (() => void) | undefined

  constructor(
    request: UpstreamRequest,
    settings: ExchangeSettings,
    resolve: (reply: HeadedReply) => void,
    reject: (error: GatewayError) => void,
  ) {
    super()
    this.#request = request
    this.#settings = settings
    this.#resolve = resolve
    this.#reject = reject
    this.#forget = settings.cancellation.onAbort((reason) => this.#stop(cancelled(reason)))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.isOver) controller.abort(this.#error ?? cancelled('cancelled'))
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Record<string, unknown>): void {
    if (status < 200) return
    this.status = status
    this.#received = headers
    this.headers = {
      get: (name) => {
        const value = headers[name.toLowerCase()]
        return Array.isArray(value) ? value.join(', ') : (value as string | undefined)
      },
    }
    this.#resolve(this)
  }

  onResponseData(_controller: Dispatcher.DispatchController, piece: Buffer): void {
    if (this.#sink) {
      if (!this.#sink.write(piece)) this.#controller?.pause()
      return
    }
    this.#waiting.push(piece)
    this.#waitingBytes += piece.length
    if (this.#waitingBytes > READ_AHEAD) this.#controller?.pause()
    this.#wake?.()
  }

  onResponseEnd(): void {
    this.#finish(undefined)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#finish(this.#error ?? this.#explain(error))
  }

  *headerLines(): Generator<[name: string, value: string]> {
    for (const [name, value] of Object.entries(this.#received))
      for (const line of Array.isArray(value) ? value : [value]) yield [name, String(line)]
  }

  async peek(): Promise<Uint8Array | undefined> {
    if (this.#waiting.length === 0 && !this.isOver)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    this.#wake = undefined
    if (this.#waiting.length === 0 && this.#error) throw this.#error
    return this.#waiting[0]
  }

  pipe(sink: Sink): void {
    this.#sink = sink
    let isReady = true
    for (const piece of this.#waiting.splice(0)) isReady = sink.write(piece)
    if (this.isOver) this.#tellEnd(sink)
    else if (isReady) this.#controller?.resume()
    else this.#controller?.pause()
  }

  resume(): void {
    this.#controller?.resume()
  }

  cancel(): void {
    this.#stop(cancelled('cancelled'))
  }

  override bytes(): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const pieces: Uint8Array[] = []
      let length = 0
      this.pipe({
        write: (piece) => {
          length += piece.length
          if (length > LONGEST_ANSWER) this.#stop(answerTooLong())
          else pieces.push(piece)
          return true
        },
        end: () => resolve(joinBytes(pieces)),
        fail: reject,
      })
    })
  }

  get body(): AsyncIterable<Uint8Array> {
    return this.#read()
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        while (this.#waiting.length > 0) {
          const piece = this.#waiting.shift()!
          this.#waitingBytes -= piece.length
          yield piece
        }
        if (this.isOver) break
        // Resuming may hand over what was read at once, so whoever is to be woken must be known before.
        const more = new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.#controller?.resume()
        await more
        this.#wake = undefined
      }
      if (this.#error) throw this.#error
    } finally {
      if (!this.isOver) this.cancel()
    }
  }

  #stop(error: GatewayError): void {
    if (this.isOver) return
    this.#error = error
    this.#controller?.abort(error)
    this.#finish(error)
  }

  #finish(error: GatewayError | undefined): void {
    if (this.isOver) return
    this.isOver = true
    this.#error = error
    this.#forget?.()
    if (error && this.status === 0) this.#reject(error)
    if (this.#sink) this.#tellEnd(this.#sink)
    this.#wake?.()
  }

  #tellEnd(sink: Sink): void {
    if (this.#error) sink.fail(this.#error)
    else sink.end()
  }

  #explain(error: Error): GatewayError {
    const { code } = error as { code?: unknown }
    const { provider, timeout } = this.#settings
    if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return timedOut(provider, timeout, error)
    if (code === 'UND_ERR_CONNECT_TIMEOUT') return timedOut(provider, CONNECT_TIMEOUT, error)
    return unreachable(provider, this.#request.url, error, this.status !== 0)
  }
}
