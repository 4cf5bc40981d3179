import type { JsonObject } from '../json.ts'
import type { FinishReason, Usage } from './chat.ts'

/** OpenAI's text completions. https://platform.openai.com/docs/api-reference/completions */
export interface CompletionRequest extends JsonObject {
  readonly model: string
  readonly prompt: string | readonly string[] | readonly number[] | readonly (readonly number[])[]
  readonly stream?: boolean | null
  readonly max_tokens?: number | null
}

/** A completion, and a chunk of a streamed one alike. */
export interface Completion extends JsonObject {
  readonly id: string
  readonly object: 'text_completion'
  readonly created: number
  readonly model: string
  readonly choices: readonly {
    readonly index: number
    readonly text: string
    readonly finish_reason: FinishReason | null
    readonly [key: string]: unknown
  }[]
  readonly usage?: Usage | null
}
