import { request } from 'node:http'
import { type AnyClient, clientBy, fakeServer, type House, houseOf, toolOf, ways } from '@tianjillm/testing-mcp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Started } from '../src/index.ts'
import { MASTER_KEY, startGateway } from './support.ts'

let houses: readonly House[]
let gateway: Started

beforeAll(async () => {
  houses = await Promise.all(
    ['search', 'files', 'notes', 'mail'].map((name) =>
      houseOf([fakeServer('s', { tools: [toolOf(name), toolOf('all')] })], { catalogued: { separator: '_' } }),
    ),
  )
  const [search, files, notes, mail] = houses.map(({ url }) => url)
  gateway = await startGateway(`
general_settings: {master_key: ${MASTER_KEY}}
keys:
  - {key: sk-a, key_alias: a, metadata: {mcp: {servers: [search, public]}}}
  - {key: sk-b, key_alias: b, metadata: {mcp: {servers: [search, files], disallowed_tools: [s_all]}}}
  - {key: sk-once, key_alias: once, rpm_limit: 1}
  - {key: sk-chat, key_alias: chat, allowed_routes: [openai_routes]}
mcp_servers:
  search: {url: "${search}/mcp", alias: web, tags: [outside], description: Finds things.}
  files: {url: "${files}/sse", transport: sse}
  notes: {url: "${notes}/mcp", transport: http, access_groups: [public]}
  mail: {url: "${mail}/mcp", allow_all_keys: true, allowed_tools: [s_mail]}
  dead: {url: "http://127.0.0.1:1/mcp", transport: http}
`)
})

afterAll(async () => {
  await gateway.stop(1_000)
  await Promise.all(houses.map((house) => house.close()))
})

const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
const names = ({ tools }: { readonly tools: readonly { readonly name: string }[] }) => tools.map(({ name }) => name)

