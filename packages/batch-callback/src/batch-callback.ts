import {
  type Callback,
  type CallbackPlugin,
  type CallReport,
  defineCallback,
  GatewayError,
  type Host,
} from '@tianjillm/core'
import * as v from 'valibot'
import { delivery } from './delivery.ts'
import { eventQueue } from './event-queue.ts'
import type { Sink } from './sink.ts'
import { withoutBase64 } from './without-base64.ts'

/** Options of every callback on this base. */
export interface BatchOptions {
  /** Events of one request; as many waiting are sent at once. Default: the plugin's, else 512. */
  readonly batchSize?: number | undefined
  /** Seconds between two sendings. Default: the plugin's, else 5. */
  readonly flushInterval?: number | undefined
}

/** Schema entries for `BatchOptions`, to be spread into a plugin's own schema. */
export const batchOptions: {
  readonly batchSize: v.OptionalSchema<v.GenericSchema<number>, undefined>
  readonly flushInterval: v.OptionalSchema<v.GenericSchema<number>, undefined>
} = {
  batchSize: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  flushInterval: v.optional(v.pipe(v.number(), v.gtValue(0))),
}

/** What a vendor can take. */
export interface Limits {
  /** Events of one request. Default 512, or DEFAULT_BATCH_SIZE. */
  readonly batchSize?: number
  /** Seconds between two sendings. Default 5, or DEFAULT_FLUSH_INTERVAL_SECONDS. */
  readonly flushInterval?: number
  /** Bytes of one request's body; larger ones are halved. Default: no limit. */
  readonly maxBytes?: number
  /** Events that may wait; the oldest make room. Default 10,000. */
  readonly queueSize?: number
  /** Seconds after which a flush gives up. Default 5. */
  readonly flushDeadline?: number
}

/** A callback that queues, batches and posts, as data. */
export interface BatchCallbackFacts<Options extends BatchOptions, Event extends object> {
  readonly name: string
  readonly title: string
  readonly docs: string
  readonly options: v.GenericSchema<unknown, Options>
  /** Whether reports carry prompts and answers; files in them become placeholders. Default false. */
  readonly content?: boolean
  readonly limits?: Limits
  /** Environment variables of the vendor's own that replace its limits. */
  readonly env?: { readonly batchSize?: string; readonly flushInterval?: string }
  /** Throws GatewayError `misconfigured` when a key is missing. */
  connect(options: Options, host: Host): Sink<Event>
}

const LONGEST_INTERVAL = 86_400

/**
 * A callback plugin for a service that takes batches: the facts say what to send, the rest is done here. A report
 * is queued at once and never waits for the network; a failure is retried, then becomes one warning.
 */
export function batchCallback<Options extends BatchOptions, Event extends object>(
  facts: BatchCallbackFacts<Options, Event>,
): CallbackPlugin<Options> {
  const { name, title, docs, options } = facts
  return defineCallback<v.GenericSchema<unknown, Options>>({
    name,
    title,
    docs,
    options,
    create: (given, host) => createBatchCallback(facts, given, host),
  })
}

function createBatchCallback<Options extends BatchOptions, Event extends object>(
  facts: BatchCallbackFacts<Options, Event>,
  options: Options,
  host: Host,
): Callback {
  const { name, content = false, limits = {}, env = {} } = facts
  const sink = facts.connect(options, host)
  const fromEnv = (variable: string | undefined) => positiveNumber(name, variable, host)
  const batchSize =
    options.batchSize ?? fromEnv(env.batchSize) ?? limits.batchSize ?? fromEnv('DEFAULT_BATCH_SIZE') ?? 512
  const flushInterval =
    options.flushInterval ??
    fromEnv(env.flushInterval) ??
    limits.flushInterval ??
    fromEnv('DEFAULT_FLUSH_INTERVAL_SECONDS') ??
    5
  const queueSize = limits.queueSize ?? 10_000
  const queue = eventQueue<Event>({
    name,
    batchSize: Math.min(Math.ceil(batchSize), queueSize),
    flushInterval: Math.min(flushInterval, LONGEST_INTERVAL) * 1000,
    queueSize,
    flushDeadline: (limits.flushDeadline ?? 5) * 1000,
    now: () => host.now(),
    log: host.log,
    deliver: delivery(name, sink, limits.maxBytes ?? Number.POSITIVE_INFINITY, host),
  })
  const tell = (report: CallReport) =>
    queue.add(
      sink.toEvents(
        content ? { ...report, input: withoutBase64(report.input), output: withoutBase64(report.output) } : report,
      ),
    )
  return { content, success: tell, failure: tell, flush: queue.flush }
}

function positiveNumber(plugin: string, variable: string | undefined, host: Host): number | undefined {
  const text = variable && host.env(variable)
  if (!text) return undefined
  const number = Number(text)
  if (number > 0) return number
  throw new GatewayError('misconfigured', `${plugin}: ${variable} must be a positive number.`, { provider: plugin })
}
