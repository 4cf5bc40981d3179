/** Milliseconds. */
const MINUTE = 60_000

/** Part that the newest latency has in the average of all. */
const NEWEST = 0.2

/** Milliseconds that a failure adds to what a deployment is expected to take; half of them are left after as long. */
const PENALTY = 10_000

/** How a deployment does: the only thing in the router that changes. Times are in milliseconds. */
export class Health {
  /** Calls under way. */
  inFlight = 0
  /** It is left alone until then. */
  cooldownUntil = 0
  /** Average time to an answer, or to the first piece of a stream, the newer ones counting more; undefined before any. */
  latency: number | undefined
  #answeredAt = 0
  #failedAt = Number.NEGATIVE_INFINITY
  #window = Number.NEGATIVE_INFINITY
  #requests = 0
  #failures = 0
  #tokens = 0
  #elsewhere = noUsage

  /** Counts of the minute that `now` is in. */
  minute(now: number): MinuteCounts {
    this.#turn(now)
    return { requests: this.#requests, failures: this.#failures, tokens: this.#tokens }
  }

  /** What all gateways have taken in the minute that `now` is in: this one, and others as far as they have told. */
  usage(now: number): Usage {
    this.#turn(now)
    const { requests, tokens } = this.#elsewhere
    return { requests: this.#requests + requests, tokens: this.#tokens + tokens }
  }

  /** What other gateways have taken in the minute that `now` is in. */
  noteElsewhere(usage: Usage, now: number): void {
    this.#turn(now)
    this.#elsewhere = usage
  }

  begin(now: number): void {
    this.#turn(now)
    this.#requests++
    this.inFlight++
  }

  /** An answer has begun, so long after it was asked for. */
  answered(now: number, latency: number): void {
    this.#answeredAt = now
    this.latency = this.latency === undefined ? latency : this.latency + (latency - this.latency) * NEWEST
  }

  /**
   * How long an answer will take. What has not been measured for `memory` counts as nothing, so that it is found out; a
   * failure counts as a slow answer, and ever less as time passes.
   */
  expectedLatency(now: number, memory: number): number {
    const known = now - this.#answeredAt > memory ? 0 : (this.latency ?? 0)
    return known + PENALTY * 2 ** ((this.#failedAt - now) / PENALTY)
  }

  /** A call is over. */
  end(now: number, tokens: number, hasFailed: boolean): void {
    this.#turn(now)
    this.inFlight--
    this.#tokens += tokens
    if (!hasFailed) return
    this.#failures++
    this.#failedAt = now
  }

  #turn(now: number): void {
    const window = Math.floor(now / MINUTE)
    if (window === this.#window) return
    this.#window = window
    this.#requests = 0
    this.#failures = 0
    this.#tokens = 0
    this.#elsewhere = noUsage
  }
}

/** What was taken of a deployment's `rpm` and `tpm`. */
export interface Usage {
  readonly requests: number
  readonly tokens: number
}

const noUsage: Usage = { requests: 0, tokens: 0 }

/** What happened within a minute of the clock. */
export interface MinuteCounts extends Usage {
  readonly failures: number
}

/** When the counts of all begin anew. */
export function nextMinute(now: number): number {
  return (Math.floor(now / MINUTE) + 1) * MINUTE
}
