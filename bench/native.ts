import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { isOnPath } from './path.ts'

const sources = join(import.meta.dirname, 'native')
const build = join(import.meta.dirname, '.build')

/** What the load generator tells of a run. Latencies in microseconds. */
export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  readonly errors: number
  /** Status of an answer that was an error, else 200. */
  readonly status: number
  readonly p50: number
  readonly p99: number
  /** Events of streams, and the time to the first of each. */
  readonly events: number
  readonly tokenP50: number
  readonly tokenP99: number
}

export type LoadMode = 'closed' | 'open' | 'stream' | 'hold'

/** The upstream that every variant forwards to. */
export interface Mock {
  readonly port: number
  stop(): Promise<void>
}

/** Compiles mock and load generator. Throws when there is no C compiler. */
export function compileNative(): void {
  const compiler = ['cc', 'gcc', 'clang'].find(isOnPath)
  if (compiler === undefined)
    throw new Error('The bench needs a C compiler (cc) for its mock upstream and load generator, and found none.')
  mkdirSync(build, { recursive: true })
  for (const name of ['mock', 'load'])
    execFileSync(compiler, ['-O2', '-o', join(build, name), join(sources, `${name}.c`)], { stdio: 'inherit' })
}

/** With two cores, the gateway under test has the first to itself. */
const isPinned = process.platform === 'linux' && availableParallelism() > 1 && isOnPath('taskset')

/** A command line that runs on one core, where cores can be chosen. */
export function pinned(core: 'gateway' | 'load', command: readonly string[]): readonly string[] {
  return isPinned ? ['taskset', '-c', core === 'gateway' ? '0' : '1', ...command] : command
}

/** Any free port of this machine. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('There is no free port.')
  return address.port
}

export async function startMock(): Promise<Mock> {
  const port = await freePort()
  const child = spawnPinned('load', [join(build, 'mock'), String(port)], 'pipe')
  await once(createInterface(child.stdout!), 'line')
  return { port, stop: () => stopProcess(child) }
}

/** Runs the load generator to its end. `onHeld` is called when all held streams have their first token. */
export async function load(
  mode: LoadMode,
  settings: Readonly<Record<string, string | number>>,
  headers: readonly string[],
  onHeld?: () => void,
): Promise<LoadResult> {
  const options = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  const command = [join(build, 'load'), mode, ...options, ...headers.map((header) => `header=${header}`)]
  const child = spawnPinned('load', command, 'pipe')
  let last = ''
  for await (const line of createInterface(child.stdout!)) {
    if (line.includes('"held"')) onHeld?.()
    else last = line
  }
  if (last === '') throw new Error('The load generator ended without a result.')
  return JSON.parse(last)
}

/** Processes that this one started and that have not ended. */
const running = new Set<ChildProcess>()

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

/** Starts a process that ends with this one at the latest. `output` is where it writes. */
export function spawnPinned(
  core: 'gateway' | 'load',
  commandLine: readonly string[],
  output: 'pipe' | number,
  environment: Readonly<Record<string, string>> = {},
): ChildProcess {
  const [command, ...rest] = pinned(core, commandLine)
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(command!, rest, {
    stdio: ['ignore', output, typeof output === 'number' ? output : 'inherit'],
    env: { PATH, HOME, ...environment },
  })
  running.add(child)
  child.on('exit', () => running.delete(child))
  return child
}

/** Asks a process to end, and ends it when it does not within three seconds. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const impatience = setTimeout(() => child.kill('SIGKILL'), 3000)
  await ended
  clearTimeout(impatience)
}
