import { type ChatRequest, compact, isJsonObject, type JsonObject, stopList, vendorExtras } from '@tianjillm/core'
import { writeTool, writeToolChoice } from './tools.ts'
import type { Block, MessagesRequest } from './wire.ts'
import { writeTurns } from './write-turns.ts'

/** OpenAI's parameters that `writeMessagesRequest` has a counterpart for: an operation's `supports`. */
export const messagesParameters: readonly string[] = [
  'max_completion_tokens',
  'max_tokens',
  'parallel_tool_calls',
  'reasoning_effort',
  'response_format',
  'safety_identifier',
  'service_tier',
  'stop',
  'stream',
  'temperature',
  'tool_choice',
  'tools',
  'top_p',
  'user',
]

/** Anthropic demands a limit; OpenAI's clients seldom give one. */
const DEFAULT_MAX_TOKENS = 4096

/** Anthropic has no JSON mode without a schema, so `json_object` is asked for in words. */
const jsonObjectWish: Block = { type: 'text', text: 'Answer with a single JSON object and nothing else.' }

/** Anthropic uses a paid reservation where there is one, unless told `standard_only`. */
const serviceTiers: Readonly<Record<string, string>> = { default: 'standard_only', priority: 'auto' }

/** OpenAI's efforts that Anthropic does not have. */
const efforts: Readonly<Record<string, string | undefined>> = { none: undefined, minimal: 'low' }

/**
 * A chat request as a Messages body. Fields that are not OpenAI's (`thinking`, `top_k`, `output_config`, …) go as they
 * are. `reasoning_effort` asks for adaptive thinking, unless `thinking` or `output_config.effort` are given. Throws
 * GatewayError `invalid_request` for content Anthropic cannot take.
 * https://platform.claude.com/docs/en/api/messages/create
 */
export function writeMessagesRequest(request: ChatRequest): MessagesRequest {
  const { system, turns } = writeTurns(request.messages)
  const wishes = request.response_format?.type === 'json_object' ? [jsonObjectWish] : []
  const tools = request.tools?.length ? request.tools.map(writeTool) : undefined
  const user = request.user ?? request.safety_identifier
  return compact({
    ...vendorExtras('chat', request, ['messages']),
    model: request.model,
    max_tokens: maxTokens(request),
    system: listed([...system, ...wishes]),
    messages: turns,
    stream: request.stream === true || undefined,
    stop_sequences: stopList(request.stop),
    temperature: typeof request.temperature === 'number' ? clamp(request.temperature) : undefined,
    top_p: request.top_p ?? undefined,
    metadata: user ? { user_id: user } : undefined,
    tools,
    tool_choice: tools && writeToolChoice(request.tool_choice, request.parallel_tool_calls),
    service_tier: request.service_tier ? (serviceTiers[request.service_tier] ?? request.service_tier) : undefined,
    ...reasoning(request),
  })
}

function maxTokens({ max_completion_tokens, max_tokens, thinking }: ChatRequest): number {
  const budget = isJsonObject(thinking) && thinking.type === 'enabled' ? Number(thinking.budget_tokens) || 0 : 0
  return max_completion_tokens ?? max_tokens ?? DEFAULT_MAX_TOKENS + budget
}

/** OpenAI's scale reaches to 2, Anthropic's to 1. */
function clamp(temperature: number): number {
  return Math.min(1, Math.max(0, temperature))
}

function reasoning(request: ChatRequest): JsonObject {
  const { response_format: format } = request
  const given = isJsonObject(request.output_config) ? request.output_config : {}
  const isGiven = isJsonObject(request.thinking) || given.effort !== undefined
  const effort = isGiven ? undefined : (request.reasoning_effort ?? undefined)
  const schema = format?.type === 'json_schema' ? (format.json_schema.schema ?? { type: 'object' }) : undefined
  const output = compact({
    effort: effort && effort in efforts ? efforts[effort] : effort,
    format: schema && { type: 'json_schema', schema },
    ...given,
  })
  return {
    ...(effort && { thinking: { type: effort === 'none' ? 'disabled' : 'adaptive' } }),
    output_config: Object.keys(output).length > 0 ? output : undefined,
  }
}

function listed<Item>(items: readonly Item[]): readonly Item[] | undefined {
  return items.length > 0 ? items : undefined
}
