import type { Call, Caller, Host, Log, OperationName } from '@tianjillm/core'
import { Cancellation } from './cancellation.ts'

/** A call as the engine makes it; plugins see it as `Call`. */
export class LiveCall implements Call {
  readonly id: string
  readonly operation: OperationName
  readonly model: string
  readonly caller: Caller
  readonly metadata: Readonly<Record<string, unknown>>
  readonly cancellation: Cancellation
  readonly host: Host

  constructor(
    host: Host,
    facts: {
      readonly id: string
      readonly operation: OperationName
      readonly model: string
      readonly caller?: Caller
      readonly metadata?: Readonly<Record<string, unknown>>
      readonly cancellation?: Cancellation
    },
  ) {
    this.host = host
    this.id = facts.id
    this.operation = facts.operation
    this.model = facts.model
    this.caller = facts.caller ?? {}
    this.metadata = facts.metadata ?? {}
    this.cancellation = facts.cancellation ?? new Cancellation()
  }

  get signal(): AbortSignal {
    return this.cancellation.signal
  }

  get fetch(): typeof fetch {
    return this.host.fetch
  }

  get log(): Log {
    return this.host.log
  }

  env(name: string): string | undefined {
    return this.host.env(name)
  }

  now(): number {
    return this.host.now()
  }

  uuid(): string {
    return this.host.uuid()
  }

  /** The same call as one vendor sees it: its own model id, its own host. */
  at(model: string, host: Host): LiveCall {
    return new LiveCall(host, { ...this.#facts(), model })
  }

  /** The same call, ended earlier by a deadline of its own. */
  within(cancellation: Cancellation): LiveCall {
    return new LiveCall(this.host, { ...this.#facts(), cancellation })
  }

  #facts() {
    const { id, operation, model, caller, metadata, cancellation } = this
    return { id, operation, model, caller, metadata, cancellation }
  }
}
