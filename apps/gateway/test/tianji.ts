import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'

const MAIN = resolve(import.meta.dirname, '../src/main.ts')

/** The `tianji` command, running. */
export interface Tianji {
  /** Standard output so far. */
  readonly output: () => string
  /** Standard error so far. */
  readonly errors: () => string
  /** Where it listens. Rejects with what it said when it ends before. */
  readonly url: Promise<string>
  /** The exit code, or the name of the signal that ended it. */
  readonly exit: Promise<number | string>
  readonly signal: (name: 'SIGTERM' | 'SIGINT' | 'SIGHUP' | 'SIGKILL' | 'SIGUSR2') => void
}

/** How the command is run; it sees nothing of the test's own environment. */
export interface Surroundings {
  readonly folder?: string
  readonly env?: Readonly<Record<string, string>>
  /** Arguments for node itself. */
  readonly nodeArguments?: readonly string[]
}

/** What processes get of the test's own environment: where programs are, and code that others have compiled. */
export const bareEnvironment: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => name === 'PATH' || name === 'NODE_COMPILE_CACHE'),
) as Readonly<Record<string, string>>

/** Runs the `tianji` command in a process of its own, until it ends or the test does. */
export function tianji(
  args: readonly string[],
  { folder = folderWith({}), env = {}, nodeArguments = [] }: Surroundings = {},
): Tianji {
  const child = spawn(process.execPath, ['--conditions=@tianjillm/source', ...nodeArguments, MAIN, ...args], {
    cwd: folder,
    env: { ...bareEnvironment, TZ: 'UTC', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  let output = ''
  let errors = ''
  child.stderr.on('data', (piece) => {
    errors += piece
  })
  const exit = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'nothing'))
  })
  const url = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (piece) => {
      output += piece
      const [, found] = /listens on (http:\S+)/.exec(output) ?? []
      if (found) resolve(found)
    })
    exit.then((code) => reject(new Error(`tianji ended with ${code}: ${errors}`)))
  })
  url.catch(() => {})
  return { output: () => output, errors: () => errors, url, exit, signal: (name) => child.kill(name) }
}

/** A folder with these files in it, until the test ends. */
export function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'tianji-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}
