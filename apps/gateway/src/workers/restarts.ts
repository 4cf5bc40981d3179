/** Decides when a worker that died is replaced. */
export interface Restarts {
  /** Milliseconds to wait before the next one; undefined to give up. */
  afterDeath(death: { readonly hadListened: boolean; readonly othersListen: boolean }): number | undefined
}

/** Milliseconds that deaths are remembered, how many at start are too many in that time, and the pauses between starts. */
const MEMORY = 30_000
const MOST_FALSE_STARTS = 5
const SHORTEST_PAUSE = 100
const LONGEST_PAUSE = 5_000

/**
 * Pauses that double with every death of the last half minute. Five deaths in this time of workers that never listened
 * mean that it is no use; but a gateway of which one worker serves goes on trying.
 */
export function createRestarts(now: () => number): Restarts {
  let deaths: { readonly time: number; readonly hadListened: boolean }[] = []
  return {
    afterDeath({ hadListened, othersListen }) {
      const time = now()
      deaths = [...deaths.filter((death) => time - death.time < MEMORY), { time, hadListened }]
      const falseStarts = deaths.filter((death) => !death.hadListened).length
      if (falseStarts >= MOST_FALSE_STARTS && !othersListen) return undefined
      return Math.min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** (deaths.length - 1))
    },
  }
}
