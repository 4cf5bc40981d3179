import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { McpTransport } from '../../src/settings.ts'
import { house, http, names } from './house.ts'
import { anyone } from './peers.ts'

const bin = createRequire(new URL('../../../../package.json', import.meta.url)).resolve(
  '@modelcontextprotocol/server-everything/dist/index.js',
)

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Starts the server; resolves when it says that it listens. */
async function everything(mode: 'sse' | 'streamableHttp'): Promise<number> {
  const port = await freePort()
  const child = spawn(process.execPath, [bin, mode], {
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => /port/i.test(chunk.toString()) && resolve())
    child.once('exit', () => reject(new Error(`server-everything ended (${mode}).`)))
  })
  return port
}

const places: Record<string, () => Promise<McpTransport>> = {
  stdio: async () => ({ type: 'stdio', command: process.execPath, args: [bin, 'stdio'], env: {} }),
  sse: async () => http(`http://127.0.0.1:${await everything('sse')}/sse`),
  streamableHttp: async () => http(`http://127.0.0.1:${await everything('streamableHttp')}/mcp`),
}

test.each(Object.keys(places))('server-everything is reached over %s', async (place) => {
  const transport = await places[place]?.()
  if (transport === undefined) throw new Error('No such place.')
  const { upstream } = house(transport)
  const offer = await upstream.offer()
  expect(names(offer.tools)).toContain('echo')
  expect(offer.prompts.length).toBeGreaterThan(0)
  expect(offer.resources.length).toBeGreaterThan(0)
  expect(offer.resourceTemplates.length).toBeGreaterThan(0)
  const conversation = await upstream.open(anyone)
  const { content } = await conversation.request('tools/call', { name: 'echo', arguments: { message: 'hi' } })
  expect(content).toEqual([{ type: 'text', text: 'Echo: hi' }])
  const heard: unknown[] = []
  await conversation.request(
    'tools/call',
    { name: 'trigger-long-running-operation', arguments: { duration: 0.1, steps: 2 } },
    { onProgress: ({ progress }) => heard.push(progress) },
  )
  expect(heard).toEqual([1, 2])
})
