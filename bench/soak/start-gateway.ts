import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

const root = resolve(import.meta.dirname, '../..')

/** The gateway, running in a process of its own. */
export interface GatewayProcess {
  readonly pid: number
  readonly url: string
  /** All it said on standard error, and warnings and errors of its log. */
  readonly complaints: readonly string[]
  readonly hasEnded: () => boolean
  /** Configurations that were in force so far. */
  readonly generations: () => number
  /** Has it read its configuration again. */
  reload(): void
  /** Asks it to stop; gives its exit code, or the name of the signal that ended it. */
  stop(): Promise<number | string>
}

/** Starts the gateway from source, or as built. Rejects with what it said when it does not come up. */
export async function startGateway(config: string, isBuilt: boolean): Promise<GatewayProcess> {
  const main = join(root, 'apps/gateway', isBuilt ? 'dist/main.js' : 'src/main.ts')
  if (!existsSync(main)) throw new Error(`${main} is not there. Run npm run build, or leave out --built.`)
  const folder = mkdtempSync(join(tmpdir(), 'tianji-soak-'))
  writeFileSync(join(folder, 'proxy_config.yaml'), config)
  const child = spawn(
    process.execPath,
    [
      ...(isBuilt ? [] : ['--conditions=@tianjillm/source']),
      ...[main, '--config', 'proxy_config.yaml', '--port', '0', '--host', '127.0.0.1'],
    ],
    { cwd: folder, env: { PATH: process.env.PATH, TZ: 'UTC' }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  process.once('exit', () => child.kill('SIGKILL'))
  const complaints: string[] = []
  let end: number | string | undefined
  let generations = 1
  const exit = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => {
      end = code ?? signal ?? 'nothing'
      rmSync(folder, { recursive: true, force: true })
      resolve(end)
    })
  })
  createInterface(child.stderr).on('line', (line) => complaints.push(line))
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      const [, found] = /listens on (http:\S+)/.exec(line) ?? []
      if (found) resolve(found)
      const [, generation] = /"generation":(\d+)/.exec(line) ?? []
      if (generation) generations = Number(generation)
      // pino's numbers for warn, error and fatal.
      if (/^\{"level":[456]0,/.test(line)) complaints.push(line)
    })
    void exit.then((code) => reject(new Error(`The gateway ended with ${code}:\n${complaints.join('\n')}`)))
  })
  return {
    pid: child.pid!,
    url,
    complaints,
    hasEnded: () => end !== undefined,
    generations: () => generations,
    reload: () => child.kill('SIGHUP'),
    stop() {
      child.kill('SIGTERM')
      return exit
    },
  }
}
