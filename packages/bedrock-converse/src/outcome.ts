import {
  type Call,
  type ChunkHead,
  type FinishReason,
  type ReplyHeaders,
  tokenUsage,
  type Usage,
} from '@tianjillm/core'
import * as v from 'valibot'

const finishReasons: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  guardrail_intervened: 'content_filter',
  content_filtered: 'content_filter',
}

/** OpenAI's name of Converse's stop reason. One that tells of a broken answer is `stop` with a warning. */
export function finishReason(stopReason: string | null | undefined, call: Call): FinishReason {
  if (stopReason?.startsWith('malformed')) call.log.warn(`${call.model} stopped with ${stopReason}.`)
  return finishReasons[stopReason ?? ''] ?? 'stop'
}

/** What an answer's chunks share; Converse tells neither an id nor a time. */
export function headOf(headers: ReplyHeaders, call: Call): ChunkHead {
  const id = headers.get('x-amzn-requestid') ?? call.uuid()
  return { id: `chatcmpl-${id}`, created: Math.floor(call.now() / 1000), model: call.model }
}

const usageSchema = v.object({
  inputTokens: v.number(),
  outputTokens: v.number(),
  cacheReadInputTokens: v.nullish(v.number()),
  cacheWriteInputTokens: v.nullish(v.number()),
})

/** Converse's token counts in OpenAI's shape; its input tokens leave out those read from or written to the cache. */
export function usageOf(value: unknown): Usage | undefined {
  const { success, output } = v.safeParse(usageSchema, value)
  if (!success) return undefined
  const { inputTokens, outputTokens, cacheReadInputTokens: read, cacheWriteInputTokens: written } = output
  const usage = tokenUsage({
    prompt: inputTokens + (read ?? 0) + (written ?? 0),
    completion: outputTokens,
    cached: read ?? undefined,
  })
  return written ? { ...usage, cache_creation_input_tokens: written } : usage
}
