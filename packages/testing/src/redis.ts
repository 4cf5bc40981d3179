import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A Redis of a test's own, on loopback and without a disk. */
export interface TestRedis {
  readonly port: number
  /** What it answers to a command, as it stands on the wire. */
  say(...words: readonly string[]): Promise<string>
  /** Makes it slow: it still takes connections and commands, and answers nothing until it is thawed. */
  freeze(): void
  thaw(): void
  /** Ends it as a crash would. */
  kill(): Promise<void>
  /** Starts it again after that: on the same port, and empty. */
  restart(): Promise<void>
  /** Ends it for good. */
  stop(): Promise<void>
}

/** How a Redis is started. */
export interface TestRedisSettings {
  readonly password?: string
  /** More arguments of redis-server. */
  readonly more?: readonly string[]
}

/** Milliseconds it has to come up. */
const START_TIMEOUT = 20_000

/** Path of redis-server; undefined where it is not installed. */
export function redisProgram(): string | undefined {
  return (process.env.PATH ?? '')
    .split(':')
    .map((folder) => join(folder, 'redis-server'))
    .find(existsSync)
}

/** The title of tests that need a Redis, which says so where they have to be skipped. */
export function needsRedis(title: string): string {
  return redisProgram() === undefined ? `${title} (skipped: redis-server is not installed)` : title
}

/** Starts a Redis that answers. */
export async function startRedis({ password, more = [] }: TestRedisSettings = {}): Promise<TestRedis> {
  const program = redisProgram()
  if (program === undefined) throw new Error('redis-server is not installed.')
  const [port, folder] = [await freePort(), mkdtempSync(join(tmpdir(), 'tianji-redis-'))]
  const secret = password === undefined ? [] : ['--requirepass', password]
  const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no']
  const say = (...words: readonly string[]) => talk(port, password, words)
  const launch = async () => {
    const server = spawn(program, [...own, ...secret, ...more], { stdio: 'ignore' })
    await answering(server, () => say('PING'))
    return server
  }
  let server = await launch()
  const killNow = () => void server.kill('SIGKILL')
  process.once('exit', killNow)
  const kill = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const ended = new Promise((resolve) => server.once('exit', resolve))
    killNow()
    await ended
  }
  return {
    port,
    say,
    freeze: () => void server.kill('SIGSTOP'),
    thaw: () => void server.kill('SIGCONT'),
    kill,
    async restart() {
      server = await launch()
    },
    async stop() {
      await kill()
      process.off('exit', killNow)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A port that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

async function answering(server: ChildProcess, ask: () => Promise<string>): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT
  for (;;)
    try {
      if ((await ask()).includes('PONG')) return
    } catch (error) {
      if (server.exitCode !== null || performance.now() > deadline) throw error
      await sleep(10)
    }
}

/** Says a few things over a connection of their own, the last of which makes Redis close it. */
function talk(port: number, password: string | undefined, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1').setEncoding('utf8')
    let answers = ''
    socket.once('error', reject)
    socket.on('data', (piece) => {
      answers += piece
    })
    socket.once('close', () => resolve(answers))
    if (password !== undefined) socket.write(command(['AUTH', password]))
    socket.write(command(words) + command(['QUIT']))
  })
}

/** https://redis.io/docs/latest/develop/reference/protocol-spec/ */
function command(words: readonly string[]): string {
  return [`*${words.length}`, ...words.flatMap((word) => [`$${Buffer.byteLength(word)}`, word]), ''].join('\r\n')
}
