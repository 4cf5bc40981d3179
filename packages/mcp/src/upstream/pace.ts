/** How often something is tried that fails. Times in milliseconds. */
export interface Tuning {
  /** The pause after the first failure; each further one doubles it. */
  readonly firstPause: number
  readonly longestPause: number
  /** The pause after too many failures in a row. */
  readonly rest: number
  /** From 0 to 1; makes pauses shorter by up to a half, so that not all try at once. */
  readonly random: () => number
}

/** Pauses for servers of other people. */
export const patient: Tuning = { firstPause: 500, longestPause: 15_000, rest: 5 * 60_000, random: Math.random }

/** What is up for so long has not failed in a row. */
const STEADY = 60_000

/** When the next try is due. */
export interface Pace {
  /** Milliseconds until then; 0 when it may be now. */
  wait(): number
  /** What fails during a pause fails for the same reason, and is not counted. */
  failed(): void
  succeeded(): void
}

/** A pace; after `limit` tries after the first have failed comes a rest. */
export function createPace(now: () => number, limit: number, tuning: Tuning): Pace {
  let failures = 0
  let dueAt = 0
  let upSince: number | undefined

  return {
    wait: () => Math.max(0, dueAt - now()),
    succeeded: () => {
      upSince = now()
    },
    failed: () => {
      if (now() < dueAt) return
      const isAfterRest = failures > limit
      const wasSteady = upSince !== undefined && now() - upSince >= STEADY
      failures = isAfterRest || wasSteady ? 1 : failures + 1
      upSince = undefined
      const pause = Math.min(tuning.firstPause * 2 ** (failures - 1), tuning.longestPause)
      dueAt = now() + (failures > limit ? tuning.rest : pause * (1 - tuning.random() / 2))
    },
  }
}
