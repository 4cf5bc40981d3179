import type { ServerResponse } from 'node:http'
import type { JsonObject } from '@tianjillm/core'
import { expect, test } from 'vitest'
import { type Arrived, fakeApi, houseOf } from './api.ts'
import { openApi } from './documents.ts'

const item = {
  parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'integer' } }],
  get: { operationId: 'show' },
  put: {
    operationId: 'change',
    requestBody: {
      content: { 'application/json': { schema: { type: 'object', properties: { name: { type: 'string' } } } } },
    },
  },
}

const documentOf = (servers: unknown = [{ url: '/api/{version}', variables: { version: { default: 'v2' } } }]) =>
  openApi({ '/items/{id}': item }, {}, { servers })

const json = (outgoing: ServerResponse, value: unknown, status = 200, headers: object = {}) =>
  void outgoing.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))

const apiThat = (answer: (arrived: Arrived, outgoing: ServerResponse) => void) => fakeApi(() => documentOf(), answer)

test('an operation is called where the document says, and its JSON is a text and an object', async () => {
  const api = await apiThat(({ body }, outgoing) => json(outgoing, { saved: JSON.parse(body) }))
  const { call } = houseOf({ document: api.document, timeout: 5_000 })
  expect(await call('change', { id: 7, name: 'seven' })).toEqual({
    content: [{ type: 'text', text: '{"saved":{"name":"seven"}}' }],
    structuredContent: { saved: { name: 'seven' } },
  })
  expect(api.arrived.map(({ line }) => line)).toEqual(['GET /openapi.json', 'PUT /api/v2/items/7'])
})

test('the url of the settings goes before that of the document, and keeps its query', async () => {
  const api = await fakeApi(
    () => documentOf([{ url: 'https://elsewhere.test' }]),
    (_, outgoing) => json(outgoing, [1]),
  )
  const { call } = houseOf({ document: api.document, url: `${api.url}/base/?key=k` })
  expect(await call('show', { id: 7 })).toEqual({ content: [{ type: 'text', text: '[1]' }] })
  expect(api.arrived.at(-1)?.line).toBe('GET /base/items/7?key=k')
})

test('headers are the credentials, then those of the request, then the static ones', async () => {
  const api = await apiThat((_, outgoing) => json(outgoing, {}))
  const { call } = houseOf({
    document: api.document,
    auth: { type: 'bearer_token', value: 't' },
    headers: { 'X-Team': 'ours' },
  })
  await call('show', { id: 1 })
  await call('show', { id: 2 }, { headers: { Authorization: 'Bearer of-ada', 'x-team': 'theirs', 'x-user': 'ada' } })
  const [document, first, second] = api.arrived.map(({ headers }) => headers)
  expect(document).not.toHaveProperty('authorization')
  expect(first).toMatchObject({ authorization: 'Bearer t', 'x-team': 'ours', 'user-agent': 'tianjillm' })
  expect(second).toMatchObject({ authorization: 'Bearer of-ada', 'x-team': 'ours', 'x-user': 'ada' })
})

test('a document where the API is by its settings is asked for with the same credentials', async () => {
  const api = await apiThat((_, outgoing) => json(outgoing, {}))
  const auth = { type: 'api_key', value: 'k' } as const
  await houseOf({ document: api.document, url: api.url, auth }).upstream.offer()
  expect(api.arrived[0]?.headers).toMatchObject({ 'x-api-key': 'k' })
})

test.each<[JsonObject, string]>([
  [{}, "The arguments do not fit: arguments must have required property 'id'."],
  [{ id: 'x' }, 'The arguments do not fit: arguments/id must be integer.'],
  [{ id: 1, nmae: 'a' }, 'There is no argument "nmae". Did you mean name?'],
])('arguments that do not fit reach nobody: %j', async (given, message) => {
  const api = await apiThat((_, outgoing) => json(outgoing, {}))
  const { call } = houseOf({ document: api.document })
  await expect(call('change', given)).rejects.toMatchObject({ kind: 'invalid_request', message })
  expect(api.arrived.map(({ line }) => line)).toEqual(['GET /openapi.json'])
})

test('a tool that is not there is unknown', async () => {
  const api = await apiThat((_, outgoing) => json(outgoing, {}))
  const { call } = houseOf({ document: api.document })
  await expect(call('constructor')).rejects.toMatchObject({ code: -32602, message: 'Unknown tool: constructor' })
})

