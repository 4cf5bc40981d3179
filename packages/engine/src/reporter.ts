import type { Callback, CallReport, Log } from '@tianjillm/core'
import type { LiveCall } from './call.ts'

/** A callback as configured. */
export interface ConfiguredCallback {
  readonly name: string
  readonly callback: Callback
  /** Which calls it hears of. */
  readonly on: 'success' | 'failure' | 'both'
  /** Requests and answers are kept from it, though it would have them. Default false. */
  readonly hidesContent?: boolean
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
export function createReporter(callbacks: readonly ConfiguredCallback[], log: Log, now: () => number): Reporter {
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
  const tell = (report: CallReport) => {
    for (const configured of callbacks) {
      const { name, callback, on } = configured
      if (on !== 'both' && on !== report.status) continue
      const seen = seesContent(configured) ? report : { ...report, input: undefined, output: undefined }
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
    waiting.push(report)
    if (!isScheduled) setTimeout(deliverAll, 0)
    isScheduled = true
  }

  return {
    wantsContent: callbacks.some(seesContent),
    started: (call) => {
      for (const { name, callback } of starters) void safely(name, () => callback.start!(call))
    },
    deliver: (report) => {
      if (callbacks.length === 0) return
      if (!(report instanceof Promise)) return enqueue(report)
      const pending = report.then(enqueue).finally(() => judging.delete(pending))
      judging.add(pending)
    },
    flush: async (deadline) => {
      const flushAll = async () => {
        await Promise.all(judging)
        deliverAll()
        await Promise.all(callbacks.map(({ name, callback }) => safely(name, () => callback.flush?.())))
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
