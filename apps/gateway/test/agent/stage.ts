import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { JsonObject } from '@tianjillm/core'
import { type Arrived, type FakeUpstream, fakeUpstream, type Scripted } from '@tianjillm/testing'
import { onTestFinished } from 'vitest'
import { bareEnvironment } from '../tianji.ts'

/** Ways to the database. */
export const transports = ['stdio', 'sse', 'http'] as const
export type Transport = (typeof transports)[number]

/** The gateway's key. */
export const TOKEN = 'sk-token-of-the-stage'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')
const DATABASE = resolve(import.meta.dirname, '../../../../packages/mcp/test/upstream/database-server.ts')
const fromSource = '--conditions=@tianjillm/source'

/** How it is set. */
export interface Setting {
  readonly transport: Transport
  /** `agent:` of the configuration. */
  readonly agent?: JsonObject
  /** In place of what points at the fake vendors. */
  readonly vendors?: Readonly<Record<string, string>>
  /** Besides all that. */
  readonly env?: Readonly<Record<string, string>>
  /** Without the tools that do what servers should not. */
  readonly isHarmless?: boolean
}

/** A gateway in a process of its own that knows its vendors and its MCP server by its environment alone. */
export interface Stage {
  readonly url: string
  /** Fake vendors, each speaking its own wire. */
  readonly vendors: Readonly<Record<'openai' | 'huawei_maas', FakeUpstream>>
  /** What the gateway has logged. */
  readonly log: () => string
  /** Asks the gateway with its key; a body makes it a POST. */
  ask(path: string, body?: unknown, init?: RequestInit): Promise<Response>
  close(): Promise<void>
}

/** Sets it until the test is over. */
export async function stageOfTest(setting: Setting): Promise<Stage> {
  const stage = await setStage(setting)
  onTestFinished(() => stage.close())
  return stage
}

/** Sets it. Rejects with what the gateway says when it does not start. */
export async function setStage(setting: Setting): Promise<Stage> {
  const vendors = { openai: await fakeUpstream(), huawei_maas: await fakeUpstream() }
  const folder = mkdtempSync(join(tmpdir(), 'tianji-agent-'))
  const programs: Listening[] = []
  const close = async () => {
    for (const program of programs.toReversed()) await program.end()
    await Promise.all([vendors.openai.close(), vendors.huawei_maas.close()])
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const { url, output } = await startAll(setting, { vendors, folder, programs })
    const ask: Stage['ask'] = (path, body, { headers, ...init } = {}) =>
      fetch(`${url}${path}`, {
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
        ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
        ...init,
      })
    return { url, vendors, log: output, ask, close }
  } catch (error) {
    await close()
    throw error
  }
}

interface Rooms extends Pick<Stage, 'vendors'> {
  readonly folder: string
  /** Those that were started. */
  readonly programs: Listening[]
}

/** The database, where it is a process of its own, and the gateway. */
async function startAll(setting: Setting, { vendors, folder, programs }: Rooms): Promise<Listening> {
  const { transport, agent, env } = setting
  const start = async (...program: Parameters<typeof listening>) => {
    const started = await listening(...program)
    programs.push(started)
    return started
  }
  const place =
    transport === 'stdio'
      ? { MCP_SERVER_COMMAND: [process.execPath, fromSource, DATABASE, 'stdio', ...flags(setting)].join(' ') }
      : { MCP_SERVER_URL: (await start([DATABASE, transport, ...flags(setting)])).url }
  // JSON is YAML.
  writeFileSync(join(folder, 'proxy_config.yaml'), JSON.stringify({ agent: { rate_limit: 10_000, ...agent } }))
  return start([MAIN, '--port', '0', '--host', '127.0.0.1'], {
    cwd: folder,
    env: {
      ...{ ...bareEnvironment, API_TOKEN: TOKEN, LOG_LEVEL: 'debug', MCP_TRANSPORT: transport },
      ...place,
      ...(setting.vendors ?? fakes(vendors)),
      ...env,
    },
  })
}

function flags({ isHarmless = false }: Pick<Setting, 'isHarmless'>): readonly string[] {
  return isHarmless ? ['--harmless'] : []
}

function fakes({ openai, huawei_maas: maas }: Stage['vendors']): Readonly<Record<string, string>> {
  return {
    ...{ OPENAI_API_KEY: 'sk-openai', OPENAI_BASE_URL: `${openai.url}/v1` },
    ...{ MAAS_API_KEY: 'maas-key', MAAS_MODEL_NAME: 'deepseek-v3' },
    MAAS_API_URL: `${maas.url}/maas/v2/chat/completions`,
  }
}

interface Listening {
  readonly url: string
  readonly output: () => string
  end(): Promise<void>
}

/** A program of the house, once it has said where it listens. */
async function listening(args: readonly string[], options: object = {}): Promise<Listening> {
  const child = spawn(process.execPath, [fromSource, ...args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const url = await new Promise<string>((resolve, reject) => {
    const hear = (piece: Buffer) => {
      output += piece
      const [found] = /http:\/\/127\.0\.0\.1:\d+[\w/]*/.exec(output) ?? []
      if (found !== undefined) resolve(found)
    }
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', hear)
    child.once('exit', (code) => reject(new Error(`It ended with ${code}: ${output}`)))
  })
  return { url, output: () => output, end: () => ended(child) }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

/** A turn that begins when it is told to. */
export function held(turn: (request: Arrived) => Scripted): {
  readonly turn: (request: Arrived) => Promise<Scripted>
  readonly release: () => void
} {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { turn: (request) => promise.then(() => turn(request)), release: resolve }
}
