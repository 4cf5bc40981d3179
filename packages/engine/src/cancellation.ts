/**
 * Tells whoever works for a call that nobody waits any more. Cheaper than an AbortController, which it makes only
 * when somebody asks for its signal.
 */
export class Cancellation {
  #listeners: Set<(reason: unknown) => void> | undefined
  #controller: AbortController | undefined
  #reason: unknown
  #isAborted = false

  get isAborted(): boolean {
    return this.#isAborted
  }

  get reason(): unknown {
    return this.#reason
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#isAborted) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /** The second and later calls do nothing. */
  abort(reason: unknown): void {
    if (this.#isAborted) return
    this.#isAborted = true
    this.#reason = reason
    this.#controller?.abort(reason)
    for (const listener of this.#listeners ?? []) listener(reason)
    this.#listeners = undefined
  }

  /** Runs the listener once, at once when already aborted. Gives a function that takes it off again. */
  onAbort(listener: (reason: unknown) => void): () => void {
    if (this.#isAborted) {
      listener(this.#reason)
      return () => {}
    }
    this.#listeners ??= new Set()
    this.#listeners.add(listener)
    return () => this.#listeners?.delete(listener)
  }

  /** Aborts when the signal does. Gives a function that ends that. */
  follow(signal: AbortSignal | undefined): () => void {
    if (signal === undefined) return () => {}
    const stop = () => this.abort(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    return () => signal.removeEventListener('abort', stop)
  }
}
