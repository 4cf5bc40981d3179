import { type ChatRequest, compact, isJsonObject, type JsonObject, type ResponseFormat } from '@tianjillm/core'
import { blocksOf } from './read-content.ts'
import { readSystem, readTurns } from './read-turns.ts'
import { readTool, readToolChoice } from './tools.ts'
import type { MessagesTool } from './wire.ts'

const serviceTiers: Readonly<Record<string, string>> = { auto: 'auto', standard_only: 'default' }

/** Thinking budgets below which an effort is meant, in tokens. */
const budgets: readonly (readonly [number, string])[] = [
  [4096, 'low'],
  [16_384, 'medium'],
  [Number.POSITIVE_INFINITY, 'high'],
]

/**
 * A Messages body as a chat request that says the same. What OpenAI has no word for stays where it was (`top_k`,
 * `thinking`, `output_config`, `cache_control`), so that `writeMessagesRequest` restores it and `plainChatRequest`
 * can take it away. Throws GatewayError `invalid_request`.
 */
export function readMessagesRequest(request: JsonObject): ChatRequest {
  const { model, system, messages, max_tokens, stop_sequences, stream, metadata, tools, tool_choice, ...rest } = request
  const { service_tier, ...extras } = rest
  const systemBlocks = blocksOf(system)
  const chat: JsonObject = {
    ...extras,
    model: String(model),
    messages: [...(systemBlocks.length > 0 ? [readSystem(systemBlocks, 'system')] : []), ...readTurns(messages)],
    max_completion_tokens: max_tokens,
    stop: stop_sequences,
    ...(stream === true && { stream, stream_options: { include_usage: true } }),
    user: isJsonObject(metadata) ? (metadata.user_id ?? undefined) : undefined,
    ...(Array.isArray(tools) && { tools: tools.map((tool: MessagesTool) => readTool(tool)) }),
    ...readToolChoice(tool_choice),
    service_tier: typeof service_tier === 'string' ? serviceTiers[service_tier] : undefined,
    reasoning_effort: effortOf(request),
    response_format: formatOf(request),
  }
  // What the client wrote stands in fields whose values a vendor checks.
  return compact(chat) as ChatRequest
}

function effortOf({ output_config: output, thinking }: JsonObject): string | undefined {
  if (isJsonObject(output) && typeof output.effort === 'string')
    return output.effort === 'max' ? 'xhigh' : output.effort
  if (!isJsonObject(thinking) || thinking.type !== 'enabled') return undefined
  return budgets.find(([below]) => Number(thinking.budget_tokens) < below)?.[1]
}

function formatOf({ output_config: output }: JsonObject): ResponseFormat | undefined {
  const format = isJsonObject(output) ? output.format : undefined
  if (!isJsonObject(format) || !isJsonObject(format.schema)) return undefined
  return { type: 'json_schema', json_schema: { name: 'answer', schema: format.schema, strict: true } }
}
