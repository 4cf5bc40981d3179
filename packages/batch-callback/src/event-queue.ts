import type { Log } from '@tianjillm/core'

const WARNING_INTERVAL = 60_000

/** How an event queue behaves. */
export interface EventQueueSettings<Event> {
  /** Name of the callback, for its warnings. */
  readonly name: string
  /** Events of one delivery; as many waiting are delivered at once. */
  readonly batchSize: number
  /** Milliseconds that an event waits at most for a delivery to begin. */
  readonly flushInterval: number
  /** Events that may wait; the oldest make room. */
  readonly queueSize: number
  /** Milliseconds after which a flush gives up. */
  readonly flushDeadline: number
  readonly now: () => number
  readonly log: Log
  /** Delivers events and gives those worth another delivery. Never rejects; ends soon after the signal aborts. */
  deliver(events: readonly Event[], signal: AbortSignal): Promise<readonly Event[]>
}

/** Events waiting to be delivered, one batch at a time. */
export interface EventQueue<Event> {
  add(events: readonly Event[]): void
  /** Resolves when all is delivered or lost, or at the deadline. Never rejects. */
  flush(): Promise<void>
}

/** A bounded queue that delivers by count and by time. Its timer runs only while something waits. */
export function eventQueue<Event>(settings: EventQueueSettings<Event>): EventQueue<Event> {
  const { name, batchSize, flushInterval, queueSize, flushDeadline, now, log, deliver } = settings
  const waiting: Event[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let sending: Promise<void> | undefined
  let cancellation = new AbortController()
  let dropped = 0
  let warnedAt = Number.NEGATIVE_INFINITY

  function add(events: readonly Event[]): void {
    waiting.push(...events)
    drop(waiting.length - queueSize)
    if (waiting.length >= batchSize) void send()
    else arm()
  }

  function drop(count: number): void {
    if (count <= 0) return
    waiting.splice(0, count)
    dropped += count
    if (now() - warnedAt < WARNING_INTERVAL) return
    log.warn(`${name}: the queue is full, oldest events dropped: ${dropped}.`, { events: dropped })
    warnedAt = now()
    dropped = 0
  }

  function arm(): void {
    if (timer !== undefined || sending !== undefined || waiting.length === 0) return
    timer = setTimeout(send, flushInterval)
    timer.unref?.()
  }

  function send(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    sending ??= sendBatches().finally(() => {
      sending = undefined
      arm()
    })
    return sending
  }

  async function sendBatches(): Promise<void> {
    do {
      const again = await deliver(waiting.splice(0, batchSize), cancellation.signal)
      waiting.push(...again)
    } while (waiting.length >= batchSize)
  }

  async function flush(): Promise<void> {
    let isLate = false
    let deadline: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<void>((resolve) => {
      deadline = setTimeout(() => {
        isLate = true
        cancellation.abort()
        cancellation = new AbortController()
        resolve()
      }, flushDeadline)
    })
    while (!isLate && (sending !== undefined || waiting.length > 0)) await Promise.race([send(), late])
    clearTimeout(deadline)
    if (waiting.length > 0) log.warn(`${name}: events not sent in time: ${waiting.length}.`, { events: waiting.length })
  }

  return { add, flush }
}
