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
  const { timeout, provider } = settings
  const timer = setTimeout(() => controller.abort(timedOut(provider, timeout, undefined)), timeout)
  try {
    const { method, headers, body } = request
    const response = await fetch(request.url, {
      method,
      headers,
      ...(body !== undefined && { body: body as NonNullable<RequestInit['body']> }),
      redirect: 'manual',
      signal: controller.signal,
    })
    return new WebReply(response, request, settings, controller, forget)
  } catch (error) {
    forget()
    throw explained(error, request, settings, false)
  } finally {
    clearTimeout(timer)
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
    forget: () => void,
  ) {
    const headers = { get: (name: string) => response.headers.get(name) ?? undefined }
    super(response.status, headers, piecesOf(response, request, settings, forget))
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
  forget: () => void,
): AsyncGenerator<Uint8Array> {
  try {
    // Streams are iterable in every runtime with fetch; lib.dom does not say so of their reader's bytes.
    if (response.body) yield* response.body as unknown as AsyncIterable<Uint8Array>
  } catch (error) {
    throw explained(error, request, settings, true)
  } finally {
    forget()
  }
}
