import type { Callback, Caller, CallReport, Log } from '@tianjillm/core'
import { LiveCall } from './call.ts'

/** A callback as configured. */
export interface ConfiguredCallback {
  readonly name: string
  readonly callback: Callback
  /** Which calls it hears of. */
  readonly on: 'success' | 'failure' | 'both'
  /** Requests and answers are kept from it, though it would have them. Default false. */
  readonly hidesContent?: boolean
  /** Who calls is kept from it, but for the client's own end user. Default false. */
  readonly hidesCaller?: boolean
}

/** Keeps account of finished calls, before callbacks hear of them. */
export interface Bookkeeper {
  /** The report, perhaps with what is known of budgets now. */
  settle(report: CallReport): CallReport
  /** Writes down what waits, as far as that can be done now. */
  flush(): Promise<void>
}

/** Tells callbacks of calls, apart from the calls themselves: none can delay or fail one. */
export interface Reporter {
  /** Whether any callback wants requests and answers in its reports. */
  readonly wantsContent: boolean
  started(call: LiveCall): void
  deliver(report: CallReport | Promise<CallReport>): void
  /** Delivers what waits and lets every callback send what it queued; never throws, ends after `deadline` ms. */
  flush(deadline: number): Promise<void>
}

/** Milliseconds between two warnings about the same callback. */
const QUIET = 60_000

/** The reporter of an engine. */
export function createReporter(
  callbacks: readonly ConfiguredCallback[],
  log: Log,
  now: () => number,
  bookkeeper?: Bookkeeper,
): Reporter {
  const starters = callbacks.filter(({ callback }) => callback.start)
  const lastWarning = new Map<string, number>()
  /** Reports that guardrails still look at. */
  const judging = new Set<Promise<void>>()
  let waiting: CallReport[] = []
  let isScheduled = false

  const complain = (name: string, error: unknown) => {
    if (now() - (lastWarning.get(name) ?? 0) < QUIET) return
    lastWarning.set(name, now())
    log.warn(`The callback ${name} failed: ${error instanceof Error ? error.message : 'unknown error'}`)
  }
  /** A promise only where the callback gives one, for nearly all calls end without. */
  const safely = (name: string, action: () => unknown): Promise<unknown> | undefined => {
    try {
      const pending = action()
      return pending instanceof Promise ? pending.catch((error) => complain(name, error)) : undefined
    } catch (error) {
      complain(name, error)
      return undefined
    }
  }
  const settled = (report: CallReport): CallReport => {
    try {
      return bookkeeper?.settle(report) ?? report
    } catch (error) {
      complain('spend', error)
      return report
    }
  }
  const tell = (report: CallReport) => {
    for (const configured of callbacks) {
      const { name, callback, on } = configured
      if (on !== 'both' && on !== report.status) continue
      const known = configured.hidesCaller ? withoutCaller(report) : report
      const seen = seesContent(configured) ? known : { ...known, input: undefined, output: undefined }
      void safely(name, () => callback[report.status]?.(seen))
    }
  }
  const deliverAll = () => {
    isScheduled = false
    const reports = waiting
    waiting = []
    for (const report of reports) tell(report)
  }

  const enqueue = (report: CallReport) => {
    // At once, for the client's next call may be there before callbacks have heard of this one.
    const whole = settled(report)
    if (callbacks.length === 0) return
    waiting.push(whole)
    if (!isScheduled) setTimeout(deliverAll, 0)
    isScheduled = true
  }

  return {
    wantsContent: callbacks.some(seesContent),
    started: (call) => {
      for (const { name, callback, hidesCaller } of starters) {
        const seen = hidesCaller ? new LiveCall(call.host, { ...call, caller: nameless(call.caller) }) : call
        void safely(name, () => callback.start!(seen))
      }
    },
    deliver: (report) => {
      if (callbacks.length === 0 && bookkeeper === undefined) return
      if (!(report instanceof Promise)) return enqueue(report)
      const pending = report.then(enqueue).finally(() => judging.delete(pending))
      judging.add(pending)
    },
    flush: async (deadline) => {
      const flushAll = async () => {
        await Promise.all(judging)
        deliverAll()
        const flushes = callbacks.map(({ name, callback }) => safely(name, () => callback.flush?.()))
        await Promise.all([...flushes, safely('spend', () => bookkeeper?.flush())])
      }
      let late: ReturnType<typeof setTimeout> | undefined
      const tooLate = new Promise<void>((resolve) => {
        late = setTimeout(resolve, deadline)
      })
      await Promise.race([flushAll(), tooLate])
      clearTimeout(late)
    },
  }
}

function seesContent({ callback, hidesContent = false }: ConfiguredCallback): boolean {
  return callback.content === true && !hidesContent
}

function withoutCaller(report: CallReport): CallReport {
  return { ...report, caller: nameless(report.caller), budgets: undefined }
}

function nameless({ endUserId, ip, userAgent }: Caller): Caller {
  return {
    ...(endUserId !== undefined && { endUserId }),
    ...(ip !== undefined && { ip }),
    ...(userAgent !== undefined && { userAgent }),
  }
}
