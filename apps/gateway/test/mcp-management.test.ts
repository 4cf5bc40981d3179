import { once } from 'node:events'
import { createServer as createHttpServer, type RequestOptions, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { openStore } from '@tianjillm/store'
import { describeOnBoth } from '@tianjillm/testing'
import {
  clientBy,
  fakeServer,
  type House,
  houseOf,
  type Switchboard,
  switchboard,
  toolOf,
  ways,
} from '@tianjillm/testing-mcp'
import { describe, expect, it, onTestFinished } from 'vitest'
import { MASTER_KEY, startGateway } from './support.ts'

const SECRET = 'a-token-that-nobody-may-see'
const CHANGED = 'notifications/tools/list_changed'

async function house(name: string): Promise<House> {
  const made = await houseOf([fakeServer('s', { tools: [toolOf(name)] })])
  onTestFinished(() => made.close())
  return made
}

interface Settings {
  readonly database?: string
  /** Of `general_settings`, besides. */
  readonly general?: string
  readonly servers?: string
  readonly variables?: string
}

async function gatewayWith({ database, general = '', servers = '{}', variables = '{}' }: Settings) {
  const gateway = await startGateway(`
general_settings: {master_key: ${MASTER_KEY}, database_url: '${database ?? 'sqlite::memory:'}'${general}}
keys: [{key: sk-ordinary}]
mcp_servers: ${servers}
litellm_settings: {public_mcp_servers: [filed]}
environment_variables: ${variables}
`)
  onTestFinished(() => gateway.stop(1_000))
  const ask = async (method: string, path: string, body?: unknown, key: string | undefined = MASTER_KEY) => {
    const response = await fetch(`${gateway.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    // What routes answer is told by the tests below.
    return { status: response.status, body: JSON.parse(await response.text()) as Answer }
  }
  const connect = async (way: (typeof ways)[number]) => {
    const client = await clientBy(way, gateway.url, { authorization: `Bearer ${MASTER_KEY}` })
    onTestFinished(() => client.close())
    return client
  }
  return { ...gateway, ask, connect }
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into
type Answer = any

const names = ({ tools }: { readonly tools: readonly { readonly name: string }[] }) => tools.map(({ name }) => name)

/** Until the test ends. */
async function listening(): Promise<Switchboard> {
  const board = await switchboard()
  onTestFinished(board.close)
  return board
}

const process_ = {
  command: process.execPath,
  args: [resolve(import.meta.dirname, '../../../packages/mcp/test/upstream/raw-server.ts'), '--stubborn'],
}

describeOnBoth('MCP servers that come and go at run time', (newUrl) => {
  it.each(ways)('are heard of by a connected client (%s), whose session goes on', async (way) => {
    const [first, second] = await Promise.all(['one', 'two'].map(house))
    const { ask, connect } = await gatewayWith({ database: newUrl(), servers: `{filed: {url: "${first!.url}/mcp"}}` })
    const client = await connect(way)
    if (way === 'sdk 2 without sessions') await client.listen()
    expect(names(await client.listTools())).toEqual(['filed-s-one'])

    const added = client.next(CHANGED)
    const { status, body } = await ask('POST', '/v1/mcp/server', { server_name: 'added', url: `${second!.url}/mcp` })
    expect([status, body.server_name]).toEqual([200, 'added'])
    await added
    expect(names(await client.listTools())).toEqual(['filed-s-one', 'added-s-two'])
    expect(await client.callTool('added-s-two', { a: 1 })).toMatchObject({
      content: [{ text: expect.stringContaining('"arguments":{"a":1}') }],
    })

    const removed = client.next(CHANGED)
    expect((await ask('DELETE', `/v1/mcp/server/${body.server_id}`)).status).toBe(200)
    await removed
    expect(names(await client.listTools())).toEqual(['filed-s-one'])
    await expect(client.callTool('added-s-two')).rejects.toMatchObject({ code: -32602 })
  })

  it('are in force in another gateway on the same database, and after a restart', async () => {
    const database = newUrl()
    const { url } = await house('one')
    const here = await gatewayWith({ database })
    const there = await gatewayWith({ database })
    const client = await there.connect('sdk 2 with sessions')
    const added = client.next(CHANGED)
    await here.ask('POST', '/v1/mcp/server', { server_id: 'its-id', server_name: 'added', url: `${url}/mcp` })
    await added
    expect(names(await client.listTools())).toEqual(['added-s-one'])
    const later = await gatewayWith({ database })
    const { body } = await later.ask('GET', '/mcp-rest/tools/list?server_id=its-id')
    expect(names(body)).toEqual(['s-one'])
  })

  it('run commands when the operator lets them, and end with all that they have started', async () => {
    const { ask, connect } = await gatewayWith({
      database: newUrl(),
      general: ', allow_stored_mcp_commands: true',
    })
    const { port, socket } = await listening()
    const { body } = await ask('POST', '/v1/mcp/server', { server_name: 'added', transport: 'stdio', ...process_ })
    const client = await connect('sdk 2 with sessions')
    await client.callTool('added-spawn', { port })
    const closed = once(await socket, 'close')
    expect((await ask('DELETE', `/v1/mcp/server/${body.server_id}`)).status).toBe(200)
    await closed
  })

  it('are stored without a secret that can be read, told without one, and keep it when its mark comes back', async () => {
    const database = newUrl()
    const { ask } = await gatewayWith({ database })
    const draft = {
      ...{ server_name: 'added', alias: 'a', description: 'Adds.', url: `https://mcp.example/mcp?api_key=${SECRET}` },
      ...{ auth_type: 'bearer_token', credentials: { auth_value: SECRET }, static_headers: { 'x-tenant': SECRET } },
      ...{ mcp_access_groups: ['g'], allowed_tools: ['find'], extra_headers: ['x-user'], allow_all_keys: true },
    }
    const { body } = await ask('POST', '/v1/mcp/server', draft)
    const { credentials: _, ...said } = draft
    const told = {
      ...said,
      url: 'https://mcp.example/mcp?api_key=%5Bredacted%5D',
      ...{ auth_value: '[redacted]', static_headers: { 'x-tenant': '[redacted]' }, transport: 'http' },
    }
    expect(body).toMatchObject({ ...told, server_id: expect.any(String), source: 'database', created_by: 'master_key' })
    expect((await ask('GET', '/v1/mcp/server')).body).toMatchObject([told])

    const store = await openStore({ url: database })
    const rows = JSON.stringify(await store.database.selectFrom('tianji_mcp_servers').selectAll().execute())
    await store.close()
    expect(rows).not.toContain(SECRET)

    const upstream = await guardedHouse(SECRET)
    const changed = await ask('PUT', '/v1/mcp/server', {
      ...body,
      ...{ url: `${upstream.url}/mcp`, static_headers: { 'x-tenant': '[redacted]', 'x-more': '1' } },
    })
    expect(changed.body).toMatchObject({ server_id: body.server_id, url: `${upstream.url}/mcp` })
    expect(JSON.stringify(changed.body)).not.toContain(SECRET)
    const [health] = (await ask('GET', `/v1/mcp/server/health?server_ids=${body.server_id}`)).body
    expect(health).toMatchObject({ server_id: body.server_id, status: 'healthy', health_check_error: null, tools: 1 })
    expect(upstream.headers()).toMatchObject({
      ...{ authorization: `Bearer ${SECRET}`, 'x-tenant': SECRET, 'x-more': '1' },
    })
  })

  it('can be changed in part, by the id in the path, and lose what is null', async () => {
    const { ask } = await gatewayWith({ database: newUrl() })
    const { body } = await ask('POST', '/v1/mcp/server', {
      ...{ server_name: 'added', url: 'https://mcp.example/mcp', description: 'Adds.', tags: ['t'] },
    })
    const changed = await ask('PUT', `/v1/mcp/server/${body.server_id}`, { alias: 'a', description: null })
    expect(changed.body).toMatchObject({ alias: 'a', description: null, tags: ['t'], server_name: 'added' })
    expect((await ask('GET', `/v1/mcp/server/${body.server_id}`)).body).toEqual(changed.body)
    expect((await ask('GET', '/v1/mcp/server/nobody')).status).toBe(404)
    expect((await ask('PUT', '/v1/mcp/server/nobody', {})).status).toBe(404)
    expect((await ask('DELETE', '/v1/mcp/server/nobody')).status).toBe(404)
  })

  it('are not to be taken for those of the file, which are told and not changed', async () => {
    const { url } = await house('one')
    const { ask } = await gatewayWith({
      database: newUrl(),
      servers: `{filed: {url: "${url}/mcp", access_groups: [g], auth_type: api_key, auth_value: ${SECRET}}}`,
    })
    await ask('POST', '/v1/mcp/server', { server_name: 'b', url: `${url}/mcp`, mcp_access_groups: ['h', 'g'] })
    const { body } = await ask('GET', '/v1/mcp/server')
    expect(body).toMatchObject([
      { server_id: 'filed', source: 'config', auth_value: '[redacted]', mcp_access_groups: ['g'], is_public: true },
      { server_name: 'b', source: 'database', mcp_access_groups: ['h', 'g'], is_public: false },
    ])
    const refusals = await Promise.all([
      ask('PUT', '/v1/mcp/server/filed', { description: 'mine' }),
      ask('PUT', '/v1/mcp/server', { server_id: 'filed', description: 'mine' }),
      ask('DELETE', '/v1/mcp/server/filed'),
      ask('POST', '/v1/mcp/server', { server_name: 'filed', url: `${url}/mcp` }),
    ])
    for (const refusal of refusals)
      expect(refusal).toMatchObject({ status: 400, body: { error: { code: 'mcp_server_is_configured' } } })
    expect((await ask('GET', '/v1/mcp/access_groups')).body).toEqual({ access_groups: ['g', 'h'] })
    expect((await ask('GET', '/v1/mcp/tools?server_id=b')).body).toMatchObject({
      tools: [{ name: 's-one', mcp_info: { server_name: 'b' } }],
      error: null,
    })
  })

  it('are told of to anybody only when they are made public, and never where they are', async () => {
    const { ask } = await gatewayWith({ database: newUrl(), servers: '{filed: {url: "https://filed.example/mcp"}}' })
    const made = await Promise.all(
      ['b', 'c'].map((server_name) => ask('POST', '/v1/mcp/server', { server_name, url: 'https://mcp.example/mcp' })),
    )
    const [b, c] = made.map(({ body }) => body.server_id)
    const hub = async () => (await ask('GET', '/public/mcp_hub', undefined, '')).body
    expect((await hub()).map(({ name }: Answer) => name)).toEqual(['filed'])
    await ask('POST', '/v1/mcp/make_public', { mcp_server_ids: [b] })
    expect((await ask('POST', '/v1/mcp/make_public', { mcp_server_ids: [c] })).body).toEqual({
      public_mcp_servers: ['filed', c],
    })
    expect((await hub()).map(({ name }: Answer) => name)).toEqual(['filed', 'c'])
    expect(JSON.stringify(await hub())).not.toContain('example')
    expect((await ask('POST', '/v1/mcp/make_public', { mcp_server_ids: ['nobody'] })).status).toBe(404)
    expect((await ask('GET', '/v1/mcp/registry.json', undefined, '')).status).toBe(404)
  })
})

