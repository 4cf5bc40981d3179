import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError } from '@tianjillm/core'
import type { CallRecord, Cancellation } from '@tianjillm/engine'
import type { ParallelLimit } from './admission/holds.ts'
import type { AccessLog } from './log.ts'

/** A call under way, as the books have it. */
export interface Entry {
  /** Counts the call among those worked on. Throws GatewayError `rate_limited` when there are `most` of them already. */
  admit(most: number): void
  /** Counts it among those of whom it is put down to. Throws GatewayError `rate_limited` when one has too many already. */
  hold(limits: readonly ParallelLimit[]): void
  note(record: CallRecord): void
  fail(error: GatewayError): void
}

/** A call that is made in the course of a request and has no connection of its own, as the books have it. */
export interface InnerEntry extends Pick<Entry, 'hold'> {
  /** It is over. */
  leave(): void
}

/** All calls under way, whichever configuration they began with. */
export interface Books {
  /** False once the gateway is asked to stop. */
  readonly isOpen: boolean
  /** Enters a call; it leaves the books, and is logged, when its connection closes. */
  enter(
    id: string,
    path: string,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    cancellation: Cancellation,
  ): Entry
  /** Enters a call that leaves the books when it is told to, and is not logged. */
  enterInner(cancellation: Cancellation): InnerEntry
  /** Resolves when all calls that are under way now have ended. */
  drained(): Promise<void>
  /** Takes no more calls in, and lets those under way end; after `deadline` ms they are ended with an error. */
  close(deadline: number): Promise<void>
}

/** Milliseconds that calls have to end once they were told to. */
const LAST_MOMENT = 1_000

/** Books without an entry. */
export function createBooks(accessLog: AccessLog): Books {
  const underWay = new Set<Cancellation>()
  const waiting = new Set<Waiting>()
  /** Calls that are worked on, by whom they are put down to, where that is limited. */
  const byHolder = new Map<string, number>()
  let admitted = 0
  let isOpen = true

  const leave = (cancellation: Cancellation) => {
    underWay.delete(cancellation)
    for (const waiter of waiting) {
      waiter.calls.delete(cancellation)
      if (waiter.calls.size > 0) continue
      waiting.delete(waiter)
      waiter.resolve()
    }
  }

  /** Counts a call under way for those it is put down to, by names that `release` takes back. */
  const hold = (cancellation: Cancellation, limits: readonly ParallelLimit[], counted: string[]) => {
    for (const limit of limits) if ((byHolder.get(limit.name) ?? 0) >= limit.most) throw tooManyOf(limit)
    // The client may have gone while its limit was asked for.
    if (!underWay.has(cancellation)) return
    for (const { name } of limits) {
      counted.push(name)
      byHolder.set(name, (byHolder.get(name) ?? 0) + 1)
    }
  }

  const release = (counted: readonly string[]) => {
    for (const name of counted) lower(byHolder, name)
  }

  const drained = () =>
    new Promise<void>((resolve) => {
      if (underWay.size === 0) resolve()
      else waiting.add({ calls: new Set(underWay), resolve })
    })

  const drainedWithin = async (time: number) => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, time)
    })
    await Promise.race([drained(), late])
    clearTimeout(timer)
  }

  return {
    get isOpen() {
      return isOpen
    },
    enter(id, path, incoming, outgoing, cancellation) {
      const start = performance.now()
      let record: CallRecord | undefined
      let failure: GatewayError | undefined
      let isAdmitted = false
      let counted: string[] | undefined
      underWay.add(cancellation)
      outgoing.once('close', () => {
        if (!outgoing.writableFinished) cancellation.abort('The client closed the connection.')
        if (isAdmitted) admitted--
        if (counted !== undefined) release(counted)
        leave(cancellation)
        accessLog({ id, path, incoming, outgoing, record, failure, duration: performance.now() - start })
      })
      return {
        admit: (most) => {
          // Not those under way: a crowd of refused calls would keep others out until its answers are read.
          if (admitted >= most) throw tooManyCalls(most)
          if (!underWay.has(cancellation)) return
          admitted++
          isAdmitted = true
        },
        hold: (limits) => {
          if (limits.length === 0) return
          counted ??= []
          hold(cancellation, limits, counted)
        },
        note: (known) => {
          record = known
        },
        fail: (error) => {
          failure = error
        },
      }
    },
    enterInner(cancellation) {
      const counted: string[] = []
      underWay.add(cancellation)
      return {
        hold: (limits) => hold(cancellation, limits, counted),
        leave() {
          release(counted)
          leave(cancellation)
        },
      }
    },
    drained,
    async close(deadline) {
      isOpen = false
      await drainedWithin(deadline)
      for (const cancellation of underWay)
        cancellation.abort(new GatewayError('shutting_down', 'The gateway is shutting down. Send the request again.'))
      await drainedWithin(LAST_MOMENT)
    },
  }
}

interface Waiting {
  /** Those it still waits for. */
  readonly calls: Set<Cancellation>
  resolve(): void
}

/** One less; what comes to nothing is forgotten. */
function lower(counts: Map<string, number>, name: string): void {
  const count = counts.get(name)! - 1
  if (count === 0) counts.delete(name)
  else counts.set(name, count)
}

function tooManyOf({ most, owner }: ParallelLimit): GatewayError {
  const message = `The gateway works on ${counted(most)} of ${owner} already, its max_parallel_requests. Try again in a second.`
  return new GatewayError('rate_limited', message, { retryAfter: 1 })
}

function tooManyCalls(most: number): GatewayError {
  const message = `The gateway works on ${counted(most)} already, its global_max_parallel_requests. Try again in a second.`
  return new GatewayError('rate_limited', message, { retryAfter: 1 })
}

function counted(calls: number): string {
  return calls === 1 ? '1 call' : `${calls} calls`
}
