import type { ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { listen, newerHttp, olderHttp, olderSse, shut } from '@tianjillm/testing-mcp'
import { expect, onTestFinished, test } from 'vitest'
import { house, http, started, until } from './house.ts'
import { anyone } from './peers.ts'

interface Asked {
  readonly id?: number
  readonly method: string
  readonly params?: Readonly<Record<string, unknown>>
}

/** An older server that greets, and answers calls as it is told. */
async function byHand(answer: (call: Asked, outgoing: ServerResponse) => void): Promise<string> {
  const { server, port } = await listen(async (incoming, outgoing) => {
    if (incoming.method !== 'POST') return void outgoing.writeHead(405).end()
    const asked = (await json(incoming)) as Asked
    if (asked.method === 'tools/call') return answer(asked, outgoing)
    if (asked.id === undefined) return void outgoing.writeHead(202).end()
    const result = { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: { name: 'hand', version: '1' } }
    const isGreeting = asked.method === 'initialize'
    outgoing
      .writeHead(isGreeting ? 200 : 400, { 'content-type': 'application/json', 'mcp-session-id': 'one' })
      .end(JSON.stringify(isGreeting ? { jsonrpc: '2.0', id: asked.id, result } : {}))
  })
  onTestFinished(() => shut(server))
  return `http://127.0.0.1:${port}/mcp`
}

const events = { 'content-type': 'text/event-stream' }

test('a stream that ends without the answer fails its call at once, and no other', async () => {
  let held: (() => void) | undefined
  const both = Promise.withResolvers<void>()
  const url = await byHand(({ id, params }, outgoing) => {
    outgoing.writeHead(200, events).flushHeaders()
    if (params?.name === 'stay') {
      held = () => outgoing.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result: { content: [] } })}\n\n`)
      both.resolve()
    } else void both.promise.then(() => outgoing.end())
  })
  const { upstream } = house(http(url))
  const conversation = await upstream.open(anyone)
  const leaving = conversation.request('tools/call', { name: 'leave' })
  const staying = conversation.request('tools/call', { name: 'stay' })
  await expect(leaving).rejects.toMatchObject({
    kind: 'upstream_unreachable',
    message: 'The MCP server docs went away before it answered.',
  })
  held?.()
  expect(await staying).toEqual({ content: [] })
  expect(upstream.health.status).toBe('healthy')
})

test('the stream of a call that is not wanted any more is let go of', async () => {
  const begun = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<void>()
  const url = await byHand((_asked, outgoing) => {
    outgoing.writeHead(200, events).flushHeaders()
    outgoing.on('close', closed.resolve)
    begun.resolve()
  })
  const conversation = await house(http(url)).upstream.open(anyone)
  const controller = new AbortController()
  const call = conversation.request('tools/call', { name: 'wait' }, { signal: controller.signal })
  await begun.promise
  controller.abort()
  await expect(call).rejects.toMatchObject({ kind: 'client_closed' })
  await closed.promise
})

test('a server is not asked to tell of progress that nobody wants to hear, and not told who the client is', async () => {
  const asked: Asked[] = []
  const url = await byHand((call, outgoing) => {
    asked.push(call)
    outgoing
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ jsonrpc: '2.0', id: call.id, result: {} }))
  })
  const conversation = await house(http(url)).upstream.open(anyone)
  await conversation.request('tools/call', {
    name: 'work',
    _meta: {
      progressToken: 7,
      'io.modelcontextprotocol/clientInfo': { name: 'client' },
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      traceparent: '00-1-1-00',
    },
  })
  expect(asked[0]?.params).toEqual({ name: 'work', _meta: { traceparent: '00-1-1-00' } })
})

test.each([olderHttp, olderSse, newerHttp])('that a server has gone is known before anybody asks it', async (start) => {
  const server = await started(start())
  const { upstream } = house(http(server.url))
  await upstream.offer()
  // It hears of its listeners soon after the greeting; until then there is nothing that could end.
  await expect.poll(() => server.streams).toBeGreaterThan(0)
  await server.die()
  await until(upstream, () => upstream.health.status === 'unhealthy')
})

test('a session that was its stream is not taken up again without a greeting', async () => {
  const server = await started(olderSse())
  const { upstream } = house(http(server.url))
  await upstream.offer()
  server.cut()
  await until(upstream, () => upstream.health.status === 'unhealthy')
  const conversation = await upstream.open(anyone)
  const { content } = await conversation.request('tools/call', { name: 'echo', arguments: { text: 'again' } })
  expect(content).toEqual([{ type: 'text', text: 'again' }])
})

test.each(['http', 'sse'] as const)('a server that never greets is not waited for (%s)', async (type) => {
  const { server, port } = await listen(() => {})
  onTestFinished(() => shut(server))
  const { upstream } = house(http(`http://127.0.0.1:${port}/`, { type }), { listTimeout: 50 })
  const conversation = await upstream.open(anyone)
  await expect(conversation.request('tools/call', { name: 'echo' })).rejects.toMatchObject({
    kind: 'upstream_timeout',
    message: 'The MCP server docs did not answer within 0.05 s.',
  })
})
