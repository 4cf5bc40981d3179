import type { CallReport, Log } from '@tianjillm/core'
import { type Counter, type SpendEntry, type SpendLog, type Store, toNano, writeSpend } from '@tianjillm/store'

/** Writes finished calls down, a little later and many at once. */
export interface SpendWriter {
  /** `counters` are those that its cost is added to. */
  add(report: CallReport, counters: readonly Counter[]): void
  /** Writes what waits. Never rejects: what cannot be written now goes on waiting. */
  flush(): Promise<void>
  /** Gives up what still waits; to be called before the store is closed. */
  close(): void
}

/** How a writer is made. */
export interface SpendWriterSettings {
  readonly store: Store
  readonly log: Log
  /** Who leases budgets; default nobody. */
  readonly holder?: string
  /** Whether calls are kept one by one, and not in sums alone. Default true. */
  readonly keepsLogs?: boolean
  /** Told of what waits no more: it is written, or given up. */
  readonly settled?: (entry: SpendEntry) => void
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds that a call waits at most; default 300. After a failure it is longer, up to 30 seconds. */
  readonly interval?: number
  /** Calls that wait at most while the store cannot be written; the oldest are lost then. Default 100,000. */
  readonly most?: number
}

/** Calls of one write, milliseconds of the longest pause after a failure, and between two warnings. */
const MOST_AT_ONCE = 2_000
const LONGEST_PAUSE = 30_000
const QUIET = 60_000

/** A writer over a store. What was to be written when it failed is written again, and counts once all the same. */
export function createSpendWriter(settings: SpendWriterSettings): SpendWriter {
  const { store, log, now, holder, keepsLogs = true, settled = () => {}, interval = 300, most = 100_000 } = settings
  let waiting: SpendEntry[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let writing: Promise<void> | undefined
  let isClosed = false
  let failures = 0
  let lost = 0
  let lastWarning = Number.NEGATIVE_INFINITY

  const warn = (cause: unknown) => {
    if (now() - lastWarning < QUIET) return
    lastWarning = now()
    // Not the driver's words, which may hold what was to be written.
    const { code, name } = cause as { readonly code?: unknown; readonly name?: unknown }
    const facts = { waiting: waiting.length, ...(lost > 0 && { lost }) }
    log.warn(`Spend cannot be written to the database (${String(code ?? name)}); it waits in memory.`, facts)
  }

  const schedule = () => {
    if (timer !== undefined || waiting.length === 0 || isClosed) return
    timer = setTimeout(() => void flush(), Math.min(interval * 2 ** failures, LONGEST_PAUSE))
    timer.unref?.()
  }

  const write = async () => {
    while (waiting.length > 0) {
      const some = waiting.slice(0, MOST_AT_ONCE)
      try {
        await writeSpend(store, some, { holder, keepsLogs })
      } catch (cause) {
        failures++
        warn(cause)
        return
      }
      failures = 0
      // Some of them may have been dropped meanwhile to make room.
      const written = new Set(some)
      waiting = waiting.filter((one) => !written.has(one))
      for (const entry of some) settled(entry)
    }
  }

  const flush = (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    writing ??= write().finally(() => {
      writing = undefined
      schedule()
    })
    return writing
  }

  return {
    add(report, counters) {
      if (isClosed) return
      if (waiting.length >= most) {
        settled(waiting.shift()!)
        lost++
      }
      waiting.push({ log: spendLogOf(report), counters })
      schedule()
    },
    async flush() {
      await flush()
      // What came while the last write was under way.
      if (waiting.length > 0 && failures === 0) await flush()
    },
    close() {
      isClosed = true
      clearTimeout(timer)
      waiting = []
    },
  }
}

/** A report as a row. Neither the question nor the answer is in it. */
function spendLogOf(report: CallReport): SpendLog {
  const { caller, usage, error } = report
  return {
    request_id: report.id,
    trace_id: report.traceId,
    call_type: report.operation,
    status: report.status,
    start_time: report.startTime,
    end_time: report.endTime,
    first_token_time: report.firstTokenTime ?? null,
    key_hash: caller.keyHash ?? null,
    user_id: caller.userId ?? null,
    team_id: caller.teamId ?? null,
    organization_id: caller.organizationId ?? null,
    end_user_id: caller.endUserId ?? null,
    model: report.model,
    model_group: report.modelGroup,
    provider: report.provider ?? null,
    deployment_id: report.deploymentId ?? null,
    prompt_tokens: usage?.prompt_tokens ?? 0,
    completion_tokens: usage?.completion_tokens ?? 0,
    total_tokens: usage?.total_tokens ?? 0,
    cached_tokens: usage?.prompt_tokens_details?.cached_tokens ?? 0,
    spend: toNano(report.cost),
    cache_hit: Number(report.cacheHit),
    tags: JSON.stringify([...new Set(report.tags)]),
    metadata: report.usageIsEstimated ? '{"usage_estimated":true}' : '{}',
    http_status: report.httpStatus,
    error: error?.message.slice(0, 1_000) ?? null,
  }
}
