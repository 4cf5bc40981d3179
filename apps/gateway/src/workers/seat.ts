/** A process's place among those that serve together. */
export interface Seat {
  /** From 0 on. */
  readonly index: number
  readonly count: number
}

/** Where a worker finds its seat in its environment. */
export const SEAT = 'TIANJI_WORKER_SEAT'

/** The seat as a worker's environment has it. */
export function seatText({ index, count }: Seat): string {
  return `${index}/${count}`
}

/** The seat of this process; undefined when it serves alone. Nothing that it starts inherits it. */
export function takeSeat(env: NodeJS.ProcessEnv): Seat | undefined {
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(env[SEAT] ?? '') ?? []
  delete env[SEAT]
  return index === undefined || count === undefined ? undefined : { index: Number(index), count: Number(count) }
}

/** One worker's part of a whole number that all may use together; at least 1, and the first get what does not divide. */
export function shareOf(total: number, { index, count }: Seat): number {
  return Math.max(1, Math.floor(total / count) + (index < total % count ? 1 : 0))
}
