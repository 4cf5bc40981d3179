import { GatewayError, isGatewayError } from '@tianjillm/core'

/** Lets so many in at once, and has some more wait for a while. */
export interface Turnstile {
  /** Gives what leaves the place again. Rejects with GatewayError `overloaded`, and without it when the signal aborts. */
  enter(most: number, signal: AbortSignal): Promise<() => void>
}

/** What a turnstile goes by. */
export interface TurnstileSettings {
  /** Milliseconds that somebody waits for a place. */
  readonly patience: number
  /** How many wait at most. */
  readonly room: number
}

interface Waiting {
  readonly most: number
  admit(): void
}

/** A turnstile with nobody in it. Who came first goes first. */
export function createTurnstile({ patience, room }: TurnstileSettings): Turnstile {
  let inside = 0
  const waiting = new Set<Waiting>()

  const admitNext = () => {
    const [next] = waiting
    if (next === undefined || inside >= next.most) return
    waiting.delete(next)
    next.admit()
  }
  const placed = () => {
    inside++
    let isIn = true
    return () => {
      if (!isIn) return
      isIn = false
      inside--
      admitNext()
    }
  }

  return {
    async enter(most, signal) {
      if (signal.aborted) throw gone(signal)
      if (inside < most && waiting.size === 0) return placed()
      if (waiting.size >= room) throw tooMany(most)
      return new Promise((resolve, reject) => {
        const leave = () => {
          clearTimeout(timer)
          signal.removeEventListener('abort', give)
          waiting.delete(waiter)
        }
        const waiter: Waiting = {
          most,
          admit() {
            leave()
            resolve(placed())
          },
        }
        const give = () => {
          leave()
          reject(gone(signal))
        }
        const timer = setTimeout(() => {
          leave()
          reject(tooMany(most))
        }, patience)
        signal.addEventListener('abort', give, { once: true })
        waiting.add(waiter)
      })
    },
  }
}

function gone({ reason }: AbortSignal): GatewayError {
  return isGatewayError(reason)
    ? reason
    : new GatewayError('client_closed', 'The client closed the connection.', { cause: reason })
}

/** Seconds after which somebody else may have left. */
const RETRY = 5

function tooMany(most: number): GatewayError {
  const queries = most === 1 ? '1 query' : `${most} queries`
  const message = `The agent works on ${queries} already, its max_parallel. Try again in ${RETRY} seconds.`
  return new GatewayError('overloaded', message, { retryAfter: RETRY })
}
