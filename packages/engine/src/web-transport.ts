import { GatewayError, type UpstreamRequest } from '@tianjillm/core'
import {
  cancelled,
  PulledReply,
  type RelayReply,
  type SendSettings,
  type Transport,
  timedOut,
  unreachable,
} from './transport.ts'

/** A transport on `fetch`: for any runtime, for a provider used alone. It cannot change how certificates are checked. */
export function webTransport(fetch: typeof globalThis.fetch = globalThis.fetch): Transport {
  return {
    send: (request, settings) => send(fetch, request, settings),
    fetchWith: () => fetch,
    close: () => Promise.resolve(),
  }
}

async function send(
  fetch: typeof globalThis.fetch,
  request: UpstreamRequest,
  settings: SendSettings,
): Promise<RelayReply> {
  const controller = new AbortController()
  const forget = settings.cancellation.onAbort((reason) => controller.abort(cancelled(reason)))
  const deadline = new Deadline(settings, controller)
  try {
    const { method, headers, body } = request
    const response = await fetch(request.url, {
      method,
      headers,
      ...(body !== undefined && { body: body as NonNullable<RequestInit['body']> }),
      redirect: 'manual',
      signal: controller.signal,
    })
    deadline.clear()
    return new WebReply(response, request, settings, controller, deadline, forget)
  } catch (error) {
    deadline.clear()
    forget()
    throw explained(error, request, settings, false)
  }
}

/** Ends the exchange when the vendor stands still for too long. */
class Deadline {
  readonly #settings: SendSettings
  readonly #controller: AbortController
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(settings: SendSettings, controller: AbortController) {
    this.#settings = settings
    this.#controller = controller
    this.renew()
  }

  renew(): void {
    const { provider, timeout } = this.#settings
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#controller.abort(timedOut(provider, timeout, undefined)), timeout)
  }

  /** While nobody waits for the vendor. */
  clear(): void {
    clearTimeout(this.#timer)
  }
}

function explained(error: unknown, request: UpstreamRequest, settings: SendSettings, isUnderWay: boolean) {
  if (error instanceof GatewayError) return error
  if (settings.cancellation.isAborted) return cancelled(settings.cancellation.reason)
  return unreachable(settings.provider, request.url, error, isUnderWay)
}

class WebReply extends PulledReply {
  readonly #controller: AbortController

  constructor(
    response: Response,
    request: UpstreamRequest,
    settings: SendSettings,
    controller: AbortController,
    deadline: Deadline,
    forget: () => void,
  ) {
    const headers = { get: (name: string) => response.headers.get(name) ?? undefined }
    super(response.status, headers, piecesOf(response, request, settings, deadline, forget))
    this.#controller = controller
  }

  override cancel(): void {
    this.#controller.abort(cancelled('cancelled'))
    super.cancel()
  }
}

async function* piecesOf(
  response: Response,
  request: UpstreamRequest,
  settings: SendSettings,
  deadline: Deadline,
  forget: () => void,
): AsyncGenerator<Uint8Array> {
  try {
    deadline.renew()
    // Streams are iterable in every runtime with fetch; lib.dom does not say so of their reader's bytes.
    for await (const piece of (response.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
      deadline.clear()
      yield piece
      deadline.renew()
    }
  } catch (error) {
    throw explained(error, request, settings, true)
  } finally {
    deadline.clear()
    forget()
  }
}
