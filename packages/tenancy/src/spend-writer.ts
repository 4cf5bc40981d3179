import type { CallReport, Log } from '@tianjillm/core'
import {
  CALLS_AT_ONCE,
  type Counter,
  type SpendEntry,
  type SpendLog,
  type Store,
  toNano,
  writeSpend,
} from '@tianjillm/store'

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

/** Milliseconds of the longest pause after a failure, and between two warnings. */
const LONGEST_PAUSE = 30_000
const QUIET = 60_000

/** A writer over a store. What was to be written when it failed is written again, and counts once all the same. */
export function createSpendWriter(settings: SpendWriterSettings): SpendWriter {
  const { store, log, now, holder, keepsLogs = true, settled = () => {}, interval = 300, most = 100_000 } = settings
  let waiting: SpendEntry[] = []
  /** Calls since the beginning. */
  let added = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let writing: Promise<void> | undefined
  let isClosed = false
  let failures = 0
  let lost = 0
  /** Calls that are written one by one, for one of them was refused. */
  let apart = 0
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

  const done = (some: readonly SpendEntry[]) => {
    apart = Math.max(0, apart - some.length)
    // Some of them may have been dropped meanwhile to make room.
    const written = new Set(some)
    waiting = waiting.filter((one) => !written.has(one))
    for (const entry of some) settled(entry)
  }

  const giveUp = (entry: SpendEntry, cause: unknown) => {
    const { code } = cause as { readonly code?: unknown }
    log.error(
      `The call ${entry.log.request_id} cannot be written to the database (${String(code)}); its spend is lost.`,
    )
    done([entry])
  }

  const write = async () => {
    // What comes meanwhile waits for its own time: a transaction for each few calls would cost more than they do.
    const last = added
    while (added - waiting.length < last) {
      // One transaction each time: of what was written nothing may be written again.
      const some = waiting.slice(0, apart > 0 ? 1 : CALLS_AT_ONCE)
      try {
        await writeSpend(store, some, { holder, keepsLogs })
      } catch (cause) {
        if (!isRefused(cause)) {
          failures++
          warn(cause)
          return
        }
        // One of them cannot be written at all, and must not keep the others from it.
        if (some.length > 1) apart = some.length
        else giveUp(some[0]!, cause)
        continue
      }
      failures = 0
      done(some)
      // On this very thread SQLite works; others have their turn.
      await new Promise((resolve) => setImmediate(resolve))
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
      added++
      waiting.push({ log: spendLogOf(report), counters: counters.map(keptCounter) })
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

/** Whether a database took offence at what was to be written, rather than being away or busy. */
function isRefused(cause: unknown): boolean {
  const { code, errcode } = cause as { readonly code?: unknown; readonly errcode?: unknown }
  // PostgreSQL's classes of wrong data and broken rules; SQLite's constraint, mismatch and range.
  return (typeof code === 'string' && /^2[23]/.test(code)) || [19, 20, 25].includes(Number(errcode) & 0xff)
}

/** A report as a row. Neither the question nor the answer is in it. */
function spendLogOf(report: CallReport): SpendLog {
  const { caller, usage, error } = report
  return {
    request_id: report.id,
    trace_id: kept(report.traceId),
    call_type: report.operation,
    status: report.status,
    start_time: report.startTime,
    end_time: report.endTime,
    first_token_time: report.firstTokenTime ?? null,
    key_hash: keptIfAny(caller.keyHash),
    user_id: keptIfAny(caller.userId),
    team_id: keptIfAny(caller.teamId),
    organization_id: keptIfAny(caller.organizationId),
    end_user_id: keptIfAny(caller.endUserId),
    model: kept(report.model),
    model_group: kept(report.modelGroup),
    provider: report.provider ?? null,
    deployment_id: report.deploymentId ?? null,
    prompt_tokens: whole(usage?.prompt_tokens),
    completion_tokens: whole(usage?.completion_tokens),
    total_tokens: whole(usage?.total_tokens),
    cached_tokens: whole(usage?.prompt_tokens_details?.cached_tokens),
    spend: toNano(report.cost),
    cache_hit: Number(report.cacheHit),
    tags: JSON.stringify([...new Set(report.tags.slice(0, MOST_TAGS).map((tag) => kept(tag)))]),
    metadata: report.usageIsEstimated ? '{"usage_estimated":true}' : '{}',
    http_status: report.httpStatus,
    error: error === undefined ? null : kept(error.message, 1_000),
  }
}

/** Letters of names, and tags, that are kept of a call: it may have any number of them, and an index has an end. */
const LONGEST_NAME = 256
const MOST_TAGS = 100

/** What a client or a vendor says, as every database takes it: one that is refused would keep all others from being written. */
function kept(text: string, longest = LONGEST_NAME): string {
  // PostgreSQL takes two halves of signs for the same, and one row may not be written twice at once.
  return text.slice(0, longest).replaceAll('\u0000', '\ufffd').toWellFormed()
}

function keptIfAny(text: string | undefined): string | null {
  return text === undefined ? null : kept(text)
}

/** Those that budgets are leased by are known to the database. */
function keptCounter(counter: Counter): Counter {
  // A member is named by a team and a user.
  return counter.isLeased ? counter : { ...counter, id: kept(counter.id, 3 * LONGEST_NAME) }
}

/** Vendors count in whole numbers, but nobody can be sure. */
function whole(count: number | undefined): number {
  const rounded = Math.round(Number(count ?? 0))
  return Number.isSafeInteger(rounded) ? rounded : 0
}
