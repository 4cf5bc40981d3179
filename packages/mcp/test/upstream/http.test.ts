import type { JsonObject } from '@tianjillm/core'
import { listen, newerHttp, olderHttp, olderSse, shut, someTools } from '@tianjillm/testing-mcp'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eager, house, http, names, started, until } from './house.ts'
import { anyone } from './peers.ts'

const kinds = [
  ['Streamable HTTP up to 2025-11-25', olderHttp],
  ['HTTP with server-sent events', olderSse],
  ['Streamable HTTP of 2026-07-28', newerHttp],
] as const

describe.each(kinds)('a server with %s', (_kind, start) => {
  test('is found without being told its transport, and asked for all its pages', async () => {
    const server = await started(start())
    const { upstream } = house(http(server.url))
    const offer = await upstream.offer()
    expect(names(offer.tools)).toEqual(someTools)
    expect(offer.instructions).toMatch(/^Be /)
    expect(upstream.health.status).toBe('healthy')
  })

  test('answers calls', async () => {
    const server = await started(start())
    const conversation = await house(http(server.url)).upstream.open(anyone)
    const result = await conversation.request('tools/call', { name: 'echo', arguments: { text: 'hi' } })
    expect(result.content).toEqual([{ type: 'text', text: 'hi' }])
  })

  test('hears that a call is not wanted any more', async () => {
    const server = await started(start())
    const conversation = await house(http(server.url)).upstream.open(anyone)
    const controller = new AbortController()
    const call = conversation.request('tools/call', { name: 'wait' }, { signal: controller.signal })
    await server.seen.begun.promise
    controller.abort()
    await expect(call).rejects.toMatchObject({ kind: 'client_closed' })
    await server.seen.cancelled.promise
  })

  test('is given up after its time, and hears of it', async () => {
    const server = await started(start())
    const conversation = await house(http(server.url), { timeout: 500, listTimeout: 10_000 }).upstream.open(anyone)
    await expect(conversation.request('tools/call', { name: 'wait' })).rejects.toMatchObject({
      kind: 'upstream_timeout',
      message: 'The MCP server docs did not answer within 0.5 s.',
    })
    await server.seen.cancelled.promise
  })

  test('fails calls at once when it dies, and is found again', async () => {
    const server = await started(start())
    const { upstream } = house(http(server.url))
    const offer = await upstream.offer()
    const conversation = await upstream.open(anyone)
    const call = conversation.request('tools/call', { name: 'wait' })
    await server.seen.begun.promise
    await server.die()
    await expect(call).rejects.toMatchObject({ kind: 'upstream_unreachable' })
    await expect(conversation.request('tools/call', { name: 'echo' })).rejects.toMatchObject({
      kind: 'upstream_unreachable',
    })
    expect(await upstream.offer()).toBe(offer)
    expect(upstream.health).toMatchObject({ status: 'unhealthy', failure: expect.stringContaining('docs') })
    await server.revive()
    await until(upstream, () => upstream.health.status === 'healthy')
    const result = await conversation.request('tools/call', { name: 'echo', arguments: { text: 'back' } })
    expect(result.content).toEqual([{ type: 'text', text: 'back' }])
  })
})

describe('a server that does not answer', () => {
  test('is waited for no longer than its deadline, and says why it cannot be used', async () => {
    const { server, port } = await listen(() => {})
    onTestFinished(() => shut(server))
    const { upstream } = house(http(`http://127.0.0.1:${port}/mcp`), { listTimeout: 50 })
    await expect(upstream.offer()).rejects.toMatchObject({ kind: 'upstream_unreachable' })
    expect(upstream.health).toMatchObject({ status: 'unhealthy', failure: expect.stringContaining('within 0.05 s') })
    expect(upstream.known).toBeUndefined()
  })

  test('is waited for by no more than may wait', async () => {
    const server = await started(olderHttp())
    const conversation = await house(http(server.url), { concurrency: 1, timeout: 1000 }).upstream.open(anyone)
    const first = conversation.request('tools/call', { name: 'wait' })
    const rejected = expect(first).rejects.toMatchObject({ kind: 'upstream_timeout' })
    await server.seen.begun.promise
    const second = conversation.request('tools/call', { name: 'echo' }, { timeout: 1 })
    await expect(second).rejects.toMatchObject({
      kind: 'overloaded',
      message: 'The MCP server docs is busy. Try again later.',
    })
    await rejected
    expect(server.seen.called).toEqual(['wait'])
  })

  test('is tried in the background until it is there', async () => {
    const server = await started(olderHttp())
    await server.die()
    const { upstream } = house(http(server.url))
    await expect(upstream.offer()).rejects.toThrow('The MCP server docs cannot be reached.')
    await server.revive()
    await until(upstream, () => upstream.health.status === 'healthy')
    expect(names((await upstream.offer()).tools)).toEqual(someTools)
  })

  test('is not asked again while it is known to be away for long', async () => {
    const server = await started(olderHttp())
    await server.die()
    const { upstream } = house(http(server.url), {}, { ...eager, firstPause: 15_000, longestPause: 15_000 })
    await expect(upstream.offer()).rejects.toThrow('The MCP server docs cannot be reached.')
    await expect(upstream.offer()).rejects.toThrow(
      /^The MCP server docs cannot be reached. It is tried again in 1[45] s.$/,
    )
  })
})

