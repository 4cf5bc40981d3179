import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { resolve } from 'node:path'
import type { JsonObject } from '@tianjillm/core'
import { McpServerError, UNAVAILABLE_META_KEY } from '@tianjillm/mcp'
import {
  clientBy,
  fakeServer,
  type House,
  type HttpServer,
  houseOf,
  newerHttp,
  olderHttp,
  olderSse,
  switchboard,
  toolOf,
  type Way,
  ways,
} from '@tianjillm/testing-mcp'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Started } from '../src/index.ts'
import { MASTER_KEY, startGateway } from './support.ts'

const MIB = 1024 * 1024
const program = resolve(import.meta.dirname, '../../../packages/mcp/test/upstream/raw-server.ts')

let house: House
let gateway: Started
/** HTTP servers that can die and come back, by their protocols. */
let mortals: Readonly<Record<string, HttpServer>>
let answer: (name: string, given: JsonObject) => Promise<JsonObject>

const text = (value: string) => ({ content: [{ type: 'text', text: value }] })
const textOf = ({ content }: JsonObject) => (content as { text: string }[])[0]!.text

/** Nobody there ever answers. */
async function hanging(): Promise<number> {
  const server = createServer((caller) => void caller.on('error', () => {}))
  server.listen(0, '127.0.0.1').unref()
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

beforeAll(async () => {
  const server = fakeServer(
    's',
    { tools: [toolOf('say'), toolOf('old')] },
    async (_method, { name, arguments: given }) => answer(String(name), given as JsonObject),
  )
  house = await houseOf([server], { catalogued: { separator: '_' }, resultLimit: 100 * MIB })
  mortals = { older: await olderHttp(), sse: await olderSse(), newer: await newerHttp() }
  const entries = Object.entries(mortals).map(([name, { url }]) => `  ${name}: {url: "${url}", timeout: 20}`)
  gateway = await startGateway(`
general_settings: {master_key: ${MASTER_KEY}}
mcp_servers:
  house: {url: "${house.url}/mcp"}
  hangs: {url: "http://127.0.0.1:${await hanging()}/mcp", timeout: 0.5}
  program: {command: ${JSON.stringify(process.execPath)}, args: [${JSON.stringify(program)}, --stubborn]}
${entries.join('\n')}
`)
})
afterAll(async () => {
  await gateway.stop(1_000)
  await Promise.all([house.close(), ...Object.values(mortals).map((server) => server.die())])
})
beforeEach(() => {
  answer = async (_name, given) => text(String(given.text))
})

async function connected(way: Way, { url } = gateway) {
  const client = await clientBy(way, url, { authorization: `Bearer ${MASTER_KEY}` })
  onTestFinished(() => client.close())
  return client
}

const names = ({ tools }: { readonly tools: readonly { readonly name: string }[] }) => tools.map(({ name }) => name)

describe.each(ways)('%s', (way) => {
  test('a server that hangs is named in the list of the others, and not waited for beyond its time', async () => {
    const list = await (await connected(way)).listTools()
    expect(list._meta).toMatchObject({ [UNAVAILABLE_META_KEY]: ['hangs'] })
    expect(names(list)).toEqual(expect.arrayContaining(['house-s_say', 'program-pid', 'older-echo', 'newer-echo']))
  })

  test('a hundred calls at once in one session each get their own answer', async () => {
    answer = async (_name, given) => {
      await new Promise((wait) => setTimeout(wait, Number(given.text) % 7))
      return text(String(given.text))
    }
    const client = await connected(way)
    const calls = Array.from({ length: 100 }, (_, index) => String(index))
    const results = await Promise.all(calls.map((call) => client.callTool('house-s_say', { text: call })))
    expect(results.map(textOf)).toEqual(calls)
  })

  test('a tool that was removed since it was listed is unknown, and not listed any more', async () => {
    const other = fakeServer('s', { tools: [toolOf('new'), toolOf('gone')] }, async (_method, { name }) => {
      throw new McpServerError(-32602, `Tool ${name} not found`)
    })
    const from = await houseOf([other], { catalogued: { separator: '_' } })
    onTestFinished(() => from.close())
    const own = await startGateway(
      `general_settings: {master_key: ${MASTER_KEY}}\nmcp_servers: {s: {url: "${from.url}/mcp"}}`,
    )
    onTestFinished(() => own.stop(1_000))
    const client = await connected(way, own)
    expect(names(await client.listTools())).toContain('s-s_gone')
    await expect(client.callTool('s-s_gone')).rejects.toMatchObject({
      ...{ code: -32602, message: expect.stringContaining('Unknown tool: s-s_gone') },
    })
    // One of the newest keeps a list for as long as it may.
    expect(names(await (await connected(way, own)).listTools())).toEqual(['s-s_new'])
  })
})

test.each(['sdk 1 over sse', 'sdk 2 without sessions'] as const)(
  '%s: a result of 200 KB comes whole, and of one of 50 MB the beginning',
  async (way) => {
    const client = await connected(way)
    const large = 'é"\n'.repeat(50_000)
    answer = async () => text(large)
    expect(textOf(await client.callTool('house-s_say'))).toBe(large)
    answer = async () => text('a'.repeat(50 * MIB))
    const cut = textOf(await client.callTool('house-s_say'))
    expect(cut.length).toBeLessThan(16 * MIB)
    expect(cut.slice(-200)).toMatch(/a\n\[Cut by the gateway: this is the beginning of \d+ bytes\. Ask for less\.\]$/)
    answer = async () => ({ content: [{ type: 'image', mimeType: 'image/png', data: 'a'.repeat(50 * MIB) }] })
    expect(await client.callTool('house-s_say')).toMatchObject({ isError: true, _meta: { code: 'result_too_large' } })
  },
  30_000,
)

test.each([
  ['older', 'sdk 2 with sessions'],
  ['older', 'sdk 2 without sessions'],
  ['sse', 'sdk 1 over sse'],
  ['newer', 'sdk 1 over http'],
  ['newer', 'sdk 2 without sessions'],
] as const)(
  'a server (%s) that dies fails a call at once, and answers the same client when it is back: %s',
  async (name, way) => {
    const server = mortals[name]!
    const client = await connected(way)
    expect(textOf(await client.callTool(`${name}-echo`, { text: 'before' }))).toBe('before')
    const called = server.seen.called.length
    const waiting = client.callTool(`${name}-wait`)
    waiting.catch(() => {})
    await expect.poll(() => server.seen.called.length).toBeGreaterThan(called)
    await server.die()
    await expect(waiting).rejects.toMatchObject({ code: -32603 })
    await expect(client.callTool(`${name}-echo`)).rejects.toMatchObject({
      message: expect.stringContaining(`MCP server unavailable: ${name}`),
    })
    await server.revive()
    const again = () => client.callTool(`${name}-echo`, { text: 'after' }).then(textOf, () => undefined)
    await expect.poll(again, { timeout: 15_000 }).toBe('after')
  },
  20_000,
)

test('a program that is killed takes its children along, fails its calls and is started again', async () => {
  const { port, socket: grandchild, close } = await switchboard()
  onTestFinished(close)
  const client = await connected('sdk 2 without sessions')
  const pid = textOf(await client.callTool('program-pid'))
  await client.callTool('program-spawn', { port })
  const ended = once(await grandchild, 'close')
  const waiting = client.callTool('program-wait')
  waiting.catch(() => {})
  process.kill(Number(pid), 'SIGKILL')
  await expect(waiting).rejects.toMatchObject({ message: expect.stringContaining('MCP server unavailable: program') })
  await ended
  const again = () => client.callTool('program-pid').then(textOf, () => pid)
  await expect.poll(again, { timeout: 10_000 }).not.toBe(pid)
})
