import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, type LoadMode, type LoadResult, load, spawnPinned, stopProcess } from './native.ts'
import { key, type Variant } from './variants.ts'

const START_LIMIT = 60_000

/** What is asked: a prompt of so many bytes, whole or as a stream at a pace. */
export interface Prompt {
  readonly bytes: number
  readonly chunks?: number
  readonly interval?: number
}

/** A variant that runs. */
export interface Target {
  readonly variant: Variant
  /** None when clients ask the upstream itself. */
  readonly pid: number | undefined
  /** Milliseconds from starting the process to the first 200 through it. */
  readonly startedIn: number
  load(
    mode: LoadMode,
    prompt: Prompt,
    settings: Readonly<Record<string, number>>,
    onHeld?: () => void,
  ): Promise<LoadResult>
  stop(): Promise<void>
}

/** Starts a variant in front of the upstream at a port. Throws when it does not answer within a minute. */
export async function startTarget(variant: Variant, upstream: number): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), `bench-${variant.name}-`))
  const place = { folder, port: await freePort(), upstream }
  const launch = variant.prepare(place)
  const port = launch ? place.port : upstream
  const headers = variant.headers(place)
  const log = openSync(join(folder, 'output.log'), 'w')
  const started = performance.now()
  const child = launch && spawnPinned('gateway', launch.command, log, launch.environment)
  closeSync(log)
  const stop = async () => {
    if (child) await stopProcess(child)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await firstAnswer(
      port,
      headers,
      bodyFor(variant, { bytes: 300 }),
      () => child !== undefined && child.exitCode !== null,
    )
  } catch (error) {
    if (child) await stopProcess(child)
    throw new Error(`${variant.name} does not answer as it should; its output is in ${folder}/output.log`, {
      cause: error,
    })
  }
  return {
    variant,
    pid: child?.pid,
    startedIn: performance.now() - started,
    load(mode, prompt, settings, onHeld) {
      const body = join(folder, 'body.json')
      writeFileSync(body, bodyFor(variant, prompt))
      return load(mode, { port, path: '/v1/chat/completions', key, body, ...settings }, headers, onHeld)
    },
    stop,
  }
}

function bodyFor({ model }: Variant, { bytes, chunks, interval }: Prompt): string {
  const pace = chunks === undefined ? '' : `chunks=${chunks} interval=${interval} `
  const body = (content: string) =>
    JSON.stringify({
      model,
      messages: [
        { role: 'system', content: 'You are a helpful assistant.' },
        { role: 'user', content },
      ],
      temperature: 0.7,
      ...(chunks !== undefined && { stream: true }),
    })
  const words = 'How does a reverse proxy work? '.repeat(bytes / 31 + 1)
  return body(pace + words.slice(0, Math.max(0, bytes - body(pace).length)))
}

/** Asks until there is a good answer. Also makes sure that it is the mock's. */
async function firstAnswer(
  port: number,
  headers: readonly string[],
  body: string,
  hasEnded: () => boolean,
): Promise<void> {
  const fields = headers.map((header) => header.split(': ') as [string, string])
  const deadline = performance.now() + START_LIMIT
  for (let problem: unknown; ; await sleep(2)) {
    if (performance.now() > deadline || hasEnded()) throw new Error('No good answer.', { cause: problem })
    try {
      const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
        method: 'POST',
        headers: [['content-type', 'application/json'], ['authorization', `Bearer ${key}`], ...fields],
        body,
      })
      const text = await response.text()
      if (response.status === 200 && text.includes('A reverse proxy takes')) return
      problem = `${response.status} ${text}`
    } catch (error) {
      problem = error
    }
  }
}