test.each([
  [422, 'invalid_request', {}],
  [404, 'not_found', {}],
  [403, 'permission_denied', {}],
  [429, 'rate_limited', { retryAfter: 7 }],
  [500, 'upstream_error', { status: 500 }],
  [503, 'overloaded', { status: 503 }],
])('an answer with status %i is an error with the beginning of its words', async (status, kind, facts) => {
  const api = await apiThat((_, outgoing) =>
    json(outgoing, { detail: 'x'.repeat(20_000) }, status, { 'retry-after': '7' }),
  )
  const { call } = houseOf({ document: api.document })
  const error = await call('show', { id: 1 }).catch((thrown) => thrown)
  expect(error).toMatchObject({ kind, facts: { upstreamStatus: status, ...facts } })
  expect(error.message).toMatch(new RegExp(`^The API api answered with status ${status}.\n{"detail":"xxx`))
  expect(error.message.length).toBeLessThan(9_000)
})

test('an answer of 401 says what the document asks for, unless there are credentials', async () => {
  const securitySchemes = { a: { type: 'apiKey', in: 'header', name: 'X-Key' }, b: { type: 'http', scheme: 'bearer' } }
  const api = await fakeApi(
    () => ({ ...documentOf(), components: { securitySchemes } }),
    (_, outgoing) => void outgoing.writeHead(401, { 'content-type': 'text/html' }).end('<h1>No</h1>'),
  )
  await expect(houseOf({ document: api.document }).call('show', { id: 1 })).rejects.toMatchObject({
    kind: 'upstream_auth_failed',
    message:
      'The API api answered with status 401. Its document asks for a key in the header X-Key, or a bearer token. ' +
      'The gateway has no credentials for it: set auth_type and auth_value, or static_headers.',
  })
  const { call } = houseOf({ document: api.document, auth: { type: 'bearer_token', value: 'secret' } })
  await expect(call('show', { id: 1 })).rejects.toThrow("It does not accept the gateway's credentials.")
})

test.each<[string, string | Buffer, object]>([
  ['text/plain; charset=iso-8859-1', Buffer.from([0xe9]), { content: [{ type: 'text', text: 'é' }] }],
  ['application/problem+json', '{"a":1}', { structuredContent: { a: 1 } }],
  ['application/json', 'no json', { content: [{ type: 'text', text: 'no json' }] }],
  ['image/png', 'png', { content: [{ type: 'image', data: 'cG5n', mimeType: 'image/png' }] }],
  ['audio/wav', 'wav', { content: [{ type: 'audio', data: 'd2F2', mimeType: 'audio/wav' }] }],
  ['image/svg+xml', '<svg/>', { content: [{ type: 'text', text: '<svg/>' }] }],
  [
    'application/zip',
    'zip',
    { content: [{ type: 'text', text: 'Status 200. The answer is a file: application/zip, 3 bytes.' }] },
  ],
  ['', 'plain', { content: [{ type: 'text', text: 'plain' }] }],
  ['text/plain', '', { content: [{ type: 'text', text: 'Status 200, and no more.' }] }],
])('an answer of %s is a result', async (type, body, expected) => {
  const api = await apiThat((_, outgoing) => {
    const bytes = Buffer.from(body)
    outgoing.writeHead(200, { ...(type && { 'content-type': type }), 'content-length': bytes.length }).end(bytes)
  })
  expect(await houseOf({ document: api.document }).call('show', { id: 1 })).toMatchObject(expected)
})

/** Sends without end; resolves when nobody listens any more. */
function endless(type: string) {
  const { promise: left, resolve } = Promise.withResolvers<void>()
  const answer = (_: Arrived, outgoing: ServerResponse) => {
    outgoing.writeHead(200, { 'content-type': type }).on('close', resolve)
    const more = () => {
      while (!outgoing.destroyed && outgoing.write('word '.repeat(1_000)));
    }
    outgoing.on('drain', more)
    more()
  }
  return { left, answer }
}

test.each([
  ['application/json', { content: [{ text: expect.stringMatching(/^word .*Cut by the gateway/s) }] }],
  ['image/png', { isError: true, content: [{ text: expect.stringContaining('too large to be passed on') }] }],
])('of an answer of %s without end only as much is read as may be passed on', async (type, expected) => {
  const { left, answer } = endless(type)
  const api = await apiThat(answer)
  const result = await houseOf({ document: api.document, resultLimit: 100_000 }).call('show', { id: 1 })
  expect(result).toMatchObject(expected)
  expect(JSON.stringify(result).length).toBeLessThanOrEqual(100_000)
  await left
})

