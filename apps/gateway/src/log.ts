import type { IncomingMessage, ServerResponse } from 'node:http'
import type { GatewayError, Log } from '@tianjillm/core'
import type { CallRecord } from '@tianjillm/engine'
import { pino } from 'pino'
import type { Redact } from './redact.ts'

/** What is known of a call when its connection closes. */
export interface Access {
  readonly id: string
  readonly path: string
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly record: CallRecord | undefined
  readonly failure: GatewayError | undefined
  /** Milliseconds. */
  readonly duration: number
}

/** Writes one line a call. */
export type AccessLog = (access: Access) => void

/** The process's logs: one JSON object a line, secrets taken out. */
export interface Logs {
  readonly log: Log
  readonly access: AccessLog
  /** Writes what is still in memory. */
  flush(): void
}

/** Members of logged facts that never show. */
const hidden = ['authorization', 'apiKey', 'api_key', 'key', 'token', 'secret', 'password', 'cookie']
const hiddenPaths = hidden.flatMap((name) => [name, `*.${name}`])

/** Bytes of lines that may wait in memory, and milliseconds they may wait, when nobody watches a terminal. */
const WAITING_BYTES = 8 * 1024
const WAITING_TIME = 500

/** What pipes take in one piece, however many write to them. https://man7.org/linux/man-pages/man7/pipe.7.html */
const ATOMIC_BYTES = 4096

/** Letters that a client's words, and ours, may have in a line of the access log. */
const LONGEST_NAME = 256
const LONGEST_MESSAGE = 1_000

/** What else is known of a process that logs. */
export interface LogSettings {
  /** Whether other processes write to the same standard output: lines then stay whole, and have a `pid`. */
  readonly isOneOfMany?: boolean
  /** Where they go: default `stdout`. */
  readonly to?: 'stdout' | 'stderr'
}

/** The logs of a process. `level` is pino's: debug, info, warn, error, silent. */
export function createLogs(
  level: string,
  redact: Redact,
  { isOneOfMany = false, to = 'stdout' }: LogSettings = {},
): Logs {
  const sizes = isOneOfMany ? { minLength: ATOMIC_BYTES - 1, maxWrite: ATOMIC_BYTES } : { minLength: WAITING_BYTES }
  const dest = to === 'stdout' ? 1 : 2
  const destination = pino.destination(process[to].isTTY ? { dest } : { dest, sync: false, ...sizes })
  const timer = setInterval(() => destination.flush(), WAITING_TIME)
  timer.unref()
  const settings = { level, base: isOneOfMany ? { pid: process.pid } : null, timestamp: timestamp() }
  // What the access log writes is chosen here, so only the facts of others need to be looked through.
  const lines = pino(settings, destination)
  const logger = pino({ ...settings, redact: { paths: hiddenPaths, censor: '[redacted]' } }, destination)
  const write =
    (method: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, facts: Readonly<Record<string, unknown>> = {}) =>
      (mayHide(facts) ? logger : lines)[method](facts, redact(message))
  return {
    log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    access(access) {
      if (access.failure?.kind === 'internal')
        lines.error({ ...accessFacts(access, redact), cause: causeOf(access.failure) }, 'request')
      else if (lines.isLevelEnabled('info')) lines.info(accessFacts(access, redact), 'request')
    },
    flush() {
      clearInterval(timer)
      try {
        destination.flushSync()
      } catch {
        // It is not open yet, or no more.
      }
    },
  }
}

/** Whether there may be something in it that never shows: to look for that takes pino longer than the whole line. */
function mayHide(facts: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(facts).some(([name, value]) => hidden.includes(name) || typeof value === 'object')
}

/** As pino's own `isoTime`, but written once for all lines of a millisecond. */
function timestamp(): () => string {
  let time = 0
  let text = ''
  return () => {
    const now = Date.now()
    if (now !== time) text = `,"time":"${new Date(now).toISOString()}"`
    time = now
    return text
  }
}

function accessFacts({ id, path, incoming, outgoing, record, failure, duration }: Access, redact: Redact): object {
  return {
    id,
    method: incoming.method,
    path: path.slice(0, LONGEST_NAME),
    status: outgoing.writableFinished || failure ? outgoing.statusCode : 499,
    ms: Math.round(duration * 10) / 10,
    model: record?.modelGroup.slice(0, LONGEST_NAME),
    provider: record?.deployment?.providerName,
    tokens: record?.usage?.total_tokens,
    error: failure && redact(failure.message).slice(0, LONGEST_MESSAGE),
  }
}

/** Where one of our own mistakes was made. */
function causeOf({ cause }: GatewayError): string | undefined {
  return cause instanceof Error ? cause.stack?.slice(0, LONGEST_MESSAGE) : undefined
}
