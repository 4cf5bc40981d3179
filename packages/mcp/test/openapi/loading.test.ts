import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { fakeApi, houseOf } from './api.ts'
import { openApi } from './documents.ts'

const named = (operationId: string) => openApi({ '/a': { get: { operationId } } }, {}, { servers: [{ url: '/' }] })
const toolsOf = ({ tools }: { readonly tools: readonly { readonly name: string }[] }) => tools.map(({ name }) => name)

afterEach(() => void vi.useRealTimers())

/** An API whose document a test sets. */
async function changing() {
  const state = { document: named('first') as object | undefined, etag: '"1"', status: 404 }
  const api = await fakeApi(
    () => undefined,
    ({ headers }, outgoing) => {
      if (state.document === undefined) outgoing.writeHead(state.status, { location: 'https://elsewhere.test' }).end()
      else if (headers['if-none-match'] === state.etag) outgoing.writeHead(304).end()
      else outgoing.writeHead(200, { etag: state.etag }).end(JSON.stringify(state.document))
    },
  )
  return { api, state }
}

test('a document is loaded when somebody asks, once for all', async () => {
  const { api } = await changing()
  const { upstream } = houseOf({ document: api.document })
  expect([api.arrived.length, upstream.health.status, upstream.known]).toEqual([0, 'connecting', undefined])
  const offers = await Promise.all([upstream.offer(), upstream.offer()])
  expect(toolsOf(offers[0])).toEqual(['first'])
  expect(offers[1]).toBe(offers[0])
  expect([api.arrived.length, upstream.health.status]).toEqual([1, 'healthy'])
})

test('after an hour it is looked at again, and when it has changed so has the offer', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const { api, state } = await changing()
  const { upstream } = houseOf({ document: api.document })
  const first = await upstream.offer()
  const heard = vi.fn()
  upstream.onChange(heard)
  vi.advanceTimersByTime(3_600_000)
  expect(heard).toHaveBeenCalledTimes(1)
  expect(await upstream.offer()).toBe(first)
  expect(api.arrived.at(-1)?.headers['if-none-match']).toBe('"1"')
  Object.assign(state, { document: named('second'), etag: '"2"' })
  vi.advanceTimersByTime(3_600_000)
  expect(toolsOf(await upstream.offer())).toEqual(['second'])
})

test('while it cannot be loaded again what it said before holds', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const { api, state } = await changing()
  const { upstream, lines } = houseOf({ document: api.document })
  const first = await upstream.offer()
  state.document = undefined
  vi.advanceTimersByTime(3_600_000)
  expect(await upstream.offer()).toBe(first)
  expect(upstream.health.status).toBe('healthy')
  expect(lines.join()).toContain('its OpenAPI document was answered with status 404. What it said before still holds.')
})

test('a document that was missing is there when it is asked for later', async () => {
  const { api, state } = await changing()
  const { upstream } = houseOf({ document: api.document })
  state.document = undefined
  await expect(upstream.offer()).rejects.toMatchObject({ kind: 'upstream_unreachable' })
  expect(upstream.health).toMatchObject({
    status: 'unhealthy',
    failure: 'The MCP server api: its OpenAPI document was answered with status 404.',
  })
  state.document = named('late')
  expect(toolsOf(await upstream.offer())).toEqual(['late'])
  expect(upstream.health).toMatchObject({ status: 'healthy', failure: undefined })
})

test.each([
  [{ status: 302 }, 'was answered with status 302, which leads to another server'],
  [{ document: { a: 1 } }, 'is neither of OpenAPI 3 nor of Swagger 2.0'],
  [{ document: { openapi: '3.0.0', a: 'x'.repeat(10 * 1024 * 1024) } }, 'has more than 10 MiB'],
  [
    { document: openApi({}, {}, { servers: [{ url: 'http://api.test' }] }) },
    'says that its API is where others could listen: set url',
  ],
])('%j is a reason', async (now, why) => {
  const { api, state } = await changing()
  Object.assign(state, { document: undefined }, now)
  await expect(houseOf({ document: api.document }).upstream.offer()).rejects.toThrow(
    `The MCP server api: its OpenAPI document ${why}.`,
  )
})

test.each([
  ['http://api.test/openapi.json', 'must be at an https URL, without a name and password'],
  ['https://ada:secret@api.test/', 'must be at an https URL, without a name and password'],
  ['http://127.0.0.1:1/', 'cannot be reached'],
  ['/nowhere/openapi.yaml', 'cannot be read (ENOENT)'],
])('%s cannot be loaded, and its address is not told', async (document, why) => {
  await expect(houseOf({ document }).upstream.offer()).rejects.toThrow(
    `The MCP server api: its OpenAPI document ${why}.`,
  )
})

test('a document that does not come is given up', async () => {
  const api = await fakeApi(
    () => undefined,
    () => {},
  )
  const { upstream } = houseOf({ document: api.document, listTimeout: 50 })
  await expect(upstream.offer()).rejects.toThrow('its OpenAPI document was not there within 0.05 s.')
})

test('a file of YAML is a document, whose API must be said somewhere', async () => {
  const file = join(tmpdir(), `openapi-${process.pid}.yaml`)
  await writeFile(file, 'openapi: 3.1.0\npaths: {/a: {get: {operationId: one}}}\n')
  await expect(houseOf({ document: file }).upstream.offer()).rejects.toThrow('does not say where its API is: set url')
  expect(toolsOf(await houseOf({ document: file, url: 'http://internal.test' }).upstream.offer())).toEqual(['one'])
})

test('what is left out is told in one line', async () => {
  const paths = Object.fromEntries(
    Array.from({ length: 12 }, (_, index) => [`/a${index}`, { get: { servers: [{ url: 'https://b.test' }] } }]),
  )
  const api = await fakeApi(
    () => openApi(paths),
    () => {},
  )
  const { upstream, lines } = houseOf({ document: api.document })
  expect(toolsOf(await upstream.offer())).toEqual([])
  expect(lines).toEqual([
    expect.stringMatching(
      /Left out of what the MCP server api offers: GET \/a0 \(it is on another server\).* and 2 more\./,
    ),
  ])
})
