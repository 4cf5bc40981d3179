import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { JsonObject } from '@tianjillm/core'
import { type Switchboard, someTools, switchboard } from '@tianjillm/testing-mcp'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { McpTransport } from '../../src/settings.ts'
import { patient } from '../../src/upstream/pace.ts'
import type { Conversation } from '../../src/upstream.ts'
import { house, names, until } from './house.ts'
import { anyone } from './peers.ts'

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const node = (...args: string[]): McpTransport => ({
  type: 'stdio',
  command: process.execPath,
  args: ['--conditions=@tianjillm/source', ...args],
  env: {},
})
const raw = (...flags: string[]) => node(file('raw-server.ts'), ...flags)

const call = async (conversation: Conversation, name: string, given: Record<string, unknown> = {}) => {
  const { content } = await conversation.request('tools/call', { name, arguments: given })
  return (content as { text: string }[])[0]?.text ?? ''
}

/** Until the test ends. */
async function listening(): Promise<Switchboard> {
  const board = await switchboard()
  onTestFinished(board.close)
  return board
}

describe('a server over stdio', () => {
  test.each(['older', 'newer'])('of the %s SDK offers and answers', async (era) => {
    const { upstream } = house(node(file('sdk-server.ts'), era))
    expect(names((await upstream.offer()).tools)).toEqual(someTools)
    const conversation = await upstream.open(anyone)
    expect(await call(conversation, 'echo', { text: 'hi' })).toBe('hi')
  })

  test('tells of all progress, also of that which comes with the answer', async () => {
    const conversation = await house(node(file('sdk-server.ts'), 'older')).upstream.open(anyone)
    const heard: unknown[] = []
    const onProgress = ({ progress }: JsonObject) => heard.push(progress)
    await conversation.request('tools/call', { name: 'work' }, { onProgress })
    expect(heard).toEqual([1, 2, 3])
  })

  test.each(['--strict', '--mute'])('that knows no newer greeting gets the older one (%s)', async (flag) => {
    const { upstream } = house(raw(flag), { timeout: 3000 })
    expect(names((await upstream.offer()).tools)).toContain('die')
    expect(upstream.health).toMatchObject({ status: 'healthy', restarts: 0 })
  })

  test('gets no variables but harmless ones and its own', async () => {
    process.env.TIANJI_TEST_SECRET = 'secret'
    onTestFinished(() => void delete process.env.TIANJI_TEST_SECRET)
    const { upstream } = house({ ...raw(), env: { OWN: '1' } } as McpTransport)
    const variables = await call(await upstream.open(anyone), 'environment')
    expect(variables.split(' ')).toContain('OWN')
    expect(variables).not.toContain('TIANJI_TEST_SECRET')
  })

  test('has what it says for people cut and logged', async () => {
    const { upstream, lines } = house(raw())
    await upstream.offer()
    await expect.poll(() => lines.length).toBe(1)
    expect(lines[0]).toBe(`info: MCP server docs: I say ${'a'.repeat(994)}…`)
  })

  test('fails calls at once when it ends, and is started again', async () => {
    const { upstream } = house(raw())
    await upstream.offer()
    const conversation = await upstream.open(anyone)
    const before = await call(conversation, 'pid')
    const waiting = conversation.request('tools/call', { name: 'wait' })
    const dying = conversation.request('tools/call', { name: 'die' })
    await expect(waiting).rejects.toMatchObject({
      kind: 'upstream_unreachable',
      message: 'The MCP server docs went away before it answered.',
    })
    await expect(dying).rejects.toMatchObject({ kind: 'upstream_unreachable' })
    expect(upstream.health).toMatchObject({ status: 'unhealthy', failure: 'The MCP server docs stopped.' })
    await until(upstream, () => upstream.health.status === 'healthy')
    expect(upstream.health.restarts).toBe(1)
    expect(await call(conversation, 'pid')).not.toBe(before)
  })

  test('that ends each time is left alone after so many restarts', async () => {
    const { upstream } = house(raw('--broken'), { restarts: 2 })
    await expect(upstream.offer()).rejects.toMatchObject({ kind: 'upstream_unreachable' })
    await expect.poll(() => upstream.health.restarts).toBe(2)
    await expect.poll(() => upstream.offer().catch((error) => error.message)).toMatch(/tried again in (300|299) s/)
    expect(upstream.health.restarts).toBe(2)
  })

  test('whose command is not there says so', async () => {
    const { upstream } = house({ type: 'stdio', command: '/nowhere/at-all', args: [], env: {} })
    await expect(upstream.offer()).rejects.toMatchObject({
      kind: 'upstream_unreachable',
      message: 'The MCP server docs: its command cannot be run (ENOENT).',
    })
  })

  test('is one process for all who wait for it, and one of its own for who can be told', async () => {
    const { upstream } = house(raw())
    const shared = await Promise.all([upstream.open(anyone), upstream.open(anyone)])
    const own = await upstream.open({ ...anyone, notify: () => {} })
    const [first, second, third] = await Promise.all([...shared, own].map((conversation) => call(conversation, 'pid')))
    expect(first).toBe(second)
    expect(third).not.toBe(first)
    await own.close()
  })
})

describe('what a process has started', () => {
  test('ends with the upstream', async () => {
    const { port, socket } = await listening()
    const { upstream } = house(raw('--stubborn'))
    await call(await upstream.open(anyone), 'spawn', { port })
    const closed = once(await socket, 'close')
    await upstream.close()
    await closed
    expect(upstream.health.status).toBe('stopped')
    await expect(upstream.offer()).rejects.toThrow('The MCP server docs is stopped.')
  })

  test('ends with the process', async () => {
    const { port, socket } = await listening()
    const { upstream } = house(raw(), {}, patient)
    const conversation = await upstream.open(anyone)
    await call(conversation, 'spawn', { port })
    const closed = once(await socket, 'close')
    await call(conversation, 'die').catch(() => {})
    await closed
  })

  test('ends with the gateway', async () => {
    const { port, socket } = await listening()
    const gateway = spawn(
      process.execPath,
      ['--conditions=@tianjillm/source', file('ends-with-children.ts'), file('raw-server.ts'), String(port)],
      { stdio: ['pipe', 'ignore', 'inherit'] },
    )
    onTestFinished(() => void gateway.kill('SIGKILL'))
    const closed = once(await socket, 'close')
    gateway.stdin.write('end\n')
    await closed
  })
})
