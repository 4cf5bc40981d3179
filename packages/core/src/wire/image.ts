import type { Upload } from '../http.ts'
import type { JsonObject } from '../json.ts'

/** OpenAI's images. https://platform.openai.com/docs/api-reference/images */
export interface ImageRequest extends JsonObject {
  readonly model: string
  readonly prompt: string
  readonly n?: number | null
  readonly size?: string | null
  readonly quality?: string | null
  readonly style?: string | null
  readonly response_format?: 'url' | 'b64_json' | null
  readonly output_format?: string | null
  readonly user?: string
}

/** Multipart fields are text, so numbers arrive as the core parsed them. */
export interface ImageEditRequest extends JsonObject {
  readonly model: string
  readonly image: readonly Upload[]
  readonly mask?: Upload
  readonly prompt?: string
  readonly n?: number
  readonly size?: string
  readonly response_format?: 'url' | 'b64_json'
}

export interface ImageVariationRequest extends JsonObject {
  readonly model: string
  readonly image: readonly Upload[]
  readonly n?: number
  readonly size?: string
  readonly response_format?: 'url' | 'b64_json'
}

export interface ImageResponse extends JsonObject {
  readonly created: number
  readonly data: readonly {
    readonly url?: string
    /** Base64 of the image file. */
    readonly b64_json?: string
    readonly revised_prompt?: string
    readonly [key: string]: unknown
  }[]
}
