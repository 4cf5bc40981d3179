import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError, type JsonObject, type Scrape } from '@tianjillm/core'
import type { CallRecord, Cancellation, Engine } from '@tianjillm/engine'
import { createLocalLimiter, type Limiter } from '@tianjillm/limits'
import type { Access } from './http/access.ts'
import { scrape } from './http/metrics.ts'
import type { AccessLog } from './log.ts'

/** Bytes a JSON body may have, and a form with files, when nothing is configured. */
const JSON_LIMIT = 16 * 1024 * 1024
const FORM_LIMIT = 32 * 1024 * 1024

/** A call under way, as the gateway's own books have it. */
export interface Entry {
  /** Counts the call among those worked on. Throws GatewayError `rate_limited` when there are as many as may be. */
  admit(): void
  note(record: CallRecord): void
  fail(error: GatewayError): void
}

/** What all routes share while one configuration is in force. */
export interface Gateway {
  readonly engine: Engine
  readonly access: Access
  /** Counts what keys take of their limits. */
  readonly limiter: Limiter
  readonly version: string
  /** Whether `/metrics` needs a key. */
  readonly guardsMetrics: boolean
  /** False once the gateway is asked to stop. */
  readonly isReady: boolean
  bodyLimit(contentType: string | undefined): number
  /** What `/metrics` shows; undefined when no callback gathers metrics. */
  metrics(): Promise<Scrape | undefined>
  /** The error without any secret in its words. */
  redact(error: GatewayError): GatewayError
  /** Enters a call into the books; it leaves them, and is logged, when its connection closes. */
  enter(
    id: string,
    path: string,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    cancellation: Cancellation,
  ): Entry
  /**
   * Takes no more calls in, lets those under way end, then sends what callbacks queued; all within `deadline` ms,
   * after which calls still under way are ended with an error.
   */
  stop(deadline: number): Promise<void>
}

/** What a gateway is made of. */
export interface GatewayParts {
  readonly engine: Engine
  readonly access: Access
  readonly version: string
  readonly accessLog: AccessLog
  readonly guardsMetrics?: boolean
  /** Bytes; replaces both defaults. */
  readonly bodyLimit?: number | undefined
  /** Default: one of its own. */
  readonly limiter?: Limiter
  /** Calls that may be worked on at once. Default: any number. */
  readonly mostCalls?: number | undefined
  /** Default: those of its engine. */
  readonly metrics?: () => Promise<Scrape | undefined>
}

/** A gateway from its parts. */
export function createGateway(parts: GatewayParts): Gateway {
  const { engine, access, version, accessLog, guardsMetrics = false } = parts
  const { limiter = createLocalLimiter(() => performance.now()), mostCalls = Number.POSITIVE_INFINITY } = parts
  const underWay = new Set<Cancellation>()
  let admitted = 0
  let isReady = true
  let whenIdle: (() => void) | undefined

  /** Resolves when no call is under way, at the latest after `most` ms. */
  const idle = async (most: number) => {
    if (underWay.size === 0) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      whenIdle = resolve
      timer = setTimeout(resolve, most)
    })
    clearTimeout(timer)
  }

  return {
    engine,
    access,
    limiter,
    version,
    guardsMetrics,
    get isReady() {
      return isReady
    },
    metrics: parts.metrics ?? (() => scrape(engine)),
    bodyLimit: (contentType) => parts.bodyLimit ?? (contentType?.startsWith('multipart/') ? FORM_LIMIT : JSON_LIMIT),
    redact: ({ kind, message, facts }) =>
      new GatewayError(kind, engine.redact(message), {
        ...facts,
        code: facts.code && engine.redact(facts.code),
        param: facts.param && engine.redact(facts.param),
        details: facts.details && (JSON.parse(engine.redact(JSON.stringify(facts.details))) as JsonObject),
      }),
    enter(id, path, incoming, outgoing, cancellation) {
      const start = performance.now()
      let record: CallRecord | undefined
      let failure: GatewayError | undefined
      let isAdmitted = false
      underWay.add(cancellation)
      outgoing.once('close', () => {
        if (!outgoing.writableFinished) cancellation.abort('The client closed the connection.')
        underWay.delete(cancellation)
        if (isAdmitted) admitted--
        if (underWay.size === 0) whenIdle?.()
        accessLog({ id, path, incoming, outgoing, record, failure, duration: performance.now() - start })
      })
      return {
        admit: () => {
          // Not those under way: a crowd of refused calls would keep others out until its answers are read.
          if (admitted >= mostCalls) throw tooManyCalls(mostCalls)
          // The client may have gone while its limit was asked for.
          if (!underWay.has(cancellation)) return
          admitted++
          isAdmitted = true
        },
        note: (known) => {
          record = known
        },
        fail: (error) => {
          failure = error
        },
      }
    },
    async stop(deadline) {
      isReady = false
      await idle(deadline)
      for (const cancellation of underWay)
        cancellation.abort(new GatewayError('shutting_down', 'The gateway is shutting down. Send the request again.'))
      // What was just ended has to be reported before callbacks send what they have.
      await idle(1_000)
      await engine.reporter.flush(Math.min(deadline, 5_000))
    },
  }
}

function tooManyCalls(most: number): GatewayError {
  const message = `The gateway works on ${most} calls already, its global_max_parallel_requests. Try again in a second.`
  return new GatewayError('rate_limited', message, { retryAfter: 1 })
}
