import {
  type Call,
  type ChatCompletionChunk,
  type ChatDelta,
  type ChunkHead,
  chatChunk,
  type FinishReason,
  type JsonObject,
  type Usage,
  usageChunk,
} from '@tianjillm/core'
import { type Candidate, finishWith, notUnderstood, readAnswer } from './answer.ts'
import { extensionsOf, notesOf } from './completion.ts'

/** How far a choice has come. */
interface Progress {
  readonly toolCalls: number
  readonly pictures: number
  readonly finishReason: FinishReason | undefined
  readonly notes: JsonObject
}

const START: Progress = { toolCalls: 0, pictures: 0, finishReason: undefined, notes: {} }

/**
 * The pieces of streamGenerateContent as chat chunks, the last one with usage. `events` are those of
 * `serverSentJson`. The finish is told at the end of the stream, as older models give a reason with every piece.
 * Throws GatewayError: the error a piece holds, or `upstream_invalid_response` when a choice is left unfinished.
 */
export async function* readChunks(
  provider: string,
  events: AsyncIterable<{ readonly data: unknown }>,
  call: Call,
): AsyncGenerator<ChatCompletionChunk> {
  const choices = new Map<number, Progress>()
  let head: ChunkHead | undefined
  let usage: Usage | undefined
  for await (const { data } of events) {
    const answer = readAnswer(provider, data, call)
    head ??= answer.head
    usage = answer.usage ?? usage
    for (const candidate of answer.candidates) {
      const known = choices.get(candidate.index)
      const delta = deltaOf(candidate, known ?? START)
      const opening: ChatDelta = known ? {} : { role: 'assistant', content: '' }
      if (!known || Object.keys(delta).length > 0 || candidate.logprobs)
        yield extended(chatChunk(head, { ...opening, ...delta }, null, candidate.index), {
          ...(candidate.logprobs && { logprobs: candidate.logprobs }),
        })
      choices.set(candidate.index, advanced(known ?? START, candidate))
    }
  }
  if (head === undefined || choices.size === 0) throw notUnderstood(provider, 'the stream ended without an answer')
  for (const [index, { finishReason, toolCalls, notes }] of choices) {
    if (finishReason === undefined) throw notUnderstood(provider, 'the stream ended before the answer was complete')
    yield extended(chatChunk(head, {}, finishWith(finishReason, toolCalls > 0), index), notesOf(notes))
  }
  if (usage) yield usageChunk(head, usage)
}

function deltaOf(candidate: Candidate, { toolCalls, pictures }: Progress): ChatDelta {
  const calls = candidate.toolCalls.map((toolCall, index) => ({ index: toolCalls + index, ...toolCall }))
  return {
    ...(candidate.text !== '' && { content: candidate.text }),
    ...(calls.length > 0 && { tool_calls: calls }),
    ...extensionsOf(candidate, pictures),
  }
}

function advanced(progress: Progress, { toolCalls, pictures, finishReason, notes }: Candidate): Progress {
  return {
    toolCalls: progress.toolCalls + toolCalls.length,
    pictures: progress.pictures + pictures.length,
    finishReason: finishReason ?? progress.finishReason,
    notes: { ...progress.notes, ...notes },
  }
}

/** A chunk with further members on its choice. */
function extended(chunk: ChatCompletionChunk, fields: JsonObject): ChatCompletionChunk {
  return { ...chunk, choices: chunk.choices.map((choice) => ({ ...choice, ...fields })) }
}
