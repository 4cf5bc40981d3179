import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { formatDifference } from './house/difference.ts'
import { houseCheck, houseFix } from './house-check.ts'

const root = resolve(import.meta.dirname, '..')

interface Result {
  readonly isGood: boolean
  /** What it had to say. */
  readonly output: string
}

interface Check {
  readonly name: string
  run(): Promise<Result>
}

/** In the order they are told; they run side by side. */
const checks: readonly Check[] = [
  {
    name: 'format and lint',
    run: () => tool('biome', 'ci', '--error-on-warnings', '--reporter=concise', '--colors=off', '.'),
  },
  { name: 'types', run: () => tool('tsc', '--noEmit', '-p', '.') },
  { name: 'boundaries', run: () => tool('turbo', 'boundaries', '--no-update-notifier') },
  { name: 'house', run: checkHouse },
]

if (process.argv.includes('--fix')) await fix()
process.exitCode = (await check()) ? 0 : 1

/** Tells what each check found. Whether all is well. */
async function check(): Promise<boolean> {
  const started = performance.now()
  const running = checks.map(({ name, run }) => ({ name, result: run() }))
  const failed: string[] = []
  for (const { name, result } of running) {
    const { isGood, output } = await result
    if (isGood) continue
    failed.push(name)
    console.log(`${name}:\n${output.trim()}\n`)
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(
    failed.length === 0
      ? `All is well: ${checks.map(({ name }) => name).join(', ')} (${seconds} s).`
      : `${failed.length} of ${checks.length} checks failed: ${failed.join(', ')} (${seconds} s).`,
  )
  return failed.length === 0
}

/** The house first, for the formatter has the last word. */
async function fix(): Promise<void> {
  for (const path of await houseFix(root)) console.log(`Wrote ${path}.`)
  await tool('biome', 'check', '--write', '.')
}

async function checkHouse(): Promise<Result> {
  const differences = await houseCheck(root)
  return { isGood: differences.length === 0, output: differences.map(formatDifference).join('\n') }
}

function tool(name: string, ...args: readonly string[]): Promise<Result> {
  const child = spawn(`node_modules/.bin/${name}`, args, {
    cwd: root,
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (piece: Buffer) => {
      output += piece
    })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => resolve({ isGood: status === 0, output }))
  })
}
