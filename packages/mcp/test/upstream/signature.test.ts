import { createHash } from 'node:crypto'
import { GatewayError, type UpstreamRequest } from '@tianjillm/core'
import { doorTo, type Knock, newerHttp, olderHttp, olderSse, type TurnedAway } from '@tianjillm/testing-mcp'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Signer } from '../../src/index.ts'
import { fakeApi, houseOf } from '../openapi/api.ts'
import { openApi } from '../openapi/documents.ts'
import { house, http, started } from './house.ts'
import { anyone } from './peers.ts'

const sealOf = (method: string, path: string, body: UpstreamRequest['body'] = '') =>
  createHash('sha256')
    .update(`${method} ${path}\n`)
    .update(body as string | Uint8Array)
    .digest('hex')

/** Signs method, path and body, and numbers its signatures. */
function numbering(explain: Signer['explain'] = () => undefined) {
  const signed: UpstreamRequest[] = []
  const signer: Signer = {
    async sign(request) {
      signed.push(request)
      const { pathname, search } = new URL(request.url)
      const authorization = sealOf(request.method, pathname + search, request.body)
      return { ...request.headers, authorization, 'x-number': String(signed.length) }
    },
    explain,
  }
  return { auth: { type: 'signature', signer } as const, signed }
}

const isSealed = ({ method, path, headers, body }: Knock) => headers.authorization === sealOf(method, path, body)

/** A door that lets in what is signed, unless `answer` has something else to say. */
async function doorOf(target: string, answer: (knock: Knock) => TurnedAway | undefined = () => undefined) {
  const door = await doorTo(target, (knock) => (isSealed(knock) ? answer(knock) : { status: 403 }))
  onTestFinished(() => door.close())
  return door
}

describe('a signature', () => {
  test.each([
    ['Streamable HTTP up to 2025-11-25', olderHttp, ['DELETE', 'GET', 'POST']],
    ['HTTP with server-sent events', olderSse, ['GET', 'POST']],
    ['Streamable HTTP of 2026-07-28', newerHttp, ['POST']],
  ])('is made for each request by itself, over its body (%s)', async (_, start, methods) => {
    const door = await doorOf((await started(start())).url)
    const { auth, signed } = numbering()
    const { upstream } = house(http(door.url, { auth }))
    const conversation = await upstream.open(anyone)
    for (const text of ['one', 'two'])
      expect(await conversation.request('tools/call', { name: 'echo', arguments: { text } })).toMatchObject({
        content: [{ text }],
      })
    await upstream.close()
    expect(door.knocks.every(isSealed)).toBe(true)
    expect([...new Set(door.knocks.map(({ method }) => method))].toSorted()).toEqual(expect.arrayContaining(methods))
    const numbers = door.knocks.map(({ headers }) => headers['x-number'])
    expect(new Set(numbers).size).toBe(numbers.length)
    expect(signed.filter(({ body }) => String(body).includes('"two"'))).toHaveLength(1)
  })

  test('gives way to no other header of its name, and sees all that is sent', async () => {
    const door = await doorOf((await started(newerHttp())).url)
    const { auth, signed } = numbering()
    const { upstream } = house(http(door.url, { auth, headers: { Authorization: 'static', 'x-team': 'a' } }))
    const headers = { Authorization: 'Bearer of-ada', 'x-user': 'ada' }
    const conversation = await upstream.open(anyone)
    await conversation.request('tools/call', { name: 'echo', arguments: { text: 'hi' } }, { headers })
    expect(door.knocks.every(isSealed)).toBe(true)
    expect(signed.at(-1)?.headers).toMatchObject({ 'x-team': 'a', 'x-user': 'ada', 'content-type': 'application/json' })
  })

  test('is made anew when a request is repeated, as for a session that was forgotten', async () => {
    const server = await started(olderHttp())
    const door = await doorOf(server.url)
    const { auth } = numbering()
    const conversation = await house(http(door.url, { auth })).upstream.open(anyone)
    const call = () => conversation.request('tools/call', { name: 'echo', arguments: { text: 'again' } })
    await call()
    server.forgetSessions()
    await call()
    const calls = door.knocks.filter(({ body }) => body.includes('again'))
    expect(calls.length).toBeGreaterThan(2)
    expect(new Set(calls.map(({ headers }) => headers['x-number'])).size).toBe(calls.length)
  })

  test('is made anew for where a redirect of the same server leads', async () => {
    const server = await started(newerHttp())
    const door = await doorOf(server.url, ({ path }) =>
      path === '/mcp' ? { status: 307, headers: { location: '/mcp/' } } : undefined,
    )
    const { auth } = numbering()
    await house(http(door.url, { auth })).upstream.offer()
    expect(door.knocks.every(isSealed)).toBe(true)
    expect(door.knocks.map(({ path }) => path)).toContain('/mcp/')
  })

  test('that cannot be made says why, and nothing is sent', async () => {
    const door = await doorOf((await started(newerHttp())).url)
    const sign = () => Promise.reject(new GatewayError('misconfigured', 'There is no pen.'))
    const { upstream } = house(
      http(door.url, { auth: { type: 'signature', signer: { sign, explain: () => undefined } } }),
    )
    await expect(upstream.offer()).rejects.toThrow('There is no pen.')
    expect(door.knocks).toEqual([])
  })

  test.each([401, 403])('that is refused with %i is explained by who made it', async (status) => {
    const target = (await started(newerHttp())).url
    const door = await doorOf(target, () => ({ status, headers: { 'x-why': 'ink' }, body: 'It is red.' }))
    const { auth } = numbering(
      ({ status, headers, text }) =>
        new GatewayError('upstream_auth_failed', `${status}, ${headers.get('x-why')}: ${text}`),
    )
    const { upstream } = house(http(door.url, { auth }))
    await expect(upstream.offer()).rejects.toThrow(`${status}, ink: It is red.`)
    expect(upstream.health.failure).toBe(`${status}, ink: It is red.`)
  })

  test('that is refused for reasons unknown is said to be', async () => {
    const door = await doorOf((await started(newerHttp())).url, () => ({ status: 403, body: 'No.' }))
    const { upstream } = house(http(door.url, { auth: numbering().auth }))
    await expect(upstream.offer()).rejects.toThrow(
      "The MCP server docs does not accept the gateway's credentials (403).",
    )
  })
})

