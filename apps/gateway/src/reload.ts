import { formatProblem, type Problem } from '@tianjillm/config'
import type { Log } from '@tianjillm/core'

/** What came of an attempt to put a configuration in force. */
export interface Reloaded {
  readonly isInForce: boolean
  /** Of the configuration that is in force now; the first has 1. */
  readonly generation: number
  readonly problems: readonly Problem[]
}

/** Puts what the configuration says now in force. `cause` is told in the log. Never rejects. */
export type Reload = (cause: string) => Promise<Reloaded>

/** Which configuration is in force. */
export interface ConfigState {
  readonly generation: number
  /** When it came into force, in ms since the epoch. */
  readonly since: number
  /** A newer one that could not be used: when that was tried, and how many errors it has. */
  readonly refused: { readonly at: number; readonly errors: number } | undefined
}

/** What was built of a configuration, or what keeps it from being built. */
export type Built<Generation> =
  | { readonly generation: Generation; readonly problems: readonly Problem[] }
  | { readonly generation: undefined; readonly problems: readonly Problem[] }

/** The generation in force, and the way to the next one. */
export interface Succession<Generation> {
  readonly current: Generation
  readonly state: ConfigState
  readonly reload: Reload
}

/** How generations come about. */
export interface SuccessionParts<Generation> {
  readonly first: Generation
  /** Builds the next one, whole. */
  build(previous: Generation): Promise<Built<Generation>>
  /** Told of each that is no longer in force, though calls may still be under way in it. */
  retire(previous: Generation, next: Generation): void
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/**
 * A succession of generations. One is put in force only when it could be built; else the one before stays, and the log
 * says why. Reloads follow each other: what is asked for during one begins after it, together for all who ask.
 */
export function createSuccession<Generation>(parts: SuccessionParts<Generation>): Succession<Generation> {
  const { build, retire, log, now } = parts
  let current = parts.first
  let state: ConfigState = { generation: 1, since: now(), refused: undefined }
  let running: Promise<Reloaded> | undefined
  let next: Promise<Reloaded> | undefined

  const once = async (cause: string): Promise<Reloaded> => {
    const { generation, problems } = await build(current).catch(unbuilt<Generation>)
    if (generation === undefined) return refuse(problems, cause)
    const previous = current
    current = generation
    state = { generation: state.generation + 1, since: now(), refused: undefined }
    log.info(`The configuration was read again (${cause}) and is in force.`, {
      generation: state.generation,
      ...(problems.length > 0 && { problems: problems.map(formatProblem) }),
    })
    retire(previous, current)
    return { isInForce: true, generation: state.generation, problems }
  }

  const refuse = (problems: readonly Problem[], cause: string): Reloaded => {
    const errors = problems.filter(({ severity }) => severity === 'error').length
    state = { ...state, refused: { at: now(), errors } }
    log.error(`The configuration was read again (${cause}), but cannot be used: the one before stays in force.`, {
      generation: state.generation,
      problems: problems.map(formatProblem),
    })
    return { isInForce: false, generation: state.generation, problems }
  }

  const begin = (cause: string) => {
    running = once(cause).finally(() => {
      running = undefined
    })
    return running
  }

  return {
    get current() {
      return current
    },
    get state() {
      return state
    },
    reload(cause) {
      if (running === undefined) return begin(cause)
      next ??= running.then(() => {
        next = undefined
        return begin(cause)
      })
      return next
    },
  }
}

/** A mistake of ours must not end a gateway that serves. */
function unbuilt<Generation>(error: unknown): Built<Generation> {
  const message = error instanceof Error ? error.message : String(error)
  const place = { file: 'configuration', line: 1, column: 1, path: '' }
  return { generation: undefined, problems: [{ ...place, severity: 'error', message }] }
}
