import { execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A PostgreSQL server of a test's own, on loopback, with an empty cluster. */
export interface TestPostgres {
  /** URL of a new, empty database. */
  newDatabase(): string
  /** Ends the server at once, as a crash would; its data is gone. */
  stop(): Promise<void>
}

/** Milliseconds a server has to come up. */
const START_TIMEOUT = 20_000

/** Folder with PostgreSQL's programs; undefined where it is not installed. */
export function postgresFolder(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((one, other) => Number(other) - Number(one)) : []
  const folders = [...(process.env.PATH ?? '').split(':'), ...versions.map((version) => `${debian}/${version}/bin`)]
  return folders.find((folder) => ['initdb', 'postgres', 'psql'].every((name) => existsSync(join(folder, name))))
}

/** Runs a server until the one who started it is no more, however that came about. `$0` is the server's folder. */
const GUARD = `"$@" & server=$!; read -r _; kill -QUIT $server; wait $server; rm -rf "$0"`

/** Starts a server. It does not run as root, so then it runs as `postgres` or as nobody. */
export async function startPostgres(programs: string): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'tianji-postgres-'))
  const owner = process.getuid?.() === 0 ? { uid: idOf('u'), gid: idOf('g') } : {}
  if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid)
  const data = join(folder, 'data')
  execFileSync(join(programs, 'initdb'), ['-D', data, '-U', 'test', '--auth=trust', '-E', 'UTF8', '--no-sync'], {
    ...owner,
    cwd: folder,
    stdio: 'ignore',
  })
  const port = await freePort()
  const settings = [
    ...[`port=${port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`],
    // Nothing of it has to outlive the machine.
    ...['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'wal_level=minimal', 'max_wal_senders=0'],
  ]
  const command = [join(programs, 'postgres'), '-D', data, ...settings.flatMap((setting) => ['-c', setting])]
  const guard = spawn('sh', ['-c', GUARD, folder, ...command], {
    ...owner,
    cwd: tmpdir(),
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const ended = new Promise<void>((resolve) => guard.once('exit', () => resolve()))
  // Else the test's process would wait for it.
  guard.unref()
  const ask = (sql: string) =>
    execFileSync(join(programs, 'psql'), ['-h', '127.0.0.1', '-p', String(port), '-U', 'test', '-c', sql, 'postgres'], {
      stdio: 'ignore',
    })
  await answering(() => ask('select 1'))
  let databases = 0
  return {
    newDatabase() {
      databases += 1
      ask(`create database test_${databases}`)
      return `postgres://test@127.0.0.1:${port}/test_${databases}`
    },
    async stop() {
      guard.stdin.end()
      await ended
    },
  }
}

async function answering(ask: () => void): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT
  for (;;)
    try {
      return ask()
    } catch (error) {
      if (performance.now() > deadline) throw error
      await sleep(100)
    }
}

function idOf(kind: 'u' | 'g'): number {
  for (const name of ['postgres', 'nobody'])
    try {
      return Number(execFileSync('id', [`-${kind}`, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
    } catch {
      // There is no such user.
    }
  return 65_534
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
