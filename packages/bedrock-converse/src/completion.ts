import {
  type Call,
  type ChatCompletion,
  type ChatMessage,
  chatCompletion,
  compact,
  GatewayError,
  type JsonObject,
  type ToolCall,
  type UpstreamReply,
} from '@tianjillm/core'
import * as v from 'valibot'
import { finishReason, headOf, usageOf } from './outcome.ts'

const blockSchema = v.object({
  text: v.nullish(v.string()),
  toolUse: v.nullish(v.object({ toolUseId: v.string(), name: v.string(), input: v.optional(v.unknown()) })),
  reasoningContent: v.nullish(
    v.object({
      reasoningText: v.nullish(v.object({ text: v.string(), signature: v.nullish(v.string()) })),
      redactedContent: v.nullish(v.string()),
    }),
  ),
})

const answerSchema = v.object({
  output: v.object({ message: v.object({ content: v.array(blockSchema) }) }),
  stopReason: v.nullish(v.string()),
  usage: v.optional(v.unknown()),
  trace: v.optional(v.unknown()),
  additionalModelResponseFields: v.optional(v.unknown()),
})

type AnswerBlock = v.InferOutput<typeof blockSchema>

/**
 * Converse's answer as a chat completion. A guardrail's `trace` and `additionalModelResponseFields` are found under
 * `provider_specific_fields`. Throws GatewayError `upstream_invalid_response`.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_ResponseSyntax
 */
export async function converseCompletion(provider: string, reply: UpstreamReply, call: Call): Promise<ChatCompletion> {
  const { success, output: answer } = v.safeParse(answerSchema, await reply.json())
  if (!success)
    throw new GatewayError('upstream_invalid_response', `${provider}: the answer holds no message.`, { provider })
  const { output, stopReason, usage, trace, additionalModelResponseFields } = answer
  const completion = chatCompletion(
    headOf(reply.headers, call),
    messageOf(output.message.content),
    finishReason(stopReason, call),
    usageOf(usage),
  )
  const specific = compact({ trace, additionalModelResponseFields })
  return Object.keys(specific).length > 0 ? { ...completion, provider_specific_fields: specific } : completion
}

function messageOf(blocks: readonly AnswerBlock[]): ChatMessage {
  const text = blocks.map((block) => block.text ?? '').join('')
  const reasoning = blocks.map(({ reasoningContent }) => reasoningContent?.reasoningText?.text ?? '').join('')
  const thinking = blocks.flatMap(thinkingBlocks)
  const calls = blocks.flatMap(toolCalls)
  return {
    role: 'assistant',
    content: text === '' && calls.length > 0 ? null : text,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(thinking.length > 0 && { thinking_blocks: thinking }),
    ...(calls.length > 0 && { tool_calls: calls }),
  }
}

function thinkingBlocks({ reasoningContent }: AnswerBlock): readonly JsonObject[] {
  const { reasoningText, redactedContent } = reasoningContent ?? {}
  if (redactedContent) return [{ type: 'redacted_thinking', data: redactedContent }]
  if (!reasoningText) return []
  const { text, signature } = reasoningText
  return [compact({ type: 'thinking', thinking: text, signature: signature ?? undefined })]
}

function toolCalls({ toolUse }: AnswerBlock): readonly ToolCall[] {
  if (!toolUse) return []
  const { toolUseId, name, input } = toolUse
  return [{ id: toolUseId, type: 'function', function: { name, arguments: JSON.stringify(input ?? {}) } }]
}
