import { GatewayError, isJsonObject, type JsonObject, parseJson } from '@tianjillm/core'
import type { Answer, Relay } from './answer.ts'
import type { Asked } from './asked.ts'
import { assemble } from './assemble.ts'
import type { LiveCall } from './call.ts'
import { asGatewayError } from './gateway-error.ts'
import type { CallRecord } from './record.ts'
import { type Said, saidBy } from './said.ts'
import { eventsIn, Tail, usageFrom, usageOf } from './tail.ts'
import type { Sink } from './transport.ts'

/**
 * Told once when an answer has gone: what went wrong, and what was answered; of a stream also what it said, as far as
 * that is known.
 */
export type Finish = (error: GatewayError | undefined, output: () => JsonObject | undefined, said?: () => Said) => void

/**
 * Watches an answer on its way out: puts usage and timing on record, and calls `finish` once, when its last piece has
 * gone, it broke, or nobody wants it any more. `keep` is for those who want to know what was answered.
 */
export function watched(
  answer: Answer,
  asked: Asked,
  call: LiveCall,
  record: CallRecord,
  keep: boolean,
  finish: Finish,
): Answer {
  switch (answer.type) {
    case 'json':
      record.firstTokenTime = call.now()
      note(record, answer.value)
      finish(undefined, () => answer.value)
      return answer
    case 'bytes':
      record.firstTokenTime = call.now()
      record.usage = usageOf(answer.bytes)
      finish(undefined, () => objectOf(answer.bytes))
      return answer
    case 'text':
      record.firstTokenTime = call.now()
      finish(undefined, () => ({ text: answer.text }))
      return answer
    case 'stream':
      return { type: 'stream', chunks: watchChunks(answer.chunks, asked, call, record, keep, finish) }
    case 'binary':
      return { ...answer, body: watchPieces(answer.body, call, record, finish) }
    case 'relay':
      return { ...answer, reply: watchRelay(answer, call, record, keep, finish) }
  }
}

function note(record: CallRecord, value: JsonObject): void {
  record.usage = usageFrom(value.usage)
  if (typeof value.id === 'string') record.responseId = value.id
}

/** Most chunks of one answer that are kept. */
const MOST_KEPT = 50_000

/** Most characters of one answer that are counted. */
const LONGEST_SAID = 1024 * 1024

async function* watchChunks(
  chunks: AsyncIterable<JsonObject>,
  { input }: Asked,
  call: LiveCall,
  record: CallRecord,
  keep: boolean,
  finish: Finish,
): AsyncGenerator<JsonObject> {
  const wantsUsage = isJsonObject(input.stream_options) && input.stream_options.include_usage === true
  const kept: JsonObject[] = []
  const output = () => (kept.length > 0 ? assemble(kept) : undefined)
  let text = ''
  let error: GatewayError | undefined = new GatewayError('client_closed', 'The client closed the connection.')
  try {
    for await (const chunk of chunks) {
      record.firstTokenTime ??= call.now()
      note(record, chunk)
      if (keep && kept.length < MOST_KEPT) kept.push(chunk)
      if (record.estimates && text.length < LONGEST_SAID) text += saidBy(chunk)
      const isUsageOnly = Array.isArray(chunk.choices) && chunk.choices.length === 0 && isJsonObject(chunk.usage)
      if (wantsUsage || !isUsageOnly) yield chunk
    }
    error = undefined
  } catch (cause) {
    error = asGatewayError(cause)
    throw error
  } finally {
    finish(error, output, () => ({ text, times: 1 }))
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
  keep: boolean,
  finish: Finish,
): Relay {
  const tail = new Tail()
  const kept: Uint8Array[] = []
  let keptBytes = 0
  const hasEndMark = contentType.startsWith('text/event-stream') && operationsWithEndMark.has(call.operation)
  const end = (error: GatewayError | undefined, { usage } = tail.read()) => {
    record.usage = usage
    finish(
      error,
      () => assembledEvents(kept),
      () => tail.sample(),
    )
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
          tail.feed(piece)
          if (keep && keptBytes < LONGEST_KEPT) {
            kept.push(piece)
            keptBytes += piece.length
          }
          return sink.write(piece)
        },
        end() {
          const last = tail.read()
          const isCut = hasEndMark && !last.hasError && !last.isComplete
          const cut = isCut ? brokenOff(record, 'the stream ended before the answer was complete') : undefined
          // What the vendor itself told the client is only reported.
          const told = last.hasError ? brokenOff(record, 'the vendor reported an error in the stream') : undefined
          end(told ?? cut, last)
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
  const chunks = eventsIn(text)
  return chunks.length > 0 ? assemble(chunks) : undefined
}