test('a server without a stream of its own is not taken for one that has gone', async () => {
  const server = await started(olderHttp(undefined, false))
  const { upstream } = house(http(server.url))
  await upstream.offer()
  const conversation = await upstream.open(anyone)
  await conversation.request('tools/call', { name: 'echo' })
  await conversation.request('tools/call', { name: 'echo' })
  expect(server.headers.filter((headers) => headers['mcp-session-id'] === undefined)).toHaveLength(2)
})

describe('a session', () => {
  test.each([
    { status: 404, text: 'gone' },
    { status: 400, text: '{"error":{"message":"Bad Request: No valid session ID provided"}}' },
  ])('that the server answers with $status is begun anew, once for all calls', async (forgotten) => {
    const server = await started(olderHttp(forgotten))
    const conversation = await house(http(server.url)).upstream.open(anyone)
    await conversation.request('tools/call', { name: 'echo' })
    server.forgetSessions()
    const before = server.headers.filter((headers) => headers['mcp-session-id'] === undefined).length
    const call = (text: string) => conversation.request('tools/call', { name: 'echo', arguments: { text } })
    const results = await Promise.all([call('a'), call('b'), call('c')])
    expect(results.map(({ content }) => content)).toEqual(['a', 'b', 'c'].map((text) => [{ type: 'text', text }]))
    expect(server.seen.called).toHaveLength(4)
    // One greeting of the newer kind and one of the older, not three of each.
    expect(server.headers.filter((headers) => headers['mcp-session-id'] === undefined).length - before).toBeLessThan(3)
  })
})

describe('what a server answers', () => {
  test('passes as it is when it is an error', async () => {
    const server = await started(olderHttp())
    const conversation = await house(http(server.url)).upstream.open(anyone)
    await expect(conversation.request('tools/call', { name: 'refuse' })).rejects.toMatchObject({
      name: 'McpServerError',
      code: -32050,
      message: 'not today',
      data: { day: 'Sunday' },
    })
  })

  test.each([olderHttp, newerHttp])('passes as it is when it does not know the method', async (start) => {
    const server = await started(start())
    const conversation = await house(http(server.url)).upstream.open(anyone)
    await expect(conversation.request('resources/list', {})).rejects.toMatchObject({
      name: 'McpServerError',
      code: -32601,
    })
    expect(server.seen.called).toEqual([])
  })

  test('drops what is known of it when a tool is gone', async () => {
    const server = await started(olderHttp())
    const { upstream } = house(http(server.url))
    await upstream.offer()
    let changes = 0
    upstream.onChange(() => {
      changes += 1
    })
    const conversation = await upstream.open(anyone)
    await expect(conversation.request('tools/call', { name: 'gone' })).rejects.toMatchObject({ code: -32602 })
    expect(changes).toBe(1)
  })

  test('may be a list that changed', async () => {
    const server = await started(olderHttp())
    const { upstream } = house(http(server.url))
    await upstream.offer()
    const { promise, resolve } = Promise.withResolvers<void>()
    upstream.onChange(resolve)
    const conversation = await upstream.open({ ...anyone, notify: () => {} })
    await conversation.request('tools/call', { name: 'grow' })
    await promise
    await upstream.offer()
  })

  test('may be a list that changed, to those who listen', async () => {
    const server = await started(newerHttp())
    const { upstream } = house(http(server.url))
    await upstream.offer()
    let changes = 0
    upstream.onChange(() => {
      changes += 1
    })
    // The server learns some time after its greeting that somebody listens.
    const again = setInterval(() => server.offer(['other']), 10)
    await until(upstream, () => changes > 0)
    clearInterval(again)
    expect(names((await upstream.offer()).tools)).toEqual(['other'])
  })
})

