import { setTimeout as sleep } from 'node:timers/promises'
import type { LoadMode, LoadResult } from './native.ts'
import { cpuSeconds, residentBytes } from './process-stats.ts'
import type { Prompt, Target } from './target.ts'

/** What a measure gives, by the names of its figures. */
export type Values = Readonly<Record<string, number>>

/** One column of results. */
export interface Figure {
  readonly name: string
  readonly title: string
  readonly unit: string
  readonly digits: number
  /** Shown as the difference to asking the upstream directly, in the same round. */
  readonly isAdded?: boolean
}

export interface Measure {
  readonly name: string
  readonly figures: readonly Figure[]
  /** How often in an instance it gets a process of its own that has done nothing yet, instead of a turn in each round. */
  readonly freshTimes?: number
  /** `scale` makes it shorter than 1. Throws when the gateway failed requests. */
  run(target: Target, scale: number): Promise<Values>
}

const small: Prompt = { bytes: 300 }
const large: Prompt = { bytes: 32 * 1024 }

function figure(name: string, title: string, unit: string, digits: number): Figure {
  return { name, title, unit, digits }
}

/** In the order they are run and told. */
export const measures: readonly Measure[] = [
  saturation('json', 'JSON', small, 10_000),
  saturation('json32k', 'JSON, 32 KiB prompt', large, 4000),
  {
    name: 'open',
    figures: [
      { ...figure('p50', 'added p50 at 250 req/s', 'µs', 0), isAdded: true },
      { ...figure('p99', 'added p99 at 250 req/s', 'µs', 0), isAdded: true },
    ],
    async run(target, scale) {
      await target.load('open', small, { rate: 250, seconds: 0.5 })
      const { p50, p99 } = good(await target.load('open', small, { rate: 250, seconds: 3 * scale }))
      return { p50, p99 }
    },
  },
  {
    name: 'stream',
    figures: [figure('cpu', 'CPU, 10k streamed events', 's', 3)],
    async run(target, scale) {
      const paced = { ...small, chunks: 100, interval: 10 }
      await target.load('stream', { ...small, chunks: 20, interval: 10 }, { rate: 50, n: 25 })
      // A second to build up, then 50 streams at any time.
      const { result, cpu } = await withCpu(target, 'stream', paced, { rate: 50, n: Math.round(150 * scale) })
      return { cpu: (cpu / result.events) * 10_000 }
    },
  },
  {
    name: 'ttft',
    figures: [
      { ...figure('p50', 'added time to first token, p50', 'µs', 0), isAdded: true },
      { ...figure('p99', 'added time to first token, p99', 'µs', 0), isAdded: true },
    ],
    async run(target, scale) {
      const paced = { ...small, chunks: 20, interval: 10 }
      await target.load('stream', paced, { rate: 40, n: 20 })
      const { tokenP50, tokenP99 } = good(await target.load('stream', paced, { rate: 40, n: Math.round(100 * scale) }))
      return { p50: tokenP50, p99: tokenP99 }
    },
  },
  {
    name: 'hold',
    freshTimes: 1,
    figures: [figure('kib', 'memory of an open stream (1,000 held)', 'KiB', 0)],
    run: hold,
  },
  {
    name: 'start',
    freshTimes: 3,
    figures: [figure('ms', 'start to first 200', 'ms', 0), figure('mib', 'idle memory', 'MiB', 0)],
    async run(target) {
      if (target.pid === undefined) return {}
      await sleep(500)
      return { ms: target.startedIn, mib: residentBytes(target.pid) / 2 ** 20 }
    },
  },
]

/** As much as goes through at 64 connections. */
function saturation(name: string, title: string, prompt: Prompt, count: number): Measure {
  return {
    name,
    figures: [
      figure('cpu', `CPU, 10k requests (${title})`, 's', 3),
      figure('rate', `throughput (${title})`, 'req/s', 0),
    ],
    async run(target, scale) {
      const n = Math.round(count * scale)
      await target.load('closed', prompt, { c: 64, n: Math.round(n / 5) })
      const { result, cpu } = await withCpu(target, 'closed', prompt, { c: 64, n })
      return { cpu: (cpu / n) * 10_000, rate: n / result.seconds }
    },
  }
}

/** Enough requests for a compiler to have seen them all. */
export async function warmUp(target: Target): Promise<void> {
  await target.load('closed', small, { c: 64, n: 60_000 })
  await target.load('stream', { ...small, chunks: 20, interval: 5 }, { rate: 200, n: 200 })
}

/** What 1,000 streams take that are open at the same time. */
async function hold(target: Target): Promise<Values> {
  const { pid } = target
  if (pid === undefined) return {}
  await target.load('closed', small, { c: 64, n: 2000 })
  await target.load('stream', { ...small, chunks: 10, interval: 5 }, { rate: 200, n: 200 })
  await sleep(500)
  const before = residentBytes(pid)
  let peak = before
  const watching = setInterval(() => {
    peak = Math.max(peak, residentBytes(pid))
  }, 100)
  let isHeld = false
  const slow = { ...small, chunks: 12, interval: 500 }
  const result = await target.load('hold', slow, { rate: 1000, n: 1000 }, () => {
    isHeld = true
  })
  clearInterval(watching)
  good(result)
  if (!isHeld) throw new Error('1,000 streams were never open at the same time')
  return { kib: (peak - before) / 1024 / 1000 }
}

async function withCpu(
  target: Target,
  mode: LoadMode,
  prompt: Prompt,
  settings: Readonly<Record<string, number>>,
): Promise<{ readonly result: LoadResult; readonly cpu: number }> {
  const used = () => (target.pid === undefined ? Number.NaN : cpuSeconds(target.pid))
  await sleep(50)
  const before = used()
  const result = good(await target.load(mode, prompt, settings))
  // What is done after an answer belongs to it.
  await sleep(50)
  return { result, cpu: used() - before }
}

function good(result: LoadResult): LoadResult {
  const { errors, requests, status } = result
  if (errors > 0) throw new Error(`${errors} errors, ${requests} requests ended, status ${status}`)
  return result
}
