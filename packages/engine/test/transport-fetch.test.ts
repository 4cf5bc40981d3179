import { getEventListeners } from 'node:events'
import { gzipSync } from 'node:zlib'
import { type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeTransport } from '../src/node-transport.ts'
import type { Transport } from '../src/transport.ts'
import { fetchOver } from '../src/transport-fetch.ts'

describe('a fetch over the transport', () => {
  let upstream: FakeUpstream
  let transport: Transport
  beforeAll(async () => {
    upstream = await fakeUpstream()
    transport = nodeTransport()
  })
  afterAll(async () => {
    await transport.close(100)
    await upstream.close()
  })

  const post = (init: RequestInit = {}) =>
    transport.fetchWith(undefined)(new URL(`${upstream.url}/mcp?x=1`), {
      ...{ method: 'POST', body: '{"a":1}', redirect: 'manual', headers: new Headers({ 'X-One': '1' }) },
      ...init,
    })

  it('sends method, path, headers and body, and gives status, headers and body', async () => {
    upstream.script({ status: 201, headers: { 'X-Two': '2' }, body: { ok: true } })
    const response = await post()
    expect(response).toBeInstanceOf(Response)
    expect([response.status, response.ok, response.headers.get('x-two')]).toEqual([201, true, '2'])
    expect(await response.json()).toEqual({ ok: true })
    expect(response.bodyUsed).toBe(true)
    expect(upstream.arrived[0]).toMatchObject({ method: 'POST', path: '/mcp?x=1', text: '{"a":1}' })
    expect(upstream.arrived[0]!.headers).toMatchObject({ 'x-one': '1', 'user-agent': 'node' })
  })

  it('reads a body in every form, but once', async () => {
    upstream.script({ body: 'hälló' })
    const bytes = Buffer.from('hälló')
    expect(await (await post()).text()).toBe('hälló')
    expect(Buffer.from(await (await post()).arrayBuffer())).toEqual(bytes)
    expect(Buffer.from(await (await post()).bytes())).toEqual(bytes)
    expect(await (await (await post()).blob()).text()).toBe('hälló')
    expect(await (await post()).clone().text()).toBe('hälló')
    const response = await post()
    await response.text()
    await expect(response.text()).rejects.toThrow('has been read')
    expect(() => response.body).toThrow('has been read')
  })

  it('gives the pieces of a stream as they come', async () => {
    upstream.script({
      headers: { 'content-type': 'text/event-stream' },
      pieces: ['data: 1\n\n', 'data: 2\n\n'],
      hangs: true,
    })
    const response = await post()
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (!text.includes('2')) text += (await reader.read()).value
    expect(text).toBe('data: 1\n\ndata: 2\n\n')
    await reader.cancel()
    await upstream.arrived[0]!.abandoned
  })

  it('unzips what the server has zipped', async () => {
    upstream.script({ headers: { 'content-encoding': 'gzip' }, body: gzipSync('{"a":1}') })
    expect(await (await post()).json()).toEqual({ a: 1 })
    expect(upstream.arrived[0]!.headers['accept-encoding']).toBe('gzip')
  })

  it('gives a redirect as it is, and an answer that has no body', async () => {
    upstream.script({ status: 307, headers: { location: '/other' }, body: '' }, { status: 204, body: '' })
    const redirect = await post()
    expect([redirect.status, redirect.headers.get('location')]).toEqual([307, '/other'])
    const empty = await post()
    expect([empty.status, empty.body]).toEqual([204, null])
  })

  it('rejects with the reason of its signal, whenever that aborts', async () => {
    const reason = new Error('enough')
    upstream.script({ body: 'late', delay: 60_000 }, { pieces: ['{'], hangs: true })
    await expect(post({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const early = new AbortController()
    const waiting = post({ signal: early.signal })
    await expect.poll(() => upstream.arrived.length).toBe(1)
    early.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    const late = new AbortController()
    const response = await post({ signal: late.signal })
    const text = response.text()
    late.abort(reason)
    await expect(text).rejects.toBe(reason)
  })

  it('does not listen to its signal any more when the answer is there', async () => {
    upstream.script({ body: 'done' })
    const { signal } = new AbortController()
    await (await post({ signal })).text()
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('rejects as fetch does when the server cannot be reached, or dies', async () => {
    upstream.script({ pieces: ['{'], dies: true })
    const response = await post()
    await expect(response.json()).rejects.toMatchObject({ name: 'TypeError', cause: { kind: 'upstream_unreachable' } })
    const away = transport.fetchWith(undefined)('http://127.0.0.1:1/', { redirect: 'manual' })
    await expect(away).rejects.toMatchObject({ name: 'TypeError', cause: { kind: 'upstream_unreachable' } })
  })

  it('leaves to another what follows redirects, or sends more than a text', async () => {
    const asked: (RequestInit | undefined)[] = []
    const other = async (_input: unknown, init?: RequestInit) => {
      asked.push(init)
      return new Response('other')
    }
    const fetch = fetchOver(() => Promise.reject(new Error('not here')), other)
    const inits: RequestInit[] = [
      {},
      { redirect: 'follow' },
      { redirect: 'manual', method: 'POST', body: new URLSearchParams('a=1') },
      { redirect: 'manual', method: 'HEAD' },
    ]
    for (const init of inits) expect(await (await fetch(upstream.url, init)).text()).toBe('other')
    expect(asked).toEqual(inits)
  })
})
