import type { Awaitable, CallReport, UpstreamRequest } from '@tianjillm/core'

/** An event that the endpoint did not take, though it took the request. */
export interface Refusal<Event> {
  readonly event: Event
  /** HTTP status meant for this event; 408, 429 and 5xx have it sent once more. */
  readonly status: number
}

/** Where a callback's events go, as plain descriptions: queue, retries and the network are the base's business. */
export interface Sink<Event extends object> {
  /** What to send of a call; nothing when the list is empty. Called when the call ends: it must be quick. */
  toEvents(report: CallReport): readonly Event[]
  /** How to send events. Called again with fewer when the body is too large. */
  request(events: readonly Event[]): Awaitable<UpstreamRequest>
  /** Only events with the same lane share a request: one per project, say. Default: all do. */
  lane?(event: Event): string
  /** Which events an accepted request (status below 400) was not taken for. `answer` is JSON, or undefined. */
  refused?(answer: unknown, events: readonly Event[]): readonly Refusal<Event>[]
}

/** A request that posts JSON. */
export function postJson(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}): UpstreamRequest {
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  }
}
