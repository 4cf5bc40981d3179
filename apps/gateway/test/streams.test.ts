import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, createServer as createSocketServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Arrived, type Scripted, sse } from '@tianjillm/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { anthropicWire, contentIn, eventsIn, openaiWire, type Wire } from './events.ts'
import { gatewayAndUpstream, MASTER_KEY } from './support.ts'
import { folderWith, tianji } from './tianji.ts'

const MEBIBYTE = 1024 * 1024
const events = { 'content-type': 'text/event-stream' }
const VENDOR_KEY = 'vendor-key-of-the-tests'

/** A vendor's part that no fake plays: it is in each test's own hands. */
let flood: Server
let resetting: ReturnType<typeof createSocketServer>
let floodUrl: string
let resettingUrl: string

const configuration = (url: string) => `
model_list:
  - {model_name: gpt, litellm_params: {model: openai/gpt-4o, api_base: ${url}/v1, api_key: ${VENDOR_KEY}}}
  - {model_name: claude, litellm_params: {model: anthropic/claude-opus-5, api_base: ${url}, api_key: ${VENDOR_KEY}}}
  - {model_name: gpt-flood, litellm_params: {model: openai/gpt-4o, api_base: ${floodUrl}/v1, api_key: ${VENDOR_KEY}}}
  - {model_name: claude-flood, litellm_params: {model: anthropic/claude-opus-5, api_base: ${floodUrl}, api_key: ${VENDOR_KEY}}}
  - {model_name: gpt-reset, litellm_params: {model: openai/gpt-4o, api_base: ${resettingUrl}/v1, api_key: ${VENDOR_KEY}}}
  - {model_name: claude-reset, litellm_params: {model: anthropic/claude-opus-5, api_base: ${resettingUrl}, api_key: ${VENDOR_KEY}}}
router_settings: {num_retries: 0}
general_settings: {master_key: ${MASTER_KEY}}
`

beforeAll(async () => {
  flood = createServer().listen(0, '127.0.0.1')
  resetting = createSocketServer((socket) => {
    socket.once('data', () => socket.resetAndDestroy())
    socket.on('error', () => {})
  }).listen(0, '127.0.0.1')
  await Promise.all([once(flood, 'listening'), once(resetting, 'listening')])
  floodUrl = urlOf(flood.address())
  resettingUrl = urlOf(resetting.address())
})

afterAll(() => {
  flood.closeAllConnections()
  flood.close()
  resetting.close()
})

const { gateway, upstream } = gatewayAndUpstream(configuration)

function urlOf(address: AddressInfo | string | null): string {
  return `http://127.0.0.1:${(address as AddressInfo).port}`
}

