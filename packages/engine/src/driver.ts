import type { GatewayError, JsonObject } from '@tianjillm/core'
import type { Choice, Driver } from '@tianjillm/router'
import type { Answer } from './answer.ts'
import type { Asked } from './asked.ts'
import type { LiveCall } from './call.ts'
import { Cancellation } from './cancellation.ts'
import type { Deployment } from './deployment.ts'
import { guardBeside, guardRequest } from './guard.ts'
import { deadlineOf, expired, withPatience } from './patience.ts'
import type { CallRecord } from './record.ts'
import { send } from './send.ts'
import { changesFor } from './stand-in.ts'
import { type Transport, timedOut } from './transport.ts'

/** Has the router ask deployments for a call, and puts on record which. `mustRead` as `send` has it. */
export function driver(
  asked: Asked,
  call: LiveCall,
  record: CallRecord,
  transport: Transport,
  mustRead: boolean,
): Driver<Deployment, Answer> {
  return new CallDriver(asked, call, record, transport, mustRead)
}

/** A class, for one is made for every call, and methods cost nothing to make. */
class CallDriver implements Driver<Deployment, Answer> {
  readonly random: () => number = Math.random
  readonly #asked: Asked
  readonly #call: LiveCall
  readonly #record: CallRecord
  readonly #transport: Transport
  readonly #mustRead: boolean
  readonly #isStream: boolean
  readonly #deadline: number | undefined
  #hasExpired = false

  constructor(asked: Asked, call: LiveCall, record: CallRecord, transport: Transport, mustRead: boolean) {
    this.#asked = asked
    this.#call = call
    this.#record = record
    this.#transport = transport
    this.#mustRead = mustRead
    this.#isStream = asked.input.stream === true
    this.#deadline = deadlineOf(asked.input, record)
  }

  now(): number {
    return this.#call.now()
  }

  wait(time: number): Promise<void> {
    return wait(time, this.#call.cancellation)
  }

  isCancelled(): boolean {
    return this.#hasExpired || this.#call.cancellation.isAborted
  }

  settled(): void {
    this.#record.settle()
  }

  ask(choice: Choice<Deployment>): Promise<Answer> {
    this.#record.choose(choice, this.now())
    const changes = choice.fallbacks === 0 ? undefined : changesFor(choice.name, this.#asked.input)
    return changes === undefined
      ? this.#askInTime(choice, this.#asked, this.#call)
      : this.#askOtherwise(choice, { ...this.#asked.input, ...changes })
  }

  /** With another request than the one that was judged, so that it is judged as well. */
  async #askOtherwise(choice: Choice<Deployment>, input: JsonObject): Promise<Answer> {
    const { guards } = this.#record
    if (guards === undefined) return this.#askInTime(choice, { input }, this.#call)
    const allowed = await guardRequest(guards, { input }, this.#call, this.#record)
    return guardBeside(guards, allowed, this.#call, this.#record, (inner) => this.#askInTime(choice, allowed, inner))
  }

  #askInTime(choice: Choice<Deployment>, asked: Asked, call: LiveCall): Promise<Answer> {
    const { patience } = this.#record.arrival
    const { streamTimeout } = choice.deployment
    const first = this.#isStream && patience?.streamTimeout === undefined ? streamTimeout : undefined
    if (patience === undefined && first === undefined) return this.#send(choice, choice.deployment, asked, call)
    const deployment = withPatience(choice.deployment, patience, this.#isStream)
    const left = this.#deadline === undefined ? Number.POSITIVE_INFINITY : this.#deadline - this.now()
    const ask = (within: LiveCall) => this.#send(choice, deployment, asked, within)
    if (first !== undefined && first < left)
      return inTime(first, call, ask, () => timedOut(deployment.providerName, first, undefined))
    if (left === Number.POSITIVE_INFINITY) return ask(call)
    return inTime(left, call, ask, () => this.#expire(deployment))
  }

  #send({ model }: Choice<Deployment>, deployment: Deployment, asked: Asked, call: LiveCall): Promise<Answer> {
    const answer = send({ deployment, model }, asked, call, this.#transport, this.#mustRead)
    return this.#isStream ? begun(answer) : answer
  }

  #expire({ providerName }: Deployment): GatewayError {
    this.#hasExpired = true
    return expired(providerName, this.#asked.input, this.#record)
  }
}

/** The answer, when it begins within `time` ms; else it fails with what `late` gives. */
async function inTime(
  time: number,
  call: LiveCall,
  ask: (within: LiveCall) => Promise<Answer>,
  late: () => GatewayError,
): Promise<Answer> {
  if (time <= 0) throw late()
  const cancellation = new Cancellation()
  call.cancellation.onAbort((reason) => cancellation.abort(reason))
  const timer = setTimeout(() => cancellation.abort(late()), time)
  try {
    return await ask(call.within(cancellation))
  } finally {
    clearTimeout(timer)
  }
}

/** The answer once its first chunk is there, so that a stream that breaks before it is an error like any other. */
async function begun(asking: Promise<Answer>): Promise<Answer> {
  const answer = await asking
  if (answer.type !== 'stream') return answer
  const chunks = answer.chunks[Symbol.asyncIterator]()
  const first = await chunks.next()
  return { type: 'stream', chunks: startingWith(first, chunks) }
}

async function* startingWith<Chunk>(
  first: IteratorResult<Chunk>,
  rest: AsyncIterator<Chunk>,
): AsyncGenerator<Chunk, void, undefined> {
  try {
    for (let next = first; !next.done; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}

function wait(time: number, cancellation: Cancellation): Promise<void> {
  return new Promise((resolve) => {
    let forget = () => {}
    const done = () => {
      clearTimeout(timer)
      forget()
      resolve()
    }
    const timer = setTimeout(done, time)
    // Called at once when nobody waits any more, and then there is nothing to forget.
    forget = cancellation.onAbort(done)
  })
}