describe('a signature to an API', () => {
  const properties = { word: { type: 'string' }, file: { type: 'string', format: 'binary' } }
  const bodyOf = (type: string) => ({
    requestBody: { content: { [type]: { schema: { type: 'object', properties } } } },
  })
  const document = openApi({
    '/find': { get: { operationId: 'find', parameters: [{ name: 'q', in: 'query', schema: { type: 'string' } }] } },
    '/save': { post: { operationId: 'save', ...bodyOf('application/json') } },
    '/send': { post: { operationId: 'send', ...bodyOf('multipart/form-data') } },
    '/moved': { get: { operationId: 'moved' } },
    '/forbidden': { get: { operationId: 'forbidden' } },
  })

  async function apiBehindDoor(explain?: Signer['explain']) {
    const api = await fakeApi(
      () => document,
      (_, outgoing) => void outgoing.writeHead(200, { 'content-type': 'application/json' }).end('{"is":"fine"}'),
    )
    const door = await doorOf(api.url, ({ path }) => {
      if (path === '/v1/moved') return { status: 307, headers: { location: '/v1/find?q=moved' } }
      return path === '/v1/forbidden' ? { status: 403, body: 'Not yours.' } : undefined
    })
    const { origin } = new URL(door.url)
    const { auth, signed } = numbering(explain)
    return { door, signed, ...houseOf({ document: `${origin}/openapi.json`, url: `${origin}/v1`, auth }) }
  }

  test.each([
    ['find', { q: 'a b&ü' }],
    ['save', { word: 'grün' }],
    ['send', { word: 'grün', file: 'of\nlines' }],
    ['moved', {}],
  ])('is made over what is sent (%s)', async (name, given) => {
    const { door, call } = await apiBehindDoor()
    expect(await call(name, given)).toMatchObject({ structuredContent: { is: 'fine' } })
    expect(door.knocks.every(isSealed)).toBe(true)
    expect(door.knocks[0]?.path).toBe('/openapi.json')
  })

  test('covers the parts of a form', async () => {
    const { signed, call } = await apiBehindDoor()
    await call('send', { word: 'grün' })
    const { headers, body } = signed.at(-1)!
    const form = await new Response(body as Uint8Array<ArrayBuffer>, { headers }).formData()
    expect([...form]).toEqual([['word', 'grün']])
  })

  test('that is refused is explained, or else the API has its own words', async () => {
    const explained = await apiBehindDoor(() => new GatewayError('upstream_auth_failed', 'The ink is red.'))
    await expect(explained.call('forbidden')).rejects.toThrow('The ink is red.')
    const { call } = await apiBehindDoor()
    await expect(call('forbidden')).rejects.toMatchObject({
      kind: 'permission_denied',
      message: 'The API api answered with status 403.\nNot yours.',
    })
  })
})
