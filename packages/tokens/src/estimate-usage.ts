import type { JsonObject, Usage } from '@tianjillm/core'
import { countTexts } from './count-texts.ts'
import { countTokens } from './count-tokens.ts'

/** What an answer said, or a part of it. */
export interface Said {
  readonly text: string
  /** How many times as much the whole answer is. */
  readonly times: number
}

/** Tokens of a call that nobody told. What a model thinks unheard is not in it. */
export async function estimateUsage(input: JsonObject, { text, times }: Said): Promise<Usage> {
  const prompt = await countTokens(input)
  const completion = Math.round((await countTexts([text])) * times)
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion }
}
