import {
  type CallReport,
  GatewayError,
  isGatewayError,
  isJsonObject,
  type JsonObject,
  parseJson,
  type Usage,
} from '@tianjillm/core'
import type { Answer, Relay } from './answer.ts'
import type { Asked } from './asked.ts'
import { assemble } from './assemble.ts'
import type { LiveCall } from './call.ts'
import type { Engine } from './engine.ts'
import { withoutGatewayFields } from './gateway-fields.ts'
import { guardReport } from './guard.ts'
import type { CallRecord } from './record.ts'
import type { Reporter } from './reporter.ts'
import type { Sink } from './transport.ts'
import { UsageScanner } from './usage-scanner.ts'

/** The error a client is told, whatever went wrong; our own mistakes are told without their words. */
export function asGatewayError(error: unknown): GatewayError {
  return isGatewayError(error) ? error : new GatewayError('internal', 'The gateway made a mistake.', { cause: error })
}

/** What becomes of a call. Throws GatewayError. */
export type Run = (engine: Engine, call: LiveCall, asked: Asked, record: CallRecord) => Promise<Answer>

/** The same way, reported: when it begins, and once when its answer's last piece has gone or it failed. */
export function reported(way: Run): Run {
  return async (engine, call, asked, record) => {
    engine.reporter.started(call)
    try {
      return watched(await way(engine, call, asked, record), asked, call, record, engine)
    } catch (cause) {
      const error = asGatewayError(cause)
      finisher(asked, call, record, engine)(error, () => undefined)
      throw error
    }
  }
}

/**
 * Watches an answer on its way out, so that the call is reported when its last piece has gone, it broke, or nobody
 * wants it any more.
 */
function watched(answer: Answer, asked: Asked, call: LiveCall, record: CallRecord, engine: Engine): Answer {
  const { reporter } = engine
  const finish = finisher(asked, call, record, engine, answer)
  switch (answer.type) {
    case 'json':
      record.firstTokenTime = call.now()
      note(record, answer.value)
      finish(undefined, () => answer.value)
      return answer
    case 'bytes': {
      record.firstTokenTime = call.now()
      const scanner = new UsageScanner()
      scanner.feed(answer.bytes)
      record.usage = scanner.usage()
      finish(undefined, () => objectOf(answer.bytes))
      return answer
    }
    case 'text':
      record.firstTokenTime = call.now()
      finish(undefined, () => ({ text: answer.text }))
      return answer
    case 'stream':
      return { type: 'stream', chunks: watchChunks(answer.chunks, asked, call, record, reporter, finish) }
    case 'binary':
      return { ...answer, body: watchPieces(answer.body, call, record, finish) }
    case 'relay':
      return { ...answer, reply: watchRelay(answer, call, record, reporter, finish) }
  }
}

type Finish = (error: GatewayError | undefined, output: () => JsonObject | undefined) => void

function finisher(asked: Asked, call: LiveCall, record: CallRecord, engine: Engine, answer?: Answer): Finish {
  const { reporter } = engine
  let isDone = false
  const stream = answer?.type === 'stream' || answer?.type === 'relay'
  return (error, output) => {
    if (isDone) return
    isDone = true
    const input = reporter.wantsContent
      ? withoutUploads(withoutGatewayFields((record.allowed ?? asked).input))
      : undefined
    const said = reporter.wantsContent ? output() : undefined
    if (typeof said?.id === 'string') record.responseId ??= said.id
    const report = record.report(call, { stream, input, output: said, error: error && told(error, engine) })
    reporter.deliver(guardReport(report, call, record))
  }
}

function told(error: GatewayError, { redact }: Engine): NonNullable<CallReport['error']> {
  return { kind: error.kind, status: error.status, message: redact(error.message), provider: error.facts.provider }
}

function note(record: CallRecord, value: JsonObject): void {
  if (isJsonObject(value.usage)) record.usage = value.usage as Usage
  if (typeof value.id === 'string') record.responseId = value.id
}

