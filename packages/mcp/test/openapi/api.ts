import type { IncomingMessage, ServerResponse } from 'node:http'
import type { JsonObject } from '@tianjillm/core'
import { stubLog } from '@tianjillm/testing'
import { listen, shut } from '@tianjillm/testing-mcp'
import { onTestFinished } from 'vitest'
import { createApiUpstream } from '../../src/openapi/create.ts'
import type { ApiTransport, McpServerSettings } from '../../src/settings.ts'
import type { RequestOptions, Upstream } from '../../src/upstream.ts'
import { anyone } from '../upstream/peers.ts'

/** A request as an API got it. */
export interface Arrived {
  readonly line: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** An HTTP API on loopback, with its document at `/openapi.json`; it ends with the test. */
export async function fakeApi(
  document: (url: string) => unknown,
  answer: (arrived: Arrived, outgoing: ServerResponse) => void,
): Promise<{
  readonly url: string
  readonly document: string
  readonly arrived: Arrived[]
  readonly stop: () => Promise<void>
}> {
  const arrived: Arrived[] = []
  const { server, port } = await listen(async (incoming, outgoing) => {
    const body = Buffer.concat(await Array.fromAsync(incoming)).toString()
    const one = { line: `${incoming.method} ${incoming.url}`, headers: incoming.headers, body }
    arrived.push(one)
    const said = incoming.url === '/openapi.json' ? document(url) : undefined
    if (said === undefined) answer(one, outgoing)
    else outgoing.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(said))
  })
  const url = `http://127.0.0.1:${port}`
  const stop = () => shut(server)
  onTestFinished(() => stop().catch(() => {}))
  return { url, document: `${url}/openapi.json`, arrived, stop }
}

/** How an API is reached, and what else a test may set. */
export type HouseSettings = Partial<ApiTransport> &
  Omit<McpServerSettings, 'name' | 'transport'> & { readonly document: string; readonly resultLimit?: number }

/** An upstream that is closed with its test, and a way to call its tools. */
export function houseOf({ document, url, headers = {}, auth, resultLimit, ...settings }: HouseSettings): {
  readonly upstream: Upstream
  readonly lines: readonly string[]
  readonly call: (name: string, given?: JsonObject, options?: RequestOptions) => Promise<JsonObject>
} {
  const log = stubLog()
  const transport = { type: 'openapi', document, url, headers, auth } as const
  const upstream = createApiUpstream(
    { name: 'api', transport, ...settings },
    { now: Date.now, fetch, log },
    resultLimit,
  )
  onTestFinished(() => upstream.close())
  return {
    upstream,
    lines: log.lines,
    async call(name, given = {}, options = {}) {
      const conversation = await upstream.open(anyone)
      return conversation.request('tools/call', { name, arguments: given }, options)
    },
  }
}