test('an answer that does not come is given up, and its API is let go', async () => {
  const { promise: left, resolve } = Promise.withResolvers<void>()
  const api = await apiThat((_, outgoing) => void outgoing.on('close', resolve))
  const { call } = houseOf({ document: api.document })
  await expect(call('show', { id: 1 }, { timeout: 50 })).rejects.toMatchObject({
    kind: 'upstream_timeout',
    message: 'The API api did not answer within 0.05 s.',
  })
  await left
})

test('a call that is cancelled, or whose upstream is closed, ends at the API too', async () => {
  const begun: (() => void)[] = []
  const left: (() => void)[] = []
  const api = await apiThat((_, outgoing) => {
    begun.shift()!()
    outgoing.on('close', left.shift()!)
  })
  const { call, upstream } = houseOf({ document: api.document })
  for (const end of ['cancel', 'close']) {
    const controller = new AbortController()
    const [isThere, isGone] = [begun, left].map((list) => new Promise<void>((resolve) => list.push(resolve)))
    const calling = call('show', { id: 1 }, { signal: controller.signal })
    const failed = expect(calling).rejects.toMatchObject({
      kind: end === 'cancel' ? 'client_closed' : 'upstream_unreachable',
    })
    await isThere
    if (end === 'cancel') controller.abort()
    else await upstream.close()
    await failed
    await isGone
  }
})

test('only so many calls are under way at once', async () => {
  let underWay = 0
  let most = 0
  const api = await apiThat((_, outgoing) => {
    underWay += 1
    most = Math.max(most, underWay)
    // Long enough for all that come together to be there.
    setTimeout(() => {
      underWay -= 1
      json(outgoing, {})
    }, 20)
  })
  const { call } = houseOf({ document: api.document, concurrency: 2 })
  await Promise.all([1, 2, 3, 4, 5].map((id) => call('show', { id })))
  expect(most).toBe(2)
})

test('an API that is away is said to be', async () => {
  const api = await apiThat((_, outgoing) => json(outgoing, {}))
  const { call, upstream } = houseOf({ document: api.document })
  await upstream.offer()
  await api.stop()
  await expect(call('show', { id: 1 })).rejects.toMatchObject({ kind: 'upstream_unreachable' })
})

test('a redirect within the API is followed, with its credentials and body', async () => {
  const api = await apiThat(({ line, body, headers }, outgoing) => {
    if (line.endsWith('/moved')) json(outgoing, { line, body, key: headers['x-api-key'] })
    else outgoing.writeHead(line.startsWith('PUT') ? 307 : 302, { location: '/moved' }).end()
  })
  const { call } = houseOf({ document: api.document, auth: { type: 'api_key', value: 'k' } })
  expect(await call('show', { id: 1 })).toMatchObject({ structuredContent: { line: 'GET /moved', key: 'k' } })
  expect(await call('change', { id: 1, name: 'a' })).toMatchObject({
    structuredContent: { line: 'PUT /moved', body: '{"name":"a"}', key: 'k' },
  })
})

test('a redirect to another origin is told and not followed', async () => {
  const other = await apiThat((_, outgoing) => json(outgoing, {}))
  const api = await apiThat((_, outgoing) => void outgoing.writeHead(302, { location: `${other.url}/take` }).end())
  const { call } = houseOf({ document: api.document, auth: { type: 'api_key', value: 'k' } })
  const text = `Status 302: the answer is elsewhere, at ${other.url}/take. The gateway does not follow there.`
  expect(await call('show', { id: 1 })).toEqual({ content: [{ type: 'text', text }] })
  expect(other.arrived).toEqual([])
})

test('redirects in a circle end', async () => {
  const api = await apiThat((_, outgoing) => void outgoing.writeHead(302, { location: '/round' }).end())
  const result = await houseOf({ document: api.document }).call('show', { id: 1 })
  expect(result).toMatchObject({ content: [{ text: expect.stringContaining('Status 302') }] })
  expect(api.arrived).toHaveLength(7)
})

test('a token that is refused is replaced once', async () => {
  let count = 0
  const api = await apiThat(({ line, headers }, outgoing) => {
    if (line === 'POST /token') return json(outgoing, { access_token: `t${++count}`, expires_in: 3600 })
    json(outgoing, {}, headers.authorization === 'Bearer t2' ? 200 : 401)
  })
  const { call } = houseOf({
    document: api.document,
    auth: {
      ...{ type: 'client_credentials', clientId: 'i', clientSecret: 's', scopes: [] },
      tokenUrl: `${api.url}/token`,
    },
  })
  expect(await call('show', { id: 1 })).toMatchObject({ structuredContent: {} })
  expect(count).toBe(2)
})
