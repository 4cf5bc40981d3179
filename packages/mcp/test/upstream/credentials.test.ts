import { createServer, type IncomingMessage } from 'node:http'
import { listen, newerHttp, olderHttp, olderSse, shut } from '@tianjillm/testing-mcp'
import { expect, onTestFinished, test } from 'vitest'
import type { McpAuth } from '../../src/settings.ts'
import { createUpstream } from '../../src/upstream/create.ts'
import { house, http, started } from './house.ts'
import { anyone } from './peers.ts'

const basic = Buffer.from('ada:secret').toString('base64')

test.each<[McpAuth, IncomingMessage['headers']]>([
  [{ type: 'api_key', value: 'k' }, { 'x-api-key': 'k' }],
  [{ type: 'bearer_token', value: 't' }, { authorization: 'Bearer t' }],
  [{ type: 'basic', value: 'ada:secret' }, { authorization: `Basic ${basic}` }],
  [{ type: 'basic', value: basic }, { authorization: `Basic ${basic}` }],
  [{ type: 'authorization', value: 'Own words' }, { authorization: 'Own words' }],
])('shows %o on every request', async (auth, expected) => {
  const server = await started(olderHttp())
  await house(http(server.url, { auth })).upstream.offer()
  for (const headers of server.headers) expect(headers).toMatchObject(expected)
})

test.each([
  ['http', olderHttp],
  ['sse', olderSse],
] as const)('static headers win over credentials (%s)', async (_, start) => {
  const server = await started(start())
  const { upstream } = house(
    http(server.url, { auth: { type: 'bearer_token', value: 't' }, headers: { Authorization: 'mine', 'x-team': 'a' } }),
  )
  await upstream.offer()
  for (const headers of server.headers) expect(headers).toMatchObject({ authorization: 'mine', 'x-team': 'a' })
})

test('headers of one request go with that request alone', async () => {
  const server = await started(newerHttp())
  const conversation = await house(http(server.url, { auth: { type: 'bearer_token', value: 't' } })).upstream.open(
    anyone,
  )
  await conversation.request(
    'tools/call',
    { name: 'echo' },
    { headers: { Authorization: 'Bearer of-ada', 'x-user': 'ada' } },
  )
  expect(server.headers.at(-1)).toMatchObject({ authorization: 'Bearer of-ada', 'x-user': 'ada' })
  await conversation.request('tools/call', { name: 'echo' })
  expect(server.headers.at(-1)).toMatchObject({ authorization: 'Bearer t' })
  expect(server.headers.at(-1)).not.toHaveProperty('x-user')
})

test('headers of who has a connection alone go with all its requests', async () => {
  const server = await started(olderHttp())
  server.guard(({ authorization }) => authorization === 'Bearer of-ada')
  const conversation = await house(http(server.url)).upstream.open({ ...anyone, notify: () => {} })
  const headers = { Authorization: 'Bearer of-ada' }
  await conversation.request('tools/call', { name: 'echo' }, { headers })
  for (const seen of server.headers) expect(seen).toMatchObject({ authorization: 'Bearer of-ada' })
})

test('credentials that are refused are said to be', async () => {
  const server = await started(olderHttp())
  server.guard(() => false)
  const { upstream } = house(http(server.url, { auth: { type: 'api_key', value: 'wrong' } }))
  await expect(upstream.offer()).rejects.toThrow("The MCP server docs does not accept the gateway's credentials (401).")
  expect(upstream.health.failure).toBe("The MCP server docs does not accept the gateway's credentials (401).")
})

test('credentials do not follow a redirect to another origin', async () => {
  const thief = await started(olderHttp())
  const { server, port } = await listen(
    (_incoming, outgoing) => void outgoing.writeHead(307, { location: thief.url }).end(),
  )
  onTestFinished(() => shut(server))
  const { upstream } = house(http(`http://127.0.0.1:${port}/mcp`, { auth: { type: 'api_key', value: 'k' } }))
  await expect(upstream.offer()).rejects.toThrow('The MCP server docs answered with status 307.')
  expect(thief.headers).toEqual([])
})