async function withClient<Result>(
  way: (typeof ways)[number],
  { key = MASTER_KEY, path, headers = {} }: { key?: string; path?: string; headers?: Record<string, string> },
  work: (client: AnyClient) => Promise<Result>,
): Promise<Result> {
  const client = await clientBy(way, gateway.url, { ...bearer(key), ...headers }, path)
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

const everything = [
  ...['web-s_search', 'web-s_all', 'files-s_files', 'files-s_all', 'notes-s_notes', 'notes-s_all', 'mail-s_mail'],
]

describe.each(ways)('%s', (way) => {
  test('finds the tools of four servers, hears of the fifth that is dead, and calls one', async () => {
    await withClient(way, {}, async (client) => {
      const list = await client.listTools()
      expect(names(list)).toEqual(everything)
      expect(list._meta).toMatchObject({ 'io.tianjillm/unavailable': ['dead'] })
      expect(await client.callTool('files-s_files', { path: '/' })).toMatchObject({
        content: [{ text: expect.stringContaining('"arguments":{"path":"/"}') }],
      })
    })
  })

  test('sees what its key may see, and calls nothing else', async () => {
    const seen = await Promise.all(
      ['sk-a', 'sk-b'].map((key) => withClient(way, { key }, async (client) => names(await client.listTools()))),
    )
    expect(seen).toEqual([
      ['web-s_search', 'web-s_all', 'notes-s_notes', 'notes-s_all', 'mail-s_mail'],
      ['web-s_search', 'files-s_files', 'mail-s_mail'],
    ])
    await withClient(way, { key: 'sk-b' }, (client) =>
      expect(client.callTool('notes-s_notes')).rejects.toMatchObject({ code: -32602 }),
    )
  })
})

test.each([
  ['/mcp/notes', {}, ['notes-s_notes', 'notes-s_all']],
  ['/notes/mcp', {}, ['notes-s_notes', 'notes-s_all']],
  ['/mcp/notes,files/', {}, ['files-s_files', 'files-s_all', 'notes-s_notes', 'notes-s_all']],
  ['/mcp/public', {}, ['notes-s_notes', 'notes-s_all']],
  ['/mcp/outside', {}, ['web-s_search', 'web-s_all']],
  ['/mcp/', {}, everything],
  ['/mcp', { 'x-mcp-servers': 'notes, search' }, ['web-s_search', 'web-s_all', 'notes-s_notes', 'notes-s_all']],
  ['/mcp', { 'x-mcp-servers': '' }, []],
  ['/mcp', { 'x-mcp-access-groups': 'public' }, ['notes-s_notes', 'notes-s_all']],
  ['/mcp/notes', { 'x-mcp-servers': 'search' }, ['notes-s_notes', 'notes-s_all']],
])('%s with the headers %o is narrowed to its servers', async (path, headers, expected) => {
  const found = await withClient('sdk 2 without sessions', { path, headers }, async (client) =>
    names(await client.listTools()),
  )
  expect(found).toEqual(expected)
})

test('a path widens no key, and one that names nothing known is not there', async () => {
  const found = await withClient('sdk 1 over http', { key: 'sk-a', path: '/mcp/files' }, (client) => client.listTools())
  expect(names(found)).toEqual([])
  const response = await post('/mcp/nothing', ping)
  expect([response.status, await response.json()]).toEqual([
    404,
    { error: expect.objectContaining({ code: 'not_found' }) },
  ])
})

const ping = { jsonrpc: '2.0', id: 1, method: 'ping' }

function post(path: string, body: unknown, headers: Record<string, string> = bearer(MASTER_KEY)): Promise<Response> {
  return fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

test.each(['/mcp', '/mcp/notes', '/notes/mcp', '/mcp/sse/messages', '/messages', '/mcp-rest/tools/call'])(
  '%s wants a key, JSON, and no page of another site',
  async (path) => {
    const refused = await post(path, ping, {})
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer resource_metadata="http/)
    expect((await post(path, '{')).status).toBe(path.includes('messages') ? 404 : 400)
    expect((await post(path, ping, { ...bearer(MASTER_KEY), 'content-type': 'text/plain' })).status).toBe(415)
    expect((await post(path, ping, { ...bearer(MASTER_KEY), origin: 'https://evil.example' })).status).toBe(403)
    expect((await post(path, ping, { ...bearer(MASTER_KEY), origin: 'null' })).status).toBe(403)
    expect((await post(path, ping, { ...bearer(MASTER_KEY), origin: 'http://localhost:3000' })).status).not.toBe(403)
  },
)

test('limits and routes of a key hold', async () => {
  await post('/mcp', ping, bearer('sk-once'))
  const second = await post('/mcp', ping, bearer('sk-once'))
  expect([second.status, second.headers.has('retry-after')]).toEqual([429, true])
  expect((await post('/mcp', ping, bearer('sk-chat'))).status).toBe(403)
})

test('a gateway without a key answers on this machine to its own names alone', async () => {
  const open = await startGateway(`mcp_servers: {search: {url: "${houses[0]!.url}/mcp"}}`)
  const statusFor = (host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const asking = request(`${open.url}/mcp-rest/tools/list`, { headers: { host } }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      asking.on('error', reject).end()
    })
  expect(await Promise.all(['evil.example', 'localhost', '127.0.0.1:99'].map(statusFor))).toEqual([403, 200, 200])
  await open.stop(1_000)
})

test('a gateway without MCP servers says so', async () => {
  const without = await startGateway(`general_settings: {master_key: ${MASTER_KEY}}`)
  const response = await fetch(`${without.url}/mcp`, { method: 'POST', headers: bearer(MASTER_KEY) })
  expect([response.status, await response.text()]).toEqual([
    404,
    expect.stringContaining('No MCP servers are configured'),
  ])
  await without.stop(1_000)
})

describe('over REST', () => {
  const list = async (query = '', key = MASTER_KEY) =>
    (await fetch(`${gateway.url}/mcp-rest/tools/list${query}`, { headers: bearer(key) })).json()
  const call = async (body: unknown, key = MASTER_KEY) => {
    const response = await post('/mcp-rest/tools/call', body, bearer(key))
    return [response.status, await response.json()] as const
  }

  test("tools have their servers' own names, and the list says what is missing", async () => {
    expect(await list()).toMatchObject({ error: 'partial_failure', message: expect.stringContaining('dead') })
    expect(await list('?server_id=search')).toEqual({
      tools: ['s_search', 's_all'].map((name) => ({
        ...toolOf(name, { description: `Does ${name.slice(2)}.` }),
        mcp_info: { server_name: 'search', description: 'Finds things.' },
      })),
      error: null,
      message: '2 tools',
    })
    expect(await list('?server_id=nothing')).toMatchObject({ tools: [], error: 'server_not_found' })
    expect(await list('?server_id=files', 'sk-a')).toMatchObject({ tools: [] })
  })

  test('a tool is called by its public name, or its own with its server', async () => {
    const expected = [200, { content: [{ type: 'text', text: expect.stringContaining('"arguments":{"a":1}') }] }]
    expect(await call({ name: 'web-s_search', arguments: { a: 1 } })).toMatchObject(expected)
    expect(await call({ name: 's_all', arguments: { a: 1 }, server_id: 'files' })).toMatchObject(expected)
  })

  test.each([
    [{}, 400],
    [{ name: 's_search', arguments: [] }, 400],
    [{ name: 'nobody' }, 404],
    [{ name: 's_all' }, 404],
    [{ name: 'büro\n' }, 404],
    [{ name: '__proto__', server_id: '__proto__' }, 404],
  ])('%o is answered with %i', async (body, status) => {
    expect((await call(body))[0]).toBe(status)
  })

  test('what a key may not see it may not call', async () => {
    expect((await call({ name: 'files-s_files' }, 'sk-a'))[0]).toBe(404)
  })
})
