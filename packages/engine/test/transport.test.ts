import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'
import { bytesOf, collect, type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Cancellation } from '../src/cancellation.ts'
import { nodeTransport } from '../src/node-transport.ts'
import type { RelayReply, Sink, Transport } from '../src/transport.ts'
import { webTransport } from '../src/web-transport.ts'

const transports: readonly (readonly [string, () => Transport])[] = [
  ['the node transport', nodeTransport],
  ['the web transport', () => webTransport()],
]

describe.each(transports)('%s', (_name, create) => {
  let upstream: FakeUpstream
  let transport: Transport
  beforeAll(async () => {
    upstream = await fakeUpstream()
    transport = create()
  })
  afterAll(async () => {
    await transport.close()
    await upstream.close()
  })

  const send = (
    changes: {
      url?: string
      body?: string | Uint8Array | FormData
      cancellation?: Cancellation
      timeout?: number
    } = {},
  ) =>
    transport.send(
      {
        method: 'POST',
        url: changes.url ?? `${upstream.url}/v1/x?y=1`,
        headers: { 'x-one': '1' },
        body: changes.body ?? 'hello',
      },
      { provider: 'acme', cancellation: changes.cancellation ?? new Cancellation(), timeout: changes.timeout ?? 5_000 },
    )
  const piped = (reply: RelayReply, write: (piece: Uint8Array) => boolean = () => true) =>
    new Promise<string>((resolve, reject) => {
      const pieces: Uint8Array[] = []
      const sink: Sink = {
        write: (piece) => {
          pieces.push(piece.slice())
          return write(piece)
        },
        end: () => resolve(Buffer.concat(pieces).toString()),
        fail: reject,
      }
      reply.pipe(sink)
    })

  it('sends method, path, headers and body, and reads head and body', async () => {
    upstream.script({ status: 201, headers: { 'X-Two': '2' }, body: { ok: true } })
    const reply = await send()
    expect(reply.status).toBe(201)
    expect(reply.headers.get('x-two')).toBe('2')
    expect(reply.headers.get('X-TWO')).toBe('2')
    expect(reply.headers.get('nope')).toBeUndefined()
    expect(await reply.json()).toEqual({ ok: true })
    expect(upstream.arrived[0]).toMatchObject({ method: 'POST', path: '/v1/x?y=1', text: 'hello' })
    expect(upstream.arrived[0]!.headers['x-one']).toBe('1')
  })

  it('sends bytes as they are, and forms with their boundary', async () => {
    upstream.script({ body: {} })
    const bytes = new Uint8Array([0, 255, 13, 10])
    await (await send({ body: bytes })).bytes()
    expect([...upstream.arrived[0]!.body]).toEqual([0, 255, 13, 10])
    const form = new FormData()
    form.append('file', new Blob([bytes]), 'a.bin')
    await (await send({ body: form })).bytes()
    const { headers, body } = upstream.arrived[1]!
    const arrived = await new Response(new Uint8Array(body), {
      headers: { 'content-type': headers['content-type']! },
    }).formData()
    expect([...new Uint8Array(await (arrived.get('file') as File).arrayBuffer())]).toEqual([0, 255, 13, 10])
  })

  it('gives a body piece by piece, both read and piped', async () => {
    upstream.script({ pieces: ['a', 'b', 'c'], pause: 20 })
    const read = await collect((await send()).body)
    expect(Buffer.concat(read.map((piece) => Buffer.from(piece))).toString()).toBe('abc')
    expect(read.length).toBeGreaterThan(1)
    expect(await piped(await send())).toBe('abc')
  })

  it('goes on when a full sink has room again', async () => {
    upstream.script({ pieces: Array.from({ length: 20 }, (_, index) => `${index};`), pause: 2 })
    const reply = await send()
    const text = await piped(reply, () => {
      setTimeout(() => reply.resume(), 5)
      return false
    })
    expect(text).toBe(Array.from({ length: 20 }, (_, index) => `${index};`).join(''))
  })

  it('says who cannot be reached', async () => {
    await expect(send({ url: 'http://127.0.0.1:1/' })).rejects.toMatchObject({
      kind: 'upstream_unreachable',
      message: expect.stringMatching(/^acme: cannot reach http:\/\/127\.0\.0\.1:1\. .*\(/),
    })
  })

  it('says when an answer does not come in time', async () => {
    upstream.script({ delay: 3_000 })
    await expect(send({ timeout: 50 })).rejects.toMatchObject({
      kind: 'upstream_timeout',
      message: 'acme: no answer within 0.05 s.',
    })
  })

  it('says when an answer stands still in the middle', async () => {
    upstream.script({ pieces: ['half'], hangs: true })
    const late = { kind: 'upstream_timeout', message: expect.stringContaining('acme: no answer within') }
    await expect(send({ timeout: 50 }).then((reply) => reply.bytes())).rejects.toMatchObject(late)
  })

  it('says when an answer breaks off, read whole, in pieces or piped', async () => {
    upstream.script({ pieces: ['half'], dies: true })
    const broken = {
      kind: 'upstream_unreachable',
      message: expect.stringContaining('broke in the middle of the answer'),
    }
    await expect(send().then((reply) => reply.bytes())).rejects.toMatchObject(broken)
    await expect(send().then((reply) => collect(reply.body))).rejects.toMatchObject(broken)
    await expect(send().then((reply) => piped(reply))).rejects.toMatchObject(broken)
  })

  it('stops when it is cancelled: before, while waiting and in the middle', async () => {
    upstream.script({ delay: 3_000 })
    const early = new Cancellation()
    early.abort('gone')
    await expect(send({ cancellation: early })).rejects.toMatchObject({ kind: 'client_closed' })
    expect(upstream.arrived.length).toBe(0)

    const waiting = new Cancellation()
    const pending = send({ cancellation: waiting }).catch((error: unknown) => error)
    await expect.poll(() => upstream.arrived.length).toBe(1)
    waiting.abort('gone')
    expect(await pending).toMatchObject({ kind: 'client_closed' })
    await upstream.arrived[0]!.abandoned

    upstream.script({ pieces: ['half'], hangs: true })
    const middle = new Cancellation()
    const reply = await send({ cancellation: middle })
    const reading = collect(reply.body).catch((error: unknown) => error)
    setTimeout(() => middle.abort('gone'), 20)
    expect(await reading).toMatchObject({ kind: 'client_closed' })
    await upstream.arrived[0]!.abandoned
  })

  it('ends the connection when the reader stops reading', async () => {
    upstream.script({ pieces: ['a', 'b'], pause: 20, hangs: true })
    const reply = await send()
    for await (const _piece of reply.body) break
    await upstream.arrived[0]!.abandoned
  })

  it('calls a broken answer broken, without its words', async () => {
    upstream.script({ body: '{"secret":' })
    const error = await send()
      .then((reply) => reply.json())
      .catch((reason: Error) => reason)
    expect(error).toMatchObject({ kind: 'upstream_invalid_response' })
    expect((error as Error).message).not.toContain('secret')
  })

  it('follows no redirects', async () => {
    upstream.script({ status: 302, headers: { location: 'http://127.0.0.1:1/elsewhere' }, body: '' })
    expect((await send()).status).toBe(302)
    expect(upstream.arrived.length).toBe(1)
  })
})

describe('the node transport', () => {
  it('reads no further than a full sink allows', async () => {
    const upstream = await fakeUpstream()
    const transport = nodeTransport()
    const megabyte = 'x'.repeat(1024 * 1024)
    upstream.script({ pieces: Array(64).fill(megabyte) })
    const reply = await transport.send(
      { method: 'POST', url: upstream.url, headers: {} },
      { provider: 'acme', cancellation: new Cancellation(), timeout: 5_000 },
    )
    let taken = 0
    const ended = new Promise<void>((resolve, reject) => {
      reply.pipe({
        write: (piece) => {
          taken += piece.length
          return false
        },
        end: resolve,
        fail: reject,
      })
    })
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(taken).toBeLessThan(4 * 1024 * 1024)
    const timer = setInterval(() => reply.resume(), 0)
    await ended
    clearInterval(timer)
    expect(taken).toBe(64 * 1024 * 1024)
    await transport.close()
    await upstream.close()
  })

  it('survives vendors that talk nonsense', async () => {
    const nonsense = [
      'GARBAGE\r\n\r\n',
      'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
      '',
    ]
    let turn = 0
    const server: Server = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end(bytesOf(nonsense[turn++ % nonsense.length]!)))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const transport = nodeTransport()
    for (const _ of nonsense)
      await expect(
        transport
          .send(
            { method: 'GET', url, headers: {} },
            { provider: 'acme', cancellation: new Cancellation(), timeout: 5_000 },
          )
          .then((reply) => reply.bytes()),
      ).rejects.toMatchObject({ kind: 'upstream_unreachable' })
    await transport.close()
    server.close()
  })

  it('gives a fetch with certificate settings of its own, and closes what that opened', async () => {
    const upstream = await fakeUpstream()
    upstream.script({ body: 'found' })
    const transport = nodeTransport()
    const fetch = transport.fetchWith({ verify: false })
    expect(await (await fetch(upstream.url)).text()).toContain('found')
    await transport.close()
    await expect(fetch(upstream.url)).rejects.toThrow('fetch failed')
    await upstream.close()
  })

  it('waits no longer than it may for a call under way when it closes', async () => {
    const upstream = await fakeUpstream()
    upstream.script({ hangs: true, body: 'one' }, { delay: 60_000, body: 'two' })
    const transport = nodeTransport()
    const send = () =>
      transport.send(
        { method: 'GET', url: upstream.url, headers: {} },
        { provider: 'acme', cancellation: new Cancellation(), timeout: 60_000 },
      )
    const reading = (await send()).bytes().catch((error) => error)
    const waiting = send().catch((error) => error)
    await expect.poll(() => upstream.arrived).toHaveLength(2)
    await transport.close(50)
    expect(await Promise.all([reading, waiting])).toMatchObject([
      { kind: 'upstream_unreachable' },
      { kind: 'upstream_unreachable' },
    ])
    await upstream.close()
  })

  it('does not queue: a hundred slow answers run side by side', async () => {
    const upstream = await fakeUpstream()
    const transport = nodeTransport()
    let most = 0
    let now = 0
    upstream.script(async () => {
      most = Math.max(most, ++now)
      await new Promise((resolve) => setTimeout(resolve, 300))
      now--
      return { body: {} }
    })
    const one = () =>
      transport
        .send(
          { method: 'POST', url: upstream.url, headers: {}, body: '{}' },
          { provider: 'acme', cancellation: new Cancellation(), timeout: 5_000 },
        )
        .then((reply) => reply.json())
    await Promise.all(Array.from({ length: 100 }, one))
    expect(most).toBeGreaterThan(80)
    await transport.close()
    await upstream.close()
  })
})
