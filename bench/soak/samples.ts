import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** The gateway at one moment. */
export interface Sample {
  /** Resident memory, MiB. */
  readonly memory: number
  /** Open sockets, those it listens on and talks to its parent by among them. */
  readonly sockets: number
  /** Milliseconds until it answered a liveness probe: what a loop that is blocked adds to every call. */
  readonly lag: number
}

/** Takes samples until it is over; `tell` hears each. */
export async function watch(
  pid: number,
  url: string,
  interval: number,
  isOver: () => boolean,
  tell: (sample: Sample) => void,
): Promise<readonly Sample[]> {
  const samples: Sample[] = []
  while (!isOver()) {
    const sample = { memory: memoryOf(pid), sockets: socketsOf(pid), lag: await lagOf(url) }
    samples.push(sample)
    tell(sample)
    await sleep(interval)
  }
  return samples
}

/** Resident memory of a process, MiB. Linux. */
export function memoryOf(pid: number): number {
  const [, kibibytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kibibytes) / 1024
}

/** Open sockets of a process. Linux. */
export function socketsOf(pid: number): number {
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder).filter((descriptor) => {
    try {
      return readlinkSync(`${folder}/${descriptor}`).startsWith('socket:')
    } catch {
      // Closed in the meantime.
      return false
    }
  }).length
}

function lagOf(url: string): Promise<number> {
  const start = performance.now()
  return new Promise((resolve) => {
    const done = () => resolve(performance.now() - start)
    get(`${url}/health/liveness`, { agent: false }, (response) => response.resume().on('close', done)).on('error', done)
  })
}

/** The middle one of a quarter (1 to 4) of all samples. */
export function medianOf(samples: readonly Sample[], measure: keyof Sample, quarter?: 1 | 2 | 3 | 4): number {
  const part = quarter
    ? samples.slice(Math.floor(((quarter - 1) * samples.length) / 4), Math.ceil((quarter * samples.length) / 4))
    : samples
  const sorted = part.map((sample) => sample[measure]).sort((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
