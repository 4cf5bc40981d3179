import { clientBy, fakeServer, type House, type HouseSettings, houseOf, offerOf, toolOf } from '@tianjillm/testing-mcp'
import { afterEach, expect, test } from 'vitest'

const keys = { a: { id: 'a', filter: {} }, b: { id: 'b', filter: {} } }
const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

const server = () => fakeServer('s', { tools: [toolOf('a')] })

async function house(settings: HouseSettings = {}, upstream = server()): Promise<House> {
  const built = await houseOf([upstream], { keys, ...settings })
  open.push(built)
  return built
}

const initialize = {
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
}

interface Raw {
  readonly key?: string
  readonly session?: string | undefined
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
}

function send({ url }: House, body: object | undefined, { key = 'a', session, method = 'POST', headers }: Raw = {}) {
  return fetch(`${url}/mcp`, {
    method,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'x-key': key,
      ...(session !== undefined && { 'mcp-session-id': session }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...body }) }),
  })
}

async function begin(at: House, key = 'a'): Promise<string> {
  const response = await send(at, initialize, { key })
  await response.text()
  return response.headers.get('mcp-session-id')!
}

async function statusOf(response: Promise<Response>): Promise<number> {
  const { status, body } = await response
  await body?.cancel()
  return status
}

const list = { method: 'tools/list' }

test("a session answers to nobody but who began it, for whom another's is one that is not there", async () => {
  const at = await house()
  const session = await begin(at)
  expect(await statusOf(send(at, list, { session }))).toBe(200)
  const theirs = await send(at, list, { session, key: 'b' })
  const nobodys = await send(at, list, { session: 'none', key: 'b' })
  expect([theirs.status, await theirs.text()]).toEqual([404, await nobodys.text()])
  for (const method of ['GET', 'DELETE'])
    expect(await statusOf(send(at, undefined, { session, key: 'b', method }))).toBe(404)
  expect(await statusOf(send(at, list, { session }))).toBe(200)
})

test('DELETE ends a session', async () => {
  const at = await house()
  const session = await begin(at)
  expect(await statusOf(send(at, undefined, { session, method: 'DELETE' }))).toBe(200)
  expect(await statusOf(send(at, list, { session }))).toBe(404)
})

test('without a session only its beginning is answered', async () => {
  const at = await house()
  expect(await statusOf(send(at, list))).toBe(400)
  expect(await statusOf(send(at, undefined, { method: 'GET' }))).toBe(400)
})

test('what is no JSON-RPC is refused, and no session is left of it', async () => {
  const at = await house({ sessions: { most: 1 } })
  expect(await statusOf(send(at, { method: 'initialize', params: 1 }))).toBe(400)
  expect(await begin(at)).toBeTruthy()
})

test('a greeting begins a session also when it names an older revision in its metadata', async () => {
  const at = await house()
  const _meta = { 'io.modelcontextprotocol/protocolVersion': '2025-06-18' }
  const response = await send(at, { ...initialize, params: { ...initialize.params, _meta } })
  expect([response.status, response.headers.get('mcp-session-id')]).toEqual([200, expect.any(String)])
  await response.text()
})

test('a new session takes the place of the one that was idle longest, of the same client first', async () => {
  const at = await house({ sessions: { mostPerOwner: 2, most: 3 } })
  const others = await begin(at, 'b')
  const [first, second] = [await begin(at), await begin(at)]
  await statusOf(send(at, list, { session: first }))
  const third = await begin(at)
  const statuses = [first, second, third].map((session) => statusOf(send(at, list, { session })))
  expect(await Promise.all(statuses)).toEqual([200, 404, 200])
  expect(await statusOf(send(at, list, { session: others, key: 'b' }))).toBe(200)
})

test('sessions in use are not ended; whoever wants one more is asked to wait', async () => {
  const at = await house({ sessions: { mostPerOwner: 1 } })
  const session = await begin(at)
  const stream = await send(at, undefined, { session, method: 'GET' })
  const refused = await send(at, initialize)
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '10'])
  await stream.body!.cancel()
})

test('a session without a request for so long ends', async () => {
  const at = await house({ sessions: { idleTime: 1 } })
  const session = await begin(at)
  await expect.poll(() => statusOf(send(at, list, { session })), { interval: 20 }).toBe(404)
})

test('a client that comes back hears what it missed, and nothing of another session', async () => {
  const upstream = server()
  const at = await house({}, upstream)
  const [session, other] = [await begin(at), await begin(at)]
  for (const one of [session, other])
    await send(at, { method: 'notifications/initialized', id: undefined }, { session: one })
  const stream = await send(at, undefined, { session, method: 'GET' })
  const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader()
  upstream.set({ offer: offerOf({ tools: [toolOf('b')] }) })
  const { value = '' } = await reader.read()
  await reader.cancel()
  const [, id = ''] = /^id: (.+)$/m.exec(value) ?? []
  expect(value).toContain('notifications/tools/list_changed')
  upstream.set({ offer: offerOf({ prompts: [{ name: 'p' }], tools: [toolOf('b')] }) })
  const resume = (which: string) =>
    send(at, undefined, { session: which, method: 'GET', headers: { 'last-event-id': id } })
  let back = await resume(session)
  // The server may not have seen yet that the first stream is gone.
  while (back.status === 409) back = await resume(session)
  const { value: missed } = await back.body!.pipeThrough(new TextDecoderStream()).getReader().read()
  expect(missed).toContain('notifications/prompts/list_changed')
  expect(await statusOf(resume(other))).toBe(400)
})

test('messages beside an event stream must come from who opened it', async () => {
  const at = await house()
  const stream = await fetch(`${at.url}/sse`, { headers: { 'x-key': 'a' } })
  const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader()
  const { value = '' } = await reader.read()
  const [, path] = /^data: (\S+)/m.exec(value) ?? []
  expect(path).toMatch(/^\/messages\?sessionId=[0-9a-f-]{36}$/)
  const post = (key: string, body: string) =>
    statusOf(fetch(`${at.url}${path}`, { method: 'POST', headers: { 'x-key': key }, body }))
  const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })
  expect([await post('b', ping), await post('a', '{}'), await post('a', ping)]).toEqual([404, 400, 202])
  await reader.cancel()
})

test('clients without sessions hear of changes too, each of its own lists', async () => {
  const upstream = server()
  const at = await house({ keys: { ...keys, b: { id: 'b', filter: { servers: [[]] } } } }, upstream)
  const [a, b] = [
    await clientBy('sdk 2 without sessions', at.url, { 'x-key': 'a' }),
    await clientBy('sdk 2 without sessions', at.url, { 'x-key': 'b' }),
  ]
  open.push(a, b)
  await Promise.all([a.listen(), b.listen()])
  const heard = a.next('notifications/tools/list_changed')
  upstream.set({ offer: offerOf({ tools: [toolOf('b')] }) })
  await heard
  expect(b.notifications).toEqual([])
})

test('lists may be kept by who asked for them alone, and not for long', async () => {
  const client = await clientBy('sdk 2 without sessions', (await house()).url)
  open.push(client)
  expect(await client.listTools()).toMatchObject({ cacheScope: 'private', ttlMs: 5_000 })
})

test('no more streams of changes than a client may have', async () => {
  const at = await house({ mostListeners: 1 })
  const client = await clientBy('sdk 2 without sessions', at.url, { 'x-key': 'a' })
  open.push(client)
  await client.listen()
  await expect(client.listen()).rejects.toThrow()
})
