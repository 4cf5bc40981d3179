import type { Host } from './call.ts'
import { type ErrorKind, isGatewayError } from './errors.ts'
import { inTime } from './in-time.ts'

/** What became of work that may fail. */
export type Outcome<Result> =
  | { readonly isDone: true; readonly result: Result }
  /** In words for whoever wonders. */
  | { readonly isDone: false; readonly reason: string }

/** Has work done that a request must not depend on: models asked for what they think of it, say. */
export interface Safety {
  /**
   * What the work gives within the deadline; what goes wrong becomes a warning, at most one a minute. After three
   * failures in a row nothing is tried for 30 seconds, then once. A prompt that is refused is no failure of who was
   * asked. Rejects when the call itself has ended.
   */
  attempt<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Outcome<Result>>
}

/** What a safety goes by. */
export interface SafetySettings {
  /** What cannot be done when it fails: begins the warning's sentence. */
  readonly task: string
  /** Milliseconds. */
  readonly deadline: number
  readonly host: Pick<Host, 'log' | 'now'>
}

/** Failures in a row after which there is a pause, how long it is, and how long between two warnings; in milliseconds. */
const MOST_FAILURES = 3
const PAUSE = 30_000
const QUIET = 60_000

/** A safety of its own for each thing that may fail. */
export function createSafety({ task, deadline, host }: SafetySettings): Safety {
  let failures = 0
  let pausedUntil = 0
  let lastWarning = Number.NEGATIVE_INFINITY

  const mayTry = () => {
    if (failures < MOST_FAILURES) return true
    if (host.now() < pausedUntil) return false
    // One goes ahead; the others wait for what becomes of it.
    pausedUntil = host.now() + PAUSE
    return true
  }
  const failed = (reason: string) => {
    failures++
    if (failures >= MOST_FAILURES) pausedUntil = host.now() + PAUSE
    if (host.now() - lastWarning < QUIET) return
    lastWarning = host.now()
    host.log.warn(`${task}: ${reason}`)
  }

  return {
    async attempt(work) {
      if (!mayTry()) return { isDone: false, reason: 'not asked, for it has failed three times in a row' }
      try {
        const result = await inTime(deadline, work)
        failures = 0
        return { isDone: true, result }
      } catch (error) {
        if (isOf(ended, error)) throw error
        const reason = isGatewayError(error) ? error.message : 'the gateway made a mistake.'
        if (!isOf(refused, error)) failed(reason)
        return { isDone: false, reason }
      }
    },
  }
}

/** Errors of a call for which nobody waits any more. */
const ended: ReadonlySet<ErrorKind> = new Set(['client_closed', 'shutting_down'])

/** Errors that say something of the prompt, and nothing of who was asked. */
const refused: ReadonlySet<ErrorKind> = new Set([
  'content_policy_violation',
  'context_length_exceeded',
  'guardrail_blocked',
])

function isOf(kinds: ReadonlySet<ErrorKind>, error: unknown): boolean {
  return isGatewayError(error) && kinds.has(error.kind)
}
