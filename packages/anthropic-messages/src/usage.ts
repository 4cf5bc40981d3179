import { isJsonObject, tokenUsage, type Usage } from '@tianjillm/core'
import { pick } from './reading.ts'
import type { MessagesUsage } from './wire.ts'

/** Counts of Anthropic's that keep their names in OpenAI's usage. */
const kept = [
  'cache_creation_input_tokens',
  'cache_read_input_tokens',
  'cache_creation',
  'server_tool_use',
  'service_tier',
] as const

/** Anthropic's counts in OpenAI's shape: the prompt includes what the cache was read for and written with. */
export function readUsage(usage: unknown): Usage | undefined {
  if (!isJsonObject(usage) || Object.keys(usage).length === 0) return undefined
  const { output_tokens_details: details } = usage
  const cached = usage.cache_read_input_tokens ?? undefined
  return {
    ...tokenUsage({
      prompt: count(usage.input_tokens) + count(usage.cache_creation_input_tokens) + count(cached),
      completion: count(usage.output_tokens),
      cached: cached === undefined ? undefined : count(cached),
      reasoning: isJsonObject(details) ? count(details.thinking_tokens) : undefined,
    }),
    ...pick(usage, ...kept),
  }
}

/** OpenAI's counts in Anthropic's shape; zeros when nothing is known, since the wire demands them. */
export function writeUsage(usage: Usage | null | undefined): MessagesUsage {
  const written = count(usage?.cache_creation_input_tokens)
  const cached = count(usage?.prompt_tokens_details?.cached_tokens)
  const reasoning = usage?.completion_tokens_details?.reasoning_tokens
  return {
    input_tokens: Math.max(0, count(usage?.prompt_tokens) - cached - written),
    cache_creation_input_tokens: written,
    cache_read_input_tokens: cached,
    output_tokens: count(usage?.completion_tokens),
    ...(reasoning !== undefined && { output_tokens_details: { thinking_tokens: reasoning } }),
    ...(usage && pick(usage, ...kept)),
  }
}

function count(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
