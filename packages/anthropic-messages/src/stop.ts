import type { FinishReason, JsonObject } from '@tianjillm/core'
import { pick } from './reading.ts'

const finishReasons: ReadonlyMap<unknown, FinishReason> = new Map<string, FinishReason>([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['pause_turn', 'stop'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['tool_use', 'tool_calls'],
  ['refusal', 'content_filter'],
])

const stopReasons: Readonly<Record<FinishReason, string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  function_call: 'tool_use',
  content_filter: 'refusal',
}

/** Why the model stopped, in OpenAI's words; `fields` keeps what those cannot say. */
export function readStop(message: JsonObject): { readonly finishReason: FinishReason; readonly fields: JsonObject } {
  const finishReason = finishReasons.get(message.stop_reason) ?? 'stop'
  const isSaid = message.stop_reason === stopReasons[finishReason]
  return { finishReason, fields: pick(message, ...(isSaid ? [] : ['stop_reason']), 'stop_sequence', 'stop_details') }
}

/** Why the model stopped, in Anthropic's words. Some vendors say `stop` after a tool call. */
export function writeStop(
  finishReason: FinishReason,
  fields: JsonObject,
  hasToolCalls: boolean,
): { readonly stop_reason: string; readonly stop_sequence: string | null } {
  const reason = finishReason === 'stop' && hasToolCalls ? 'tool_calls' : finishReason
  return {
    stop_reason: stopReasons[reason] ?? 'end_turn',
    stop_sequence: null,
    ...pick(fields, 'stop_reason', 'stop_sequence', 'stop_details'),
  }
}
