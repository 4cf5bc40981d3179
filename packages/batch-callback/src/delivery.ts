import { type Host, isGatewayError, parseJson, type UpstreamRequest } from '@tianjillm/core'
import { createFetch } from 'ofetch'
import type { Sink } from './sink.ts'

/** Milliseconds before the second and the third try. */
const RETRY_DELAYS = [200, 800]
const LONGEST_RETRY_AFTER = 10_000
const REQUEST_TIMEOUT = 10_000
const PAYLOAD_TOO_LARGE = 413

interface Reply {
  /** 0 when there was none. */
  readonly status: number
  readonly text: string
  /** Milliseconds the endpoint asks to wait. */
  readonly retryAfter: number
  /** Why the events did not arrive; undefined when they did. */
  readonly problem: string | undefined
}

const tooLarge: Reply = { status: PAYLOAD_TOO_LARGE, text: '', retryAfter: 0, problem: 'too large for one request' }

/** Sends events and gives those worth another try. Never rejects: what is lost becomes one warning. */
export type Deliver<Event> = (events: readonly Event[], signal: AbortSignal) => Promise<readonly Event[]>

/**
 * Delivers events to a sink: three tries after 408, 429, 5xx and network errors, and halves of what is too large
 * (more than `maxBytes`, or a 413). An event that was refused for now comes back, once.
 */
export function delivery<Event extends object>(
  name: string,
  sink: Sink<Event>,
  maxBytes: number,
  host: Pick<Host, 'fetch' | 'log'>,
): Deliver<Event> {
  const client = createFetch({
    fetch: host.fetch,
    defaults: { retry: 0, responseType: 'text', ignoreResponseError: true },
  })
  const repeated = new WeakSet<Event>()

  return async (events, signal) => {
    const again: Event[] = []
    const lost = new Map<string, number>()
    const lose = (count: number, problem: string) => lost.set(problem, (lost.get(problem) ?? 0) + count)
    const lanes = Map.groupBy(events, (event) => sink.lane?.(event) ?? '')
    await Promise.all(
      [...lanes.values()].map((lane) =>
        send(lane).catch((error: unknown) => lose(lane.length, isGatewayError(error) ? error.message : causeOf(error))),
      ),
    )
    for (const [problem, count] of lost)
      host.log.warn(`${name}: events lost: ${count} (${problem}).`, { events: count })
    return again

    async function send(batch: readonly Event[]): Promise<void> {
      const reply = await post(await sink.request(batch), signal)
      if (reply.status === PAYLOAD_TOO_LARGE && batch.length > 1) {
        const middle = Math.ceil(batch.length / 2)
        await send(batch.slice(0, middle))
        await send(batch.slice(middle))
      } else if (reply.problem !== undefined) lose(batch.length, reply.problem)
      else
        for (const refusal of sink.refused?.(parseJson(reply.text), batch) ?? []) settle(refusal.event, refusal.status)
    }

    function settle(event: Event, status: number): void {
      if (!isTransient(status) || repeated.has(event)) lose(1, `refused with ${status}`)
      else {
        repeated.add(event)
        again.push(event)
      }
    }
  }

  async function post(request: UpstreamRequest, signal: AbortSignal): Promise<Reply> {
    const body = typeof request.body === 'string' ? new TextEncoder().encode(request.body) : request.body
    if (body instanceof Uint8Array && body.byteLength > maxBytes) return tooLarge
    for (let attempt = 0; ; attempt++) {
      const reply = await ask({ ...request, body }, signal)
      const delay = RETRY_DELAYS[attempt]
      if (delay === undefined || !isTransient(reply.status) || signal.aborted) return reply
      await pause(Math.max(delay, reply.retryAfter), signal)
    }
  }

  async function ask({ method, url, headers, body }: UpstreamRequest, signal: AbortSignal): Promise<Reply> {
    try {
      const response = await client.raw(url, {
        method,
        headers: { ...headers },
        // A Uint8Array over shared memory is no BodyInit, but none comes here.
        body: body as BodyInit | undefined,
        signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT)]),
      })
      return {
        status: response.status,
        text: String(response._data ?? ''),
        retryAfter: Math.min(Number(response.headers.get('retry-after')) * 1000 || 0, LONGEST_RETRY_AFTER),
        problem: response.status < 400 ? undefined : `the endpoint answered ${response.status}`,
      }
    } catch (error) {
      const problem = signal.aborted ? 'there was no time left' : `the endpoint cannot be reached, ${causeOf(error)}`
      return { status: 0, text: '', retryAfter: 0, problem }
    }
  }
}

function isTransient(status: number): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500
}

/** The system's code for an error, else its name. Not its message: that may hold the URL, and some URLs are secrets. */
function causeOf(error: unknown): string {
  let name = 'unknown'
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code
    name = cause.name
  }
  return name
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, milliseconds)
    signal.addEventListener('abort', end)
  })
}
