import { availableParallelism } from 'node:os'

/** How many processes serve, and why so many. */
export interface WorkerCount {
  readonly count: number
  /** `2 workers (auto: 2 cores)` */
  readonly title: string
}

const MOST_WORKERS = 512

/** From `--workers`, else `TIANJI_WORKERS`, else LiteLLM's `NUM_WORKERS`, else 1. Throws when it is no number from 1 on. */
export function workerCount(
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  cores: number = availableParallelism(),
): WorkerCount {
  const text = given ?? (env.TIANJI_WORKERS || env.NUM_WORKERS || '1')
  if (text === 'auto') return { count: cores, title: `${plural(cores, 'worker')} (auto: ${plural(cores, 'core')})` }
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= 1 && count <= MOST_WORKERS) return { count, title: plural(count, 'worker') }
  throw new Error(`The number of workers must be from 1 to ${MOST_WORKERS}, or auto, not "${text}".`)
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
