import type { JsonObject } from '../json.ts'

/** OpenAI's embeddings. https://platform.openai.com/docs/api-reference/embeddings */
export interface EmbeddingRequest extends JsonObject {
  readonly model: string
  /** One text, several, one list of tokens, or several. */
  readonly input: string | readonly string[] | readonly number[] | readonly (readonly number[])[]
  readonly dimensions?: number
  /** The engine encodes; a provider always answers with numbers or with what its wire gives. */
  readonly encoding_format?: 'float' | 'base64'
  readonly user?: string
}

export interface EmbeddingResponse extends JsonObject {
  readonly object: 'list'
  /** `embedding` is a list of numbers, or base64 of little-endian 32-bit floats. */
  readonly data: readonly {
    readonly object: 'embedding'
    readonly index: number
    readonly embedding: readonly number[] | string
    readonly [key: string]: unknown
  }[]
  readonly model: string
  readonly usage?: { readonly prompt_tokens: number; readonly total_tokens: number; readonly [key: string]: unknown }
}
