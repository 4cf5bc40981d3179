import { type Awaitable, isGatewayError } from '@tianjillm/core'

/** What OpenTelemetry takes for an attribute's value. */
export type AttributeValue = string | number | boolean | readonly string[]

/** Attributes; those that are undefined are not told. */
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>

/**
 * A part of a query's way, in the terms of OpenTelemetry. Times in milliseconds since the epoch.
 * https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-agent-spans/
 */
export interface AgentSpan {
  /** 32 hex digits, the same for all of a query. */
  readonly traceId: string
  /** 16 hex digits. */
  readonly spanId: string
  /** Undefined for the query itself. */
  readonly parentSpanId: string | undefined
  readonly name: string
  readonly kind: 'internal' | 'client'
  readonly startTime: number
  readonly endTime: number
  readonly attributes: Readonly<Record<string, AttributeValue>>
  /** Whether it failed; `error.type` says how. */
  readonly isError: boolean
}

/** Hears all spans of a query when it is over: the query's own first, then calls of models and tools as they ended. */
export type HearSpans = (spans: readonly AgentSpan[]) => Awaitable<void>

/** A span that has ended. */
export type EndedSpan = Pick<AgentSpan, 'name' | 'kind' | 'startTime' | 'endTime'> & {
  readonly attributes: Attributes
  /** What it failed with. */
  readonly error?: unknown
}

/** The spans of one query. */
export interface Trace {
  /** A part of it is over. */
  add(span: EndedSpan): void
  /** The query is over. Gives all. */
  end(span: EndedSpan): readonly AgentSpan[]
}

/** A trace without a span. */
export function createTrace(): Trace {
  const traceId = randomHex(16)
  const rootId = randomHex(8)
  const parts: AgentSpan[] = []
  const spanOf = ({ error, attributes, ...span }: EndedSpan, isRoot: boolean): AgentSpan => {
    const all = { ...attributes, ...(error !== undefined && { 'error.type': typeOf(error) }) }
    const told = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
    const ids = { traceId, spanId: isRoot ? rootId : randomHex(8), parentSpanId: isRoot ? undefined : rootId }
    return { ...ids, ...span, attributes: Object.fromEntries(told), isError: error !== undefined }
  }
  return {
    add: (span) => void parts.push(spanOf(span, false)),
    end: (span) => [spanOf(span, true), ...parts],
  }
}

function typeOf(error: unknown): string {
  if (isGatewayError(error)) return error.kind
  return error instanceof Error ? error.name : '_OTHER'
}

function randomHex(bytes: number): string {
  return crypto
    .getRandomValues(new Uint8Array(bytes))
    .reduce((hex, byte) => hex + byte.toString(16).padStart(2, '0'), '')
}
