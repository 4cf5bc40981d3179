import type { AgentSpan, AttributeValue, HearSpans } from '@tianjillm/agent'
import type { Host } from '@tianjillm/core'

/** Milliseconds for a collector to take a trace, and traces that are handed over at a time; more are dropped. */
const DEADLINE = 10_000
const MOST_AT_ONCE = 32
/** Milliseconds between two warnings. */
const QUIET = 60_000

/**
 * Hands the traces of queries to the collector that the environment names, in OTLP's JSON; undefined when it names none.
 * https://opentelemetry.io/docs/languages/sdk-configuration/otlp-exporter/
 */
export function spanExporter({ env, fetch, log, now }: Host, version: string): HearSpans | undefined {
  const url = collectorIn(env)
  if (url === undefined) return undefined
  const headers = {
    ...headersIn(env('OTEL_EXPORTER_OTLP_HEADERS')),
    ...headersIn(env('OTEL_EXPORTER_OTLP_TRACES_HEADERS')),
  }
  const resource = { attributes: attributesOf({ 'service.name': env('OTEL_SERVICE_NAME') ?? 'tianjillm' }) }
  const scope = { name: '@tianjillm/agent', version }
  let underWay = 0
  let warnedAt = Number.NEGATIVE_INFINITY
  const warn = (why: string) => {
    if (now() - warnedAt < QUIET) return
    warnedAt = now()
    log.warn(`Traces of queries cannot be handed to the collector: ${why}.`)
  }
  return async (spans) => {
    if (underWay >= MOST_AT_ONCE) return warn('it is too slow')
    underWay++
    try {
      const { ok, status, body } = await fetch(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope, spans: spans.map(onWire) }] }] }),
        redirect: 'error',
        signal: AbortSignal.timeout(DEADLINE),
      })
      await body?.cancel()
      if (!ok) warn(`it answers ${status}`)
    } catch (error) {
      // Not the words of the error, which may tell the address with its secrets.
      warn((error as Error).name === 'TimeoutError' ? 'it does not answer' : 'it cannot be reached')
    } finally {
      underWay--
    }
  }
}

/** The address for traces is whole, that for all signals is the root of several. */
function collectorIn(env: Host['env']): string | undefined {
  const whole = env('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')
  const root = env('OTEL_EXPORTER_OTLP_ENDPOINT')
  const url = whole ?? (root && `${root.replace(/\/+$/, '')}/v1/traces`)
  return url !== undefined && /^https?:$/.test(URL.parse(url)?.protocol ?? '') ? url : undefined
}

/** `a=b,c=d%20e`. https://opentelemetry.io/docs/languages/sdk-configuration/otlp-exporter/#otel_exporter_otlp_headers */
function headersIn(text = ''): Readonly<Record<string, string>> {
  const pairs = text.split(',').map((pair) => pair.trim().split(/=(.*)/s))
  return Object.fromEntries(
    pairs.flatMap(([name = '', value = '']) => (/^[\w-]+$/.test(name) ? [[name.toLowerCase(), decoded(value)]] : [])),
  )
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value.trim())
  } catch {
    return value.trim()
  }
}

const kinds = { internal: 1, client: 3 } as const

/** https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding */
function onWire({ kind, startTime, endTime, attributes, isError, ...span }: AgentSpan): object {
  return {
    ...span,
    kind: kinds[kind],
    startTimeUnixNano: nanoseconds(startTime),
    endTimeUnixNano: nanoseconds(endTime),
    attributes: attributesOf(attributes),
    status: { code: isError ? 2 : 0 },
  }
}

/** More than a number can hold. */
function nanoseconds(milliseconds: number): string {
  return String(BigInt(Math.round(milliseconds * 1_000)) * 1_000n)
}

function attributesOf(attributes: Readonly<Record<string, AttributeValue>>): readonly object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: wireValue(value) }))
}

function wireValue(value: AttributeValue): object {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value !== 'number') return { arrayValue: { values: value.map(wireValue) } }
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}
