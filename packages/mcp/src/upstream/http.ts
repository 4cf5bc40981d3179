import {
  type FetchLike,
  type JSONRPCMessage,
  type RequestId,
  SdkErrorCode,
  SdkHttpError,
  SSEClientTransport,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client'
import type { Host } from '@tianjillm/core'
import type { ProtocolTransport } from '../settings.ts'
import { type Credentials, fetchWith } from './credentials.ts'
import { LOST, refused, told } from './faults.ts'

type HttpSettings = Exclude<ProtocolTransport, { readonly type: 'stdio' }>

/** The SDK leaves `authorization` out of a request's own headers; under this name it gets as far as our fetch. */
const OWN_AUTHORIZATION = 'x-tianji-own-authorization'

/** How often, and after how many milliseconds, a stream that ended is asked for again. */
const RECONNECTION = {
  initialReconnectionDelay: 250,
  maxReconnectionDelay: 2000,
  reconnectionDelayGrowFactor: 2,
  maxRetries: 2,
}

/** One connection's way over HTTP. */
export interface Wire {
  readonly fetch: FetchLike
  /** Why there was no answer to the last request: for want of a network, of credentials, or because it was refused. */
  readonly failure: Error | undefined
}

/** Whose wire it is. */
export interface WireOwner {
  /** Headers of who has it alone. */
  readonly personal: () => Readonly<Record<string, string>>
  /** Hears that the stream of the server's own messages cannot be had any more: nothing that is awaited will come. */
  readonly onDown: () => void
}

/**
 * Requests with the server's credentials and static headers.
 */
export function createWire(
  server: string,
  settings: HttpSettings,
  credentials: Credentials,
  host: Pick<Host, 'fetch'>,
  { personal, onDown }: WireOwner,
): Wire {
  let failure: Error | undefined
  let hasStreamed = false

  const send = fetchWith(credentials, host.fetch)

  return {
    get failure() {
      return failure
    },
    async fetch(url, init = {}) {
      const isStream = init.method === undefined || init.method === 'GET'
      failure = undefined
      try {
        const headers = merged(personal(), init.headers, settings.headers)
        const response = await send(url, { ...init, headers })
        if (response.status >= 400) failure = refused(server, response.status)
        // Some that have no such stream say so like those that have forgotten the session.
        if (isStream && response.status === 404 && hasStreamed) onDown()
        hasStreamed ||= isStream && response.ok
        return response
      } catch (error) {
        if (init.signal?.aborted !== true) {
          failure = told(error, { server, timeout: 0 })
          if (isStream) onDown()
        }
        throw error
      }
    },
  }
}

/** Static headers win, then those of this one request. */
function merged(
  personal: Readonly<Record<string, string>>,
  given: RequestInit['headers'],
  fixed: Readonly<Record<string, string>>,
): Headers {
  const headers = new Headers(personal)
  new Headers(given).forEach((value, name) => {
    headers.set(name === OWN_AUTHORIZATION ? 'authorization' : name, value)
  })
  for (const [name, value] of Object.entries(fixed)) headers.set(name, value)
  return headers
}

/** Headers of one request, so that they pass the SDK. */
export function passing(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) =>
      name.toLowerCase() === 'authorization' ? [OWN_AUTHORIZATION, value] : [name, value],
    ),
  )
}

type SendOptions = NonNullable<Parameters<StreamableHTTPClientTransport['send']>[1]>

/**
 * Streamable HTTP that answers in the server's place when the stream of an answer ends without it, and lets go of the
 * stream of a request that was cancelled; the SDK's own waits for the timeout, and for ever.
 */
export class HttpTransport extends StreamableHTTPClientTransport {
  readonly #open = new Map<RequestId, AbortController>()

  constructor(url: URL, wire: Wire) {
    super(url, { fetch: wire.fetch, reconnectionOptions: RECONNECTION })
  }

  override async send(message: JSONRPCMessage | JSONRPCMessage[], options: SendOptions = {}): Promise<void> {
    if (Array.isArray(message) || !('method' in message)) return super.send(message, options)
    if (!('id' in message)) {
      await super.send(message, options)
      if (message.method === 'notifications/cancelled') this.#letGo(message.params?.requestId)
      return
    }
    const { id } = message
    const controller = new AbortController()
    this.#open.set(id, controller)
    options.requestSignal?.addEventListener('abort', () => this.#open.delete(id), { once: true })
    try {
      await super.send(message, {
        ...options,
        requestSignal: options.requestSignal ?? controller.signal,
        onRequestStreamEnd: options.onRequestStreamEnd ?? (() => this.#lost(id)),
      })
    } catch (error) {
      this.#open.delete(id)
      throw error
    }
  }

  /** The answer is there. */
  settle(id: RequestId): void {
    this.#open.delete(id)
  }

  #letGo(id: unknown): void {
    if (typeof id !== 'number' && typeof id !== 'string') return
    this.#open.get(id)?.abort()
    this.#open.delete(id)
  }

  #lost(id: RequestId): void {
    if (!this.#open.delete(id)) return
    this.onmessage?.({ jsonrpc: '2.0', id, error: { code: -32000, message: 'lost', data: LOST } })
  }
}

/** The older HTTP with server-sent events. */
export function createSseTransport(url: URL, wire: Wire): SSEClientTransport {
  return new SSEClientTransport(url, {
    fetch: async (target, init) => {
      const response = await wire.fetch(target, init)
      // The SDK's own error tells the status in words alone.
      if (init?.method !== 'POST' || response.status < 400) return response
      const text = await response.text()
      const { status } = response
      throw new SdkHttpError(SdkErrorCode.ClientHttpNotImplemented, `Status ${status}`, { status, text })
    },
  })
}