describe('arguments', () => {
  test('that a newer server wants as headers go there as well', async () => {
    const server = await started(newerHttp())
    const { upstream } = house(http(server.url))
    await upstream.offer()
    const conversation = await upstream.open(anyone)
    const result = await conversation.request('tools/call', { name: 'echo', arguments: { text: 'hi' } })
    expect(result.content).toEqual([{ type: 'text', text: 'hi' }])
    expect(server.headers.at(-1)).toMatchObject({ 'mcp-param-text': 'hi' })
  })
})

describe('progress', () => {
  test('lets a call take longer than its time', async () => {
    const server = await started(olderHttp())
    const conversation = await house(http(server.url), { timeout: 1000 }).upstream.open(anyone)
    const { content } = await conversation.request('tools/call', { name: 'slow' }, { onProgress: () => {} })
    expect(content).toEqual([{ type: 'text', text: 'at last' }])
  })

  test('is told to whoever asked', async () => {
    const server = await started(olderHttp())
    const conversation = await house(http(server.url)).upstream.open(anyone)
    const heard: JsonObject[] = []
    await conversation.request(
      'tools/call',
      { name: 'work', _meta: { progressToken: 'of the client' } },
      { onProgress: (progress) => heard.push(progress) },
    )
    expect(heard.map(({ progress }) => progress)).toEqual([1, 2, 3])
  })
})

describe('a client that can be asked', () => {
  const someone = {
    capabilities: { elicitation: {} },
    request: async (method: string, params: JsonObject) => ({
      action: 'accept',
      content: { method, message: params.message },
    }),
    notify: undefined,
  }

  test('is asked by an older server', async () => {
    const server = await started(olderHttp())
    const conversation = await house(http(server.url)).upstream.open(someone)
    const { content } = await conversation.request('tools/call', { name: 'ask' })
    expect(JSON.stringify(content)).toContain('elicitation/create')
    expect(JSON.stringify(content)).toContain('Your name?')
  })

  test('is asked by a newer server, which asks the gateway for input', async () => {
    const server = await started(newerHttp())
    const conversation = await house(http(server.url)).upstream.open(someone)
    const { content } = await conversation.request('tools/call', { name: 'ask' })
    expect(JSON.stringify(content)).toContain('elicitation/create')
  })

  test('is told what the server says, and nobody else is', async () => {
    const server = await started(olderHttp())
    const { upstream } = house(http(server.url))
    const told: string[] = []
    const bystander: string[] = []
    const conversation = await upstream.open({ ...someone, notify: (method) => told.push(method) })
    await upstream.open({ ...someone, notify: (method) => bystander.push(method) })
    await conversation.request('tools/call', { name: 'log' })
    await expect.poll(() => told).toEqual(['notifications/message'])
    expect(bystander).toEqual([])
  })
})

describe('a client of a newer revision', () => {
  test('gets the question of a newer server as an answer, and answers it', async () => {
    const server = await started(newerHttp())
    const conversation = await house(http(server.url)).upstream.open({ ...anyone, capabilities: { elicitation: {} } })
    const question = await conversation.request('tools/call', { name: 'ask' })
    expect(question).toMatchObject({ resultType: 'input_required', inputRequests: { name: {} } })
    const { content } = await conversation.request('tools/call', {
      name: 'ask',
      inputResponses: { name: { action: 'accept', content: { name: 'Ada' } } },
    })
    expect(JSON.stringify(content)).toContain('Ada')
  })

  test('is not asked for what it cannot do', async () => {
    const server = await started(newerHttp())
    const conversation = await house(http(server.url)).upstream.open(anyone)
    const { content } = await conversation.request('tools/call', {
      name: 'ask',
      _meta: { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } },
    })
    expect(content).toEqual([{ type: 'text', text: 'nobody to ask' }])
  })
})