/** A server that lets in nobody but by this token, and remembers headers. */
async function guardedHouse(token: string) {
  const inner = await house('guarded')
  let last: Record<string, unknown> = {}
  const server = createHttpServer((incoming, outgoing) => {
    const { method, url, headers } = incoming
    last = headers
    if (headers.authorization !== `Bearer ${token}`) return void outgoing.writeHead(401).end()
    const onward = request(`${inner.url}${url}`, { method, headers } as RequestOptions, (response) => {
      outgoing.writeHead(response.statusCode!, response.headers)
      response.on('error', () => {}).pipe(outgoing)
    })
    incoming.pipe(onward.on('error', () => outgoing.destroy()))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, headers: () => last }
}

const asAdded = (more: object) => ({ server_name: 'added', url: 'https://mcp.example/mcp', ...more })

describe('adding an MCP server', () => {
  it.each([
    ['a command', { server_name: 'x', command: 'node' }, 403, 'command'],
    ['no name', { url: 'https://mcp.example' }, 400, 'server_name'],
    ['no address', { server_name: 'x' }, 400, 'url'],
    ['an address that others can listen to', asAdded({ url: 'http://mcp.example' }), 400, 'url'],
    ['an address of a private network', asAdded({ url: 'https://10.1.2.3/mcp' }), 400, 'url'],
    ['the address by which clouds tell credentials', asAdded({ url: 'https://169.254.169.254/mcp' }), 400, 'url'],
    ['the same in IPv6', asAdded({ url: 'https://[::ffff:169.254.169.254]/' }), 400, 'url'],
    ['a file', asAdded({ url: 'file:///etc/passwd' }), 400, 'url'],
    ['an unknown field', asAdded({ allowed_tool: ['x'] }), 400, 'allowed_tool'],
    ['an unknown transport', asAdded({ transport: 'pigeon' }), 400, 'transport'],
    ['a token without a place', asAdded({ auth_type: 'bearer_token' }), 400, 'auth_type'],
    ['a variable of the gateway', asAdded({ auth_value: 'os.environ/SECRET' }), 400, 'auth_value'],
    ['a mark that stands for nothing', asAdded({ auth_value: '[redacted]' }), 400, 'auth_value'],
    ['a name with a comma', asAdded({ server_name: 'a,b' }), 400, 'server_name'],
    ['the name of the group of all', asAdded({ server_name: '*' }), 400, 'server_name'],
    ['the name of the gateway itself', asAdded({ server_name: 'tianji' }), 400, 'server_name'],
    ['an id that is a route', asAdded({ server_id: 'health' }), 400, 'server_id'],
    ['a name of the file', asAdded({ server_name: 'filed' }), 400, 'server_name'],
  ])('is refused with %s', async (_, body, status, param) => {
    const { ask } = await gatewayWith({ servers: '{filed: {url: "https://filed.example/mcp"}}' })
    expect(await ask('POST', '/v1/mcp/server', body)).toMatchObject({ status, body: { error: { param } } })
    expect((await ask('GET', '/v1/mcp/server')).body).toHaveLength(1)
  })

  it('is refused when there is one of that name or id', async () => {
    const { ask } = await gatewayWith({})
    await ask('POST', '/v1/mcp/server', asAdded({ server_id: 'i' }))
    for (const [more, param] of [
      [{}, 'server_name'],
      [{ server_name: 'other', server_id: 'i' }, 'server_id'],
    ] as const)
      expect(await ask('POST', '/v1/mcp/server', asAdded(more))).toMatchObject({
        status: 400,
        body: { error: { param, message: expect.stringContaining('already') } },
      })
  })

  it('may take commands of the list, and those that the environment adds', async () => {
    const { ask } = await gatewayWith({
      general: ', allow_stored_mcp_commands: true',
      variables: '{TIANJI_MCP_STDIO_EXTRA_COMMANDS: my-server}',
    })
    const statuses = ['/usr/local/bin/npx', 'my-server', 'bash', 'node;bash'].map(
      async (command, index) => (await ask('POST', '/v1/mcp/server', { server_name: `s${index}`, command })).status,
    )
    expect(await Promise.all(statuses)).toEqual([200, 200, 403, 403])
  })

  it('may take any address when the operator says so', async () => {
    const { ask } = await gatewayWith({ general: ', allow_private_mcp_urls: true' })
    expect((await ask('POST', '/v1/mcp/server', asAdded({ url: 'http://10.1.2.3/mcp' }))).status).toBe(200)
  })

  it('is not needed for the list of none', async () => {
    const gateway = await startGateway(`general_settings: {master_key: ${MASTER_KEY}}`)
    onTestFinished(() => gateway.stop(1_000))
    const response = await fetch(`${gateway.url}/v1/mcp/server`, { headers: { authorization: `Bearer ${MASTER_KEY}` } })
    expect(await response.json()).toEqual([])
  })

  it('is for admins', async () => {
    const { ask } = await gatewayWith({})
    expect((await ask('POST', '/v1/mcp/server', asAdded({}), 'sk-ordinary')).status).toBe(403)
    expect((await ask('GET', '/v1/mcp/server', undefined, 'sk-ordinary')).status).toBe(403)
    expect((await ask('GET', '/mcp/enabled', undefined, 'sk-ordinary')).body).toEqual({ enabled: true })
  })
})

describe('trying an MCP server out', () => {
  it('tells what it offers, and leaves nothing behind', async () => {
    const { url } = await house('one')
    const { ask } = await gatewayWith({})
    const body = { url: `${url}/mcp`, auth_type: 'none' }
    expect((await ask('POST', '/mcp-rest/test/connection', body)).body).toMatchObject({ status: 'ok' })
    expect(names((await ask('POST', '/mcp-rest/test/tools/list', body)).body)).toEqual(['s-one'])
    expect((await ask('GET', '/v1/mcp/server')).body).toEqual([])
  })

  it('tells what went wrong, without the secret that it was given', async () => {
    const { ask } = await gatewayWith({})
    const body = { url: 'http://127.0.0.1:1/mcp', auth_type: 'bearer_token', auth_value: SECRET }
    const { body: answer } = await ask('POST', '/mcp-rest/test/connection', body)
    expect(answer).toMatchObject({ status: 'error', message: expect.stringContaining('the server') })
    expect(JSON.stringify(answer)).not.toContain(SECRET)
  })

  it.each([
    { command: 'node' },
    { transport: 'stdio', command: 'node' },
    { transport: 'stdio', url: 'https://mcp.example' },
  ])('never runs a command: %o', async (body) => {
    const { ask } = await gatewayWith({ general: ', allow_stored_mcp_commands: true' })
    for (const path of ['/mcp-rest/test/connection', '/mcp-rest/test/tools/list']) {
      expect((await ask('POST', path, body)).status).toBe(403)
      expect((await ask('POST', path, { url: 'https://mcp.example' }, 'sk-ordinary')).status).toBe(403)
    }
  })
})

it('GET /health tells admins how the servers are, and nobody else', async () => {
  const { url } = await house('one')
  const { ask } = await gatewayWith({
    servers: `{filed: {url: "${url}/mcp"}, dead: {url: "http://127.0.0.1:1/mcp", transport: http}, none: {}}`,
  })
  const before = (await ask('GET', '/health')).body.mcp_servers
  expect(before.map(({ status }: Answer) => status)).toEqual(['unknown', 'unknown', 'unhealthy'])
  await ask('GET', '/v1/mcp/server/health')
  expect((await ask('GET', '/health')).body.mcp_servers).toMatchObject([
    { server_id: 'filed', status: 'healthy', tools: 1, health_check_error: null },
    { server_id: 'dead', status: 'unhealthy', tools: 0, health_check_error: expect.stringContaining('dead') },
    { server_id: 'none', status: 'unhealthy', health_check_error: expect.stringContaining('cannot be used') },
  ])
  expect((await ask('GET', '/health', undefined, 'sk-ordinary')).body).not.toHaveProperty('mcp_servers')
})

it('the registry tells anybody of all servers when the operator wants it', async () => {
  const { ask, url } = await gatewayWith({
    general: ', enable_mcp_registry: true',
    servers: '{filed: {url: "https://filed.example/mcp", description: Finds things.}}',
  })
  const { body } = await ask('GET', '/v1/mcp/registry.json', undefined, '')
  expect(body.servers).toMatchObject([
    { server: { name: 'tianjillm', remotes: [{ type: 'streamable-http', url: `${url}/mcp` }] } },
    { server: { name: 'filed', description: 'Finds things.', remotes: [{ url: `${url}/mcp/filed` }] } },
  ])
})
