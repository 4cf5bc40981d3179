import { type ChatRequest, compact, vendorExtras } from '@tianjillm/core'
import { conversationOf } from './contents.ts'
import { configFields, generationConfigOf } from './generation-config.ts'
import { toolConfigOf, toolsOf } from './tools.ts'
import type { GenerateContentBody } from './wire.ts'

/** OpenAI's chat parameters that have a counterpart: `supports` of a chat operation on this wire. */
export const chatParameters: readonly string[] = [
  'frequency_penalty',
  'logprobs',
  'max_completion_tokens',
  'max_tokens',
  'modalities',
  'n',
  'presence_penalty',
  'reasoning_effort',
  'response_format',
  'seed',
  'stop',
  'stream',
  'temperature',
  'tool_choice',
  'tools',
  'top_logprobs',
  'top_p',
  'web_search_options',
]

/**
 * A chat request as the body of generateContent. Google's own fields (`safetySettings`, `cachedContent`) go along as
 * they are. Throws GatewayError `invalid_request` for what cannot be said on this wire.
 * https://ai.google.dev/api/generate-content
 */
export function generateContentBody(input: ChatRequest): GenerateContentBody {
  return compact({
    ...conversationOf(input.messages, input.model),
    tools: toolsOf(input),
    toolConfig: toolConfigOf(input.tool_choice),
    generationConfig: generationConfigOf(input),
    ...vendorExtras('chat', input, ['messages', ...configFields]),
    // Only defined members are left, which is more than the type of compact can say.
  }) as GenerateContentBody
}
