import { readConfig } from '@tianjillm/config'
import { createHost } from '@tianjillm/engine'
import { fakeServer, type House, houseOf, toolOf } from '@tianjillm/testing-mcp'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { type FoundHub, type McpHub, mcpHubOf, type StoredServers } from '../src/mcp/hub.ts'

const open: McpHub[] = []
afterEach(async () => {
  for (const hub of open.splice(0)) await hub.close()
})

async function found(yaml: string, previous?: McpHub, more: { stored?: StoredServers; masterKey?: string } = {}) {
  const { config } = readConfig(yaml, { env: () => undefined })
  const rooms = { host: createHost(), redact: (text: string) => text, learn: () => {}, masterKey: undefined, ...more }
  const all: FoundHub = await mcpHubOf(config!, rooms, previous)
  if (all.hub !== undefined && all.hub !== previous) open.push(all.hub)
  return all
}

async function house(name: string): Promise<House> {
  const made = await houseOf([fakeServer('s', { tools: [toolOf(name)] })])
  onTestFinished(() => made.close())
  return made
}

async function toolsOf(hub: McpHub): Promise<readonly string[]> {
  const { tools } = await (await hub.open()).catalog.view({})
  return tools.map(({ name }) => name)
}

test('a hub goes on with another configuration, and so do the servers that are in both', async () => {
  const [stays, goes, comes] = await Promise.all(['stays', 'goes', 'comes'].map(house))
  const first = (await found(`mcp_servers: {a: {url: "${stays!.url}/mcp"}, b: {url: "${goes!.url}/mcp"}}`)).hub!
  expect(await toolsOf(first)).toEqual(['a-s-stays', 'b-s-goes'])
  const { catalog } = await first.open()
  const [before, gone] = catalog.sources.map(({ upstream }) => upstream)
  const next = await found(
    `mcp_servers: {c: {url: "${comes!.url}/mcp"}, a: {url: "${stays!.url}/mcp", tags: [new]}}`,
    first,
  )
  expect(next.hub).toBe(first)
  expect(await toolsOf(first)).toEqual(['a-s-stays', 'b-s-goes'])
  next.enter()
  await expect.poll(() => toolsOf(first)).toEqual(['c-s-comes', 'a-s-stays'])
  expect(catalog.sources[1]).toMatchObject({ tags: ['new'], upstream: before })
  expect(gone!.health.status).toBe('stopped')
})

test('another master key makes another hub, for what servers keep with clients is bound to it', async () => {
  const yaml = 'mcp_servers: {a: {url: "http://127.0.0.1:1/mcp"}}'
  const { hub: first } = await found(yaml)
  expect((await found(yaml, first, { masterKey: 'sk-other' })).hub).not.toBe(first)
})

test('without servers there is none, unless some may be stored', async () => {
  expect((await found('mcp_servers: {}')).hub).toBeUndefined()
  expect((await found('', undefined, { stored: storeOf([]) })).hub).toBeDefined()
})

test('tools of the gateway make one too, and change with the configuration', async () => {
  const yaml = (tool: string) =>
    `model_list: [{model_name: m, litellm_params: {model: mock/m}}]\nmcp_tools: [{name: ${tool}, model: m, prompt: p}]`
  const { hub } = await found(yaml('a'))
  expect(await toolsOf(hub!)).toEqual(['tianji-a'])
  const [own] = (await hub!.open()).catalog.sources
  ;(await found(yaml('a'), hub)).enter()
  await hub!.refresh()
  expect((await hub!.open()).catalog.sources[0]!.upstream).toBe(own!.upstream)
  ;(await found(yaml('b'), hub)).enter()
  await expect.poll(() => toolsOf(hub!)).toEqual(['tianji-b'])
})

/** Servers that were stored, as far as a hub knows them. */
function storeOf(rows: readonly { readonly name: string; readonly entry?: object }[]) {
  const listeners = new Set<() => void>()
  const store = {
    fails: false,
    rows,
    tell: () => {
      for (const listener of listeners) listener()
    },
    onChange(listener: () => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    mcpPins: {
      revisions: async () => new Map(),
      all: async () => new Map(),
      add: async () => {},
      replace: async () => {},
    },
    mcpServers: {
      async all() {
        if (store.fails) throw new Error('no database')
        return store.rows.map((row) => ({ id: `id-of-${row.name}`, entry: undefined, ...row }))
      },
    },
  }
  return store as typeof store & StoredServers
}

test('stored servers come after those of the file, can be asked for by id, and change when their store says so', async () => {
  const [filed, stored] = await Promise.all(['filed', 'stored'].map(house))
  const store = storeOf([{ name: 'b', entry: { url: `${stored!.url}/mcp` } }])
  const { hub } = await found(`mcp_servers: {a: {url: "${filed!.url}/mcp"}}`, undefined, { stored: store })
  expect(await toolsOf(hub!)).toEqual(['a-s-filed', 'b-s-stored'])
  expect((await hub!.open()).catalog.knows('id-of-b')).toBe(true)
  store.rows = []
  store.tell()
  await expect.poll(() => toolsOf(hub!)).toEqual(['a-s-filed'])
})

test('what else changes in the store leaves views as they are', async () => {
  const { url } = await house('stored')
  const store = storeOf([{ name: 'b', entry: { url: `${url}/mcp` } }])
  const { hub } = await found('', undefined, { stored: store })
  const { catalog } = await hub!.open()
  const view = await catalog.view({})
  store.tell()
  await hub!.refresh()
  expect(catalog.peek({})).toBe(view)
})

test('stored servers that cannot be read, or have a name of the file, are left out', async () => {
  const [filed, stored] = await Promise.all(['filed', 'stored'].map(house))
  const store = storeOf([
    { name: 'a', entry: { url: `${stored!.url}/mcp` } },
    { name: 'sealed by another' },
    { name: 'process', entry: { command: 'node' } },
    { name: 'b', entry: { url: `${stored!.url}/mcp` } },
  ])
  const { hub } = await found(`mcp_servers: {a: {url: "${filed!.url}/mcp"}}`, undefined, { stored: store })
  expect(await toolsOf(hub!)).toEqual(['a-s-filed', 'b-s-stored'])
})

test('what was known of stored servers holds on while the database is away', async () => {
  const [one, other] = await Promise.all(['one', 'other'].map(house))
  const store = storeOf([{ name: 'b', entry: { url: `${one!.url}/mcp` } }])
  const { hub } = await found('', undefined, { stored: store })
  expect(await toolsOf(hub!)).toEqual(['b-s-one'])
  store.fails = true
  await expect(hub!.refresh()).rejects.toThrow('no database')
  ;(await found(`mcp_servers: {c: {url: "${other!.url}/mcp"}}`, hub, { stored: store })).enter()
  await expect.poll(() => toolsOf(hub!)).toEqual(['c-s-other', 'b-s-one'])
})
