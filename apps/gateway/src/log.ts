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

/** The process's logs: one JSON object a line on standard output, secrets taken out. */
export interface Logs {
  readonly log: Log
  readonly access: AccessLog
}

/** Members of logged facts that never show. */
const hidden = ['authorization', 'apiKey', 'api_key', 'key', 'token', 'secret', 'password', 'cookie'].flatMap(
  (name) => [name, `*.${name}`],
)

/** The logs of a process. `level` is pino's: debug, info, warn, error, silent. */
export function createLogs(level: string, redact: Redact): Logs {
  const logger = pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: hidden, censor: '[redacted]' },
  })
  const write =
    (method: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, facts: Readonly<Record<string, unknown>> = {}) =>
      logger[method](facts, redact(message))
  return {
    log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    access({ id, path, incoming, outgoing, record, failure, duration }) {
      const status = outgoing.writableFinished || failure ? outgoing.statusCode : 499
      const facts = {
        id,
        method: incoming.method,
        path,
        status,
        ms: Math.round(duration * 10) / 10,
        model: record?.modelGroup,
        provider: record?.deployment?.providerName,
        tokens: record?.usage?.total_tokens,
        error: failure && redact(failure.message),
      }
      if (failure?.kind === 'internal') logger.error({ ...facts, cause: causeOf(failure) }, 'request')
      else logger.info(facts, 'request')
    },
  }
}

/** Where one of our own mistakes was made. */
function causeOf({ cause }: GatewayError): string | undefined {
  return cause instanceof Error ? cause.stack : undefined
}
