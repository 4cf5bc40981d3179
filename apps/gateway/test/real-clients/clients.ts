import { execFile, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { JsonObject } from '@tianjillm/core'
import { type Errand, installed, type Stage, type Way } from './stage.ts'

/** What a client found. */
export interface Found {
  readonly tools: readonly string[]
  /** The text of each call's result, in the order of the calls. */
  readonly texts: readonly string[]
}

/** A client of somebody else. */
export interface RealClient {
  readonly name: string
  readonly transports: readonly Way['transport'][]
  /** Lists tools and runs the errands. Rejects with what the client said. */
  use(way: Way, stage: Stage): Promise<Found>
}

const run = promisify(execFile)
const all = ['http', 'sse', 'stdio'] as const
const LONGEST = 60_000

/** Does the errands with a program of this folder. */
function program(file: string, command: string = process.execPath) {
  return async (way: Way, { errands }: Pick<Stage, 'errands'>): Promise<Found> => {
    const calls = errands.map(({ name, arguments: given }) => ({ name, arguments: given }))
    const args = [join(import.meta.dirname, 'programs', file), JSON.stringify({ way, calls })]
    const { stdout } = await run(command, args, { timeout: LONGEST, maxBuffer: 2 ** 26 })
    return JSON.parse(stdout.trim().split('\n').at(-1)!) as Found
  }
}

/** The inspector does one thing a run. */
function inspector(era: string) {
  return async (way: Way, { errands, folder }: Stage): Promise<Found> => {
    const { transport, ...place } = way
    const config = join(folder, `inspector-${era}-${transport}.json`)
    const server = { type: transport === 'http' ? 'streamable-http' : transport, ...place }
    writeFileSync(config, JSON.stringify({ mcpServers: { gateway: server } }))
    const ask = async (...args: readonly string[]): Promise<JsonObject> => {
      const bin = installed('@modelcontextprotocol/inspector/clients/launcher/build/index.js')
      const options = [
        '--cli',
        '--config',
        config,
        '--server',
        'gateway',
        '--protocol-era',
        era,
        '--format',
        'json',
        '-q',
      ]
      const env = { PATH: process.env.PATH, HOME: folder }
      const { stdout } = await run(process.execPath, [bin, ...options, ...args], { env, timeout: LONGEST })
      return (JSON.parse(stdout) as { readonly result: JsonObject }).result
    }
    const call = async ({ name, arguments: given }: Errand) => {
      const asked = ['--tool-name', name, '--tool-args-json', JSON.stringify(given)]
      return textIn(await ask('--method', 'tools/call', ...asked))
    }
    const { tools } = (await ask('--method', 'tools/list')) as { readonly tools: readonly { readonly name: string }[] }
    const texts: string[] = []
    for (const errand of errands) texts.push(await call(errand))
    return { tools: tools.map(({ name }) => name), texts }
  }
}

function textIn(result: JsonObject): string {
  const { content } = result as { readonly content: readonly { readonly text?: string }[] }
  return content.map(({ text }) => text).join('\n')
}

/** A bridge, and the older SDK at its other end. */
const throughRemote: RealClient['use'] = (way, stage) => {
  if (way.transport === 'stdio') throw new Error('mcp-remote is for servers over HTTP')
  const headers = Object.entries(way.headers).flatMap(([name, value]) => ['--header', `${name}:${value}`])
  const args = [way.url, '--allow-http', '--transport', `${way.transport}-only`, ...headers]
  const bridge: Way = {
    transport: 'stdio',
    command: process.execPath,
    args: [installed('mcp-remote/dist/proxy.js'), ...args],
    env: { PATH: String(process.env.PATH), MCP_REMOTE_CONFIG_DIR: join(stage.folder, 'remote') },
  }
  return program('sdk-1.mjs')(bridge, stage)
}

/** A python that has the SDK: that of `PYTHON`, or the usual one. */
function findPython(): string | undefined {
  const python = process.env.PYTHON || 'python3'
  return spawnSync(python, ['-c', 'import mcp, httpx2']).status === 0 ? python : undefined
}

/** All clients that are here. */
export function realClients(): readonly RealClient[] {
  const python = findPython()
  if (python === undefined)
    console.log('Python with the SDK of PyPI is not here, and not tried: pip install mcp, and say where by PYTHON.\n')
  return [
    { name: 'inspector, legacy', transports: all, use: inspector('legacy') },
    { name: 'inspector, auto', transports: ['http', 'stdio'], use: inspector('auto') },
    { name: 'SDK v1', transports: all, use: program('sdk-1.mjs') },
    { name: 'SDK v2', transports: all, use: program('sdk-2.mjs') },
    { name: '@ai-sdk/mcp', transports: all, use: program('ai-sdk.mjs') },
    { name: '@openai/agents', transports: all, use: program('openai-agents.mjs') },
    { name: 'mcp-remote', transports: ['http', 'sse'], use: throughRemote },
    ...(python === undefined ? [] : [{ name: 'Python SDK', transports: all, use: program('python.py', python) }]),
  ]
}