/** Gives out tokens by number. */
async function issuer(way: 'header' | 'body' = 'header') {
  const forms: URLSearchParams[] = []
  let count = 0
  const { server, port } = await listen(async (incoming, outgoing) => {
    const form = new URLSearchParams(Buffer.concat(await Array.fromAsync(incoming)).toString())
    const isKnown = way === 'header' ? incoming.headers.authorization !== undefined : form.has('client_secret')
    if (isKnown) forms.push(form)
    const body = isKnown ? { access_token: `token-${++count}`, expires_in: 3600 } : { error: 'invalid_client' }
    outgoing.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  onTestFinished(() => shut(server))
  const auth: McpAuth = {
    type: 'client_credentials',
    clientId: 'gateway',
    clientSecret: 'secret',
    tokenUrl: `http://127.0.0.1:${port}/token`,
    scopes: ['read', 'write'],
  }
  return { auth, forms }
}

test.each(['header', 'body'] as const)(
  'a token is asked for once, by clients who show themselves in the %s',
  async (way) => {
    const { auth, forms } = await issuer(way)
    const server = await started(newerHttp())
    const { upstream } = house(http(server.url, { auth }))
    const conversation = await upstream.open(anyone)
    await Promise.all([1, 2, 3].map(() => conversation.request('tools/call', { name: 'echo' })))
    expect(forms).toHaveLength(1)
    expect(forms[0]?.get('grant_type')).toBe('client_credentials')
    expect(forms[0]?.get('scope')).toBe('read write')
    for (const headers of server.headers) expect(headers.authorization).toBe('Bearer token-1')
  },
)

test('a token is replaced a minute before its end', async () => {
  let now = 0
  const { auth, forms } = await issuer()
  const server = await started(newerHttp())
  const { upstream } = house(http(server.url, { auth }), {}, undefined, { now: () => now })
  const conversation = await upstream.open(anyone)
  await conversation.request('tools/call', { name: 'echo' })
  now = 3_539_000
  await conversation.request('tools/call', { name: 'echo' })
  expect(forms).toHaveLength(1)
  now = 3_540_000
  await Promise.all([1, 2, 3].map(() => conversation.request('tools/call', { name: 'echo' })))
  expect(forms).toHaveLength(2)
  expect(server.headers.at(-1)?.authorization).toBe('Bearer token-2')
})

test('a token that is refused is replaced once', async () => {
  const { auth, forms } = await issuer()
  const server = await started(newerHttp())
  server.guard(({ authorization }) => authorization === 'Bearer token-2')
  const conversation = await house(http(server.url, { auth })).upstream.open(anyone)
  await conversation.request('tools/call', { name: 'echo' })
  expect(forms).toHaveLength(2)
})

test('a token URL that does not answer is named, without its words', async () => {
  const server = await started(olderHttp())
  const other = createServer((_incoming, outgoing) => void outgoing.writeHead(500).end('secret words'))
  other.listen(0, '127.0.0.1')
  onTestFinished(() => void other.close())
  const { auth } = await issuer()
  const failing = { ...auth, tokenUrl: 'http://127.0.0.1:1/token' } as McpAuth
  await expect(house(http(server.url, { auth: failing })).upstream.offer()).rejects.toThrow(
    'The MCP server docs: the token URL cannot be reached.',
  )
})

test('a token URL that others could listen to is not used', () => {
  const auth: McpAuth = {
    type: 'client_credentials',
    clientId: 'gateway',
    clientSecret: 'secret',
    tokenUrl: 'http://example.com/token',
    scopes: [],
  }
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  expect(() =>
    createUpstream(
      { name: 'docs', transport: http('https://example.com/mcp', { auth }) },
      { now: Date.now, fetch, log },
    ),
  ).toThrow('The MCP server docs: token_url must be https.')
})
