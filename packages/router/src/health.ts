/** Milliseconds. */
const MINUTE = 60_000

/** Part that the newest latency has in the average of all. */
const NEWEST = 0.2

/** How a deployment does: the only thing in the router that changes. Times are in milliseconds. */
export class Health {
  /** Calls under way. */
  inFlight = 0
  /** It is left alone until then. */
  cooldownUntil = 0
  /** Average time to an answer, or to the first piece of a stream, the newer ones counting more; undefined before any. */
  latency: number | undefined
  #window = Number.NEGATIVE_INFINITY
  #requests = 0
  #failures = 0
  #tokens = 0

  /** Counts of the minute that `now` is in. */
  minute(now: number): MinuteCounts {
    this.#turn(now)
    return { requests: this.#requests, failures: this.#failures, tokens: this.#tokens }
  }

  begin(now: number): void {
    this.#turn(now)
    this.#requests++
    this.inFlight++
  }

  /** An answer has begun, so long after it was asked for. */
  answered(latency: number): void {
    this.latency = this.latency === undefined ? latency : this.latency + (latency - this.latency) * NEWEST
  }

  /** A call is over. */
  end(now: number, tokens: number, hasFailed: boolean): void {
    this.#turn(now)
    this.inFlight--
    this.#tokens += tokens
    if (hasFailed) this.#failures++
  }

  #turn(now: number): void {
    const window = Math.floor(now / MINUTE)
    if (window === this.#window) return
    this.#window = window
    this.#requests = 0
    this.#failures = 0
    this.#tokens = 0
  }
}

/** What happened within a minute of the clock. */
export interface MinuteCounts {
  readonly requests: number
  readonly failures: number
  readonly tokens: number
}
