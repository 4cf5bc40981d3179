import type { Host, Log } from '@tianjillm/core'
import { createHost, type Transport } from '@tianjillm/engine'
import { nodeTransport } from '@tianjillm/engine/node'
import { type FakeUpstream, ORIGIN_HEADER } from './fake-upstream.ts'

/** The moment all stub hosts live in: 2026-01-02T10:00:00Z, in milliseconds. */
export const NOW: number = Date.UTC(2026, 0, 2, 10)

/** A log that keeps what it is told. */
export interface StubLog extends Log {
  readonly lines: readonly string[]
}

/** A log that keeps what it is told. */
export function stubLog(): StubLog {
  const lines: string[] = []
  const note = (level: string) => (message: string) => {
    lines.push(`${level}: ${message}`)
  }
  return { lines, debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') }
}

/** A host with a fixed clock, counted UUIDs, the given environment, and every request redirected to the fake upstream. */
export function stubHost(upstream: FakeUpstream, env: Readonly<Record<string, string>> = {}): Host {
  let count = 0
  return createHost({
    env: (name) => env[name],
    now: () => NOW,
    uuid: () => `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}`,
    log: stubLog(),
    fetch: redirectedFetch(upstream),
  })
}

/** A fetch that sends everything to the fake upstream, which is told the origin that was meant. */
export function redirectedFetch(upstream: FakeUpstream): typeof fetch {
  return (input, init) => {
    const request = new Request(input, init)
    const { origin, pathname, search } = new URL(request.url)
    const headers = new Headers(request.headers)
    if (origin !== upstream.url) headers.set(ORIGIN_HEADER, origin)
    const isBodiless = request.method === 'GET' || request.method === 'HEAD'
    return fetch(`${upstream.url}${pathname}${search}`, {
      method: request.method,
      headers,
      ...(!isBodiless && request.body && { body: request.body, duplex: 'half' }),
      signal: request.signal,
    } as RequestInit)
  }
}

/** The gateway's own transport, redirected to the fake upstream. */
export function redirectedTransport(upstream: FakeUpstream): Transport {
  const transport = nodeTransport()
  return {
    send: (request, settings) => {
      const { origin, pathname, search } = new URL(request.url)
      const headers = origin === upstream.url ? request.headers : { ...request.headers, [ORIGIN_HEADER]: origin }
      return transport.send({ ...request, url: `${upstream.url}${pathname}${search}`, headers }, settings)
    },
    fetchWith: () => redirectedFetch(upstream),
    close: () => transport.close(),
  }
}