function ask(model: string, more: object = {}, url: string = gateway().url): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${MASTER_KEY}` },
    body: JSON.stringify({
      model,
      stream: true,
      messages: [{ role: 'user', content: 'Hello' }],
      stream_options: { include_usage: true },
      ...more,
    }),
  })
}

/** The stream that the client gets when the vendor answers like this. */
async function streamed({ model }: Wire, scripted: Scripted): Promise<string> {
  upstream().script({ headers: events, ...scripted })
  const response = await ask(model)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  return response.text()
}

/** An error that the client got as an event. */
const errorEvent = (code: string | null, type = 'api_error') => ({
  error: expect.objectContaining({ message: expect.stringMatching(/./), type, code }),
})

/** Cuts text into pieces of so many bytes. */
function cut(text: string, size: number): readonly Uint8Array[] {
  const bytes = Buffer.from(text)
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  )
}

describe.each([openaiWire, anthropicWire])('$title', (wire) => {
  const texts = ['Grüße', ' aus', ' 北京', ' 👋🏽', '\n\n"data: [DONE]"']
  const whole = [...wire.begin(...texts), ...wire.end].join('')

  it.each([5, 50])('arrives intact in pieces of %d bytes', async (size) => {
    const text = await streamed(wire, { pieces: cut(whole, size), pause: 1 })
    expect(contentIn(text)).toBe(texts.join(''))
    expect(eventsIn(text).at(-1)).toBe('[DONE]')
    if (wire === openaiWire) expect(text).toBe(whole)
  })

  it('arrives intact with lines that end as on Windows', async () => {
    const text = await streamed(wire, { pieces: cut(whole.replaceAll('\n', '\r\n'), 31), pause: 1 })
    expect(contentIn(text)).toBe(texts.join(''))
    expect(eventsIn(text).at(-1)).toBe('[DONE]')
  })

  it('arrives intact when a piece ends inside a character', async () => {
    const at = Buffer.from(whole).indexOf(Buffer.from('👋')) + 2
    const bytes = Buffer.from(whole)
    const text = await streamed(wire, { pieces: [bytes.subarray(0, at), bytes.subarray(at)], pause: 20 })
    expect(contentIn(text)).toBe(texts.join(''))
  })

  it('arrives intact with a line of a mebibyte', async () => {
    const long = 'x'.repeat(MEBIBYTE)
    const text = await streamed(wire, { pieces: [...wire.begin('a', long, 'b'), ...wire.end] })
    expect(contentIn(text)).toBe(`a${long}b`)
    expect(eventsIn(text).at(-1)).toBe('[DONE]')
  })

  it('ends with the usage that was asked for', async () => {
    const text = await streamed(wire, { pieces: [whole] })
    expect(eventsIn(text).at(-2)).toMatchObject({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } })
  })

  it('comes as the vendor sends it, not when it is whole', async () => {
    upstream().script({ headers: events, pieces: wire.begin('first'), hangs: true })
    const response = await ask(wire.model)
    const reader = response.body!.getReader()
    let text = ''
    while (!text.includes('first')) text += Buffer.from((await reader.read()).value!).toString()
    await reader.cancel()
  })

  it('tells an error that the vendor reports in the middle', async () => {
    const text = await streamed(wire, { pieces: [...wire.begin('Hel'), wire.failure] })
    expect(contentIn(text)).toBe('Hel')
    expect(eventsIn(text).find((event) => event !== '[DONE]' && 'error' in event)).toMatchObject({
      error: { message: expect.stringMatching(/Overloaded/) },
    })
    expect(text).not.toContain('[DONE]')
  })

  it('tells when the vendor dies in the middle', async () => {
    const text = await streamed(wire, { pieces: wire.begin('Hel', 'lo'), dies: true })
    expect(contentIn(text)).toBe('Hello')
    expect(eventsIn(text).at(-1)).toEqual(errorEvent('upstream_unreachable'))
    expect(text).not.toContain('[DONE]')
  })

  it('tells when the vendor dies in the middle of an event', async () => {
    const half = wire.begin('lo').at(-1)!.slice(0, -20)
    const text = await streamed(wire, { pieces: [...wire.begin('Hel'), half], dies: true })
    expect(contentIn(text)).toBe('Hel')
    expect(eventsIn(text).at(-1)).toEqual(errorEvent('upstream_unreachable'))
  })

  it('tells when the vendor ends before the answer is complete', async () => {
    const text = await streamed(wire, { pieces: wire.begin('Hel', 'lo') })
    expect(contentIn(text)).toBe('Hello')
    expect(eventsIn(text).at(-1)).toEqual(errorEvent('upstream_invalid_response'))
    expect(text).not.toContain('[DONE]')
  })

  it('is not complete because the model speaks of [DONE]', async () => {
    const text = await streamed(wire, { pieces: wire.begin('It ends with data: [DONE]', '\ndata: [DONE]\n') })
    expect(eventsIn(text).at(-1)).toEqual(errorEvent('upstream_invalid_response'))
  })

  it.each([
    ['dies after its head', { pieces: [], dies: true }, 'upstream_unreachable'],
    ['ends after its head', { pieces: [] }, 'upstream_invalid_response'],
  ] as const)('is a plain error when the vendor %s', async (_title, scripted, code) => {
    upstream().script({ headers: events, ...scripted })
    const response = await ask(wire.model)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect({ status: response.status, ...(await response.json()) }).toEqual({ status: 502, ...errorEvent(code) })
  })

  it('is a plain error when the connection breaks before the head', async () => {
    const response = await ask(`${wire.model}-reset`)
    expect({ status: response.status, ...(await response.json()) }).toEqual({
      status: 502,
      ...errorEvent('upstream_unreachable'),
    })
  })

  it('is a plain error when the vendor refuses', async () => {
    upstream().script({ status: 429, headers: { 'retry-after': '7' }, body: { error: { message: 'Slow down' } } })
    const response = await ask(wire.model)
    expect(response.headers.get('retry-after')).toBe('7')
    expect({ status: response.status, ...(await response.json()) }).toEqual({
      status: 429,
      ...errorEvent('rate_limit_exceeded', 'rate_limit_error'),
    })
  })

  it('is a plain error when the first event is one', async () => {
    const done = wire === openaiWire ? [sse('[DONE]')] : []
    upstream().script({ headers: events, pieces: [wire.failure, ...done] })
    const response = await ask(wire.model)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect({ status: response.status, ...(await response.json()) }).toMatchObject({
      status: wire === openaiWire ? 500 : 503,
      error: { message: `${wire === openaiWire ? 'openai' : 'anthropic'}: Overloaded`, type: 'api_error' },
    })
  })

  it('never tells the vendor key, even if the vendor does', async () => {
    const failure = wire.failure.replace('Overloaded', `Wrong key: ${VENDOR_KEY}`)
    // What is handed on is the vendor's own word; what the gateway says in its place is the gateway's.
    if (wire === anthropicWire)
      expect(await streamed(wire, { pieces: [...wire.begin('Hel'), failure] })).not.toContain(VENDOR_KEY)
    upstream().script({ status: 400, body: { error: { message: `Wrong key: ${VENDOR_KEY}` } } })
    expect(await (await ask(wire.model)).text()).not.toContain(VENDOR_KEY)
  })

  it.each([
    ['before the head', async ({ abandoned }: Arrived) => abandoned.then(() => ({})), false],
    ['before the first event', () => ({ headers: events, pieces: [], hangs: true }), false],
    ['in the middle', () => ({ headers: events, pieces: wire.begin('Hel'), hangs: true }), true],
  ] as const)('ends at the vendor within a second when the client leaves %s', async (_title, script, hasBegun) => {
    upstream().script(script)
    const controller = new AbortController()
    const answer = fetch(`${gateway().url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${MASTER_KEY}` },
      body: JSON.stringify({ model: wire.model, stream: true, messages: [{ role: 'user', content: 'Hello' }] }),
      signal: controller.signal,
    })
    answer.catch(() => {})
    if (hasBegun) await (await answer).body!.getReader().read()
    const arrived = await firstArrived()
    controller.abort()
    await expectAbandoned(arrived)
  })

  it('waits for a client that reads slowly', async () => {
    const total = 64 * MEBIBYTE
    const piece = wire.begin('x'.repeat(64 * 1024)).at(-1)!
    let accepted = 0
    flood.removeAllListeners('request')
    flood.once('request', async (incoming, outgoing) => {
      incoming.resume()
      outgoing.writeHead(200, events)
      outgoing.write(wire.begin().join(''))
      while (accepted < total && !outgoing.destroyed) {
        await new Promise((resolve) => outgoing.write(piece, resolve))
        accepted += piece.length
      }
      outgoing.end(wire.end.join(''))
    })
    const { hostname, port } = new URL(gateway().url)
    const socket = connect(Number(port), hostname)
    const body = JSON.stringify({
      model: `${wire.model}-flood`,
      stream: true,
      messages: [{ role: 'user', content: 'a' }],
    })
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${MASTER_KEY}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    )
    await once(socket, 'readable')
    const heldBack = await settled(() => accepted)
    expect(heldBack).toBeGreaterThan(0)
    expect(heldBack).toBeLessThan(total / 2)

    let length = 0
    let end = ''
    for await (const received of socket) {
      length += received.length
      end = (end + received.toString('latin1')).slice(-1000)
    }
    expect(length).toBeGreaterThan(total)
    expect(end).toContain('data: [DONE]')
  }, 10_000)
})

describe('an answer that is not streamed', () => {
  it.each(['gpt', 'claude'])('ends at the vendor within a second when the client leaves (%s)', async (model) => {
    upstream().script(({ abandoned }) => abandoned.then(() => ({})))
    const controller = new AbortController()
    const answer = fetch(`${gateway().url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${MASTER_KEY}` },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }),
      signal: controller.signal,
    })
    answer.catch(() => {})
    const arrived = await firstArrived()
    controller.abort()
    await expectAbandoned(arrived)
  })

  it.each(['gpt', 'claude'])('is an error when the vendor dies in the middle of it (%s)', async (model) => {
    const headers = { 'content-type': 'application/json' }
    upstream().script({ headers, pieces: ['{"id":"chatcmpl-1","choices":['], dies: true })
    const response = await ask(model, { stream: false, stream_options: null })
    expect({ status: response.status, ...(await response.json()) }).toEqual({
      status: 502,
      ...errorEvent('upstream_unreachable'),
    })
  })
})

describe('the access log', () => {
  it('tells the tokens of each stream, and what broke one', async () => {
    const folder = folderWith({ 'proxy_config.yaml': configuration(upstream().url) })
    const process = tianji(['start', '--port', '0'], { folder })
    const url = await process.url
    const lines = () =>
      process
        .output()
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter(({ msg }) => msg === 'request')

    for (const wire of [openaiWire, anthropicWire]) {
      const more = { stream_options: { include_usage: true } }
      upstream().script(
        { headers: events, pieces: [...wire.begin('Hello'), ...wire.end] },
        { headers: events, pieces: wire.begin('Hel'), dies: true },
      )
      await (await ask(wire.model, more, url)).text()
      await (await ask(wire.model, more, url)).text()
    }
    await expect.poll(() => lines().length).toBe(4)
    const told = lines().map(({ model, provider, status, tokens, error }) => ({
      model,
      provider,
      status,
      tokens,
      error,
    }))
    const broken = { status: 200, tokens: undefined, error: expect.stringContaining('broke in the middle') }
    expect(told).toEqual([
      { model: 'gpt', provider: 'openai', status: 200, tokens: 5, error: undefined },
      { model: 'gpt', provider: 'openai', ...broken },
      { model: 'claude', provider: 'anthropic', status: 200, tokens: 5, error: undefined },
      { model: 'claude', provider: 'anthropic', ...broken },
    ])
  })
})

/** The request that is under way at the vendor. */
async function firstArrived(): Promise<Arrived> {
  await expect.poll(() => upstream().arrived.length, { interval: 5 }).toBe(1)
  return upstream().arrived[0]!
}

async function expectAbandoned({ abandoned }: Arrived): Promise<void> {
  const end = await Promise.race([abandoned.then(() => 'abandoned'), sleep(1000, 'still under way', { ref: false })])
  expect(end).toBe('abandoned')
}

/** The value once it has not changed for 300 ms. */
async function settled(read: () => number): Promise<number> {
  for (let last = -1; ; ) {
    const now = read()
    if (now === last) return now
    last = now
    await sleep(300)
  }
}