async function* watchChunks(
  chunks: AsyncIterable<JsonObject>,
  { input }: Asked,
  call: LiveCall,
  record: CallRecord,
  reporter: Reporter,
  finish: Finish,
): AsyncGenerator<JsonObject> {
  const wantsUsage = isJsonObject(input.stream_options) && input.stream_options.include_usage === true
  const kept: JsonObject[] = []
  const output = () => (kept.length > 0 ? assemble(kept) : undefined)
  let error: GatewayError | undefined = new GatewayError('client_closed', 'The client closed the connection.')
  try {
    for await (const chunk of chunks) {
      record.firstTokenTime ??= call.now()
      note(record, chunk)
      if (reporter.wantsContent) kept.push(chunk)
      const isUsageOnly = Array.isArray(chunk.choices) && chunk.choices.length === 0 && isJsonObject(chunk.usage)
      if (wantsUsage || !isUsageOnly) yield chunk
    }
    error = undefined
  } catch (cause) {
    error = asGatewayError(cause)
    throw error
  } finally {
    finish(error, output)
  }
}

async function* watchPieces(
  body: AsyncIterable<Uint8Array>,
  call: LiveCall,
  record: CallRecord,
  finish: Finish,
): AsyncGenerator<Uint8Array> {
  let error: GatewayError | undefined = new GatewayError('client_closed', 'The client closed the connection.')
  try {
    for await (const piece of body) {
      record.firstTokenTime ??= call.now()
      yield piece
    }
    error = undefined
  } catch (cause) {
    error = asGatewayError(cause)
    throw error
  } finally {
    finish(error, () => undefined)
  }
}

type RelayAnswer = Extract<Answer, { readonly type: 'relay' }>

/** Streams that say themselves when they are complete. */
const operationsWithEndMark: ReadonlySet<string> = new Set(['chat', 'completion'])

/** Most bytes of a relayed answer that are kept for callbacks with content. */
const LONGEST_KEPT = 4 * 1024 * 1024

function watchRelay(
  { reply, contentType }: RelayAnswer,
  call: LiveCall,
  record: CallRecord,
  reporter: Reporter,
  finish: Finish,
): Relay {
  const scanner = new UsageScanner()
  const kept: Uint8Array[] = []
  let keptBytes = 0
  const hasEndMark = contentType.startsWith('text/event-stream') && operationsWithEndMark.has(call.operation)
  const end = (error: GatewayError | undefined) => {
    record.usage = scanner.usage()
    finish(error, () => assembledEvents(kept))
  }
  return {
    body: reply.body,
    resume: () => reply.resume(),
    cancel: () => {
      reply.cancel()
      end(new GatewayError('client_closed', 'The client closed the connection.'))
    },
    pipe: (sink: Sink) =>
      reply.pipe({
        write(piece) {
          record.firstTokenTime ??= call.now()
          scanner.feed(piece)
          if (reporter.wantsContent && keptBytes < LONGEST_KEPT) {
            kept.push(piece)
            keptBytes += piece.length
          }
          return sink.write(piece)
        },
        end() {
          // What the vendor itself told the client is only reported.
          const told = scanner.hasError
            ? brokenOff(record, 'the vendor reported an error in the middle of the stream')
            : undefined
          const cut =
            hasEndMark && !told && !scanner.isComplete
              ? brokenOff(record, 'the stream ended before the answer was complete')
              : undefined
          end(told ?? cut)
          if (cut) sink.fail(cut)
          else sink.end()
        },
        fail(error) {
          end(error)
          sink.fail(error)
        },
      }),
  }
}

function brokenOff(record: CallRecord, what: string): GatewayError {
  const provider = record.deployment?.providerName ?? 'upstream'
  return new GatewayError('upstream_invalid_response', `${provider}: ${what}.`, { provider })
}

function objectOf(bytes: Uint8Array): JsonObject | undefined {
  const value = parseJson(new TextDecoder().decode(bytes))
  return isJsonObject(value) ? value : undefined
}

/** The answer that relayed events add up to. */
function assembledEvents(pieces: readonly Uint8Array[]): JsonObject | undefined {
  const decoder = new TextDecoder()
  const text = pieces.map((piece) => decoder.decode(piece, { stream: true })).join('')
  const chunks = text.split('\n').flatMap((line) => {
    const value = line.startsWith('data:') ? parseJson(line.slice(5)) : undefined
    return isJsonObject(value) ? [value] : []
  })
  return chunks.length > 0 ? assemble(chunks) : undefined
}

/** The request without the bytes of its files. */
function withoutUploads(input: JsonObject): JsonObject {
  const isFile = (value: unknown) => isJsonObject(value) && value.bytes instanceof Uint8Array
  const holdsFile = (value: unknown) => isFile(value) || (Array.isArray(value) && value.some(isFile))
  if (!Object.values(input).some(holdsFile)) return input
  return Object.fromEntries(Object.entries(input).filter(([, value]) => !holdsFile(value)))
}
