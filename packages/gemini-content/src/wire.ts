import type { JsonObject } from '@tianjillm/core'

/** One piece of a turn; exactly one kind of data is set. https://ai.google.dev/api/caching#Part */
export interface Part extends JsonObject {
  readonly text?: string
  /** The text is the model's reasoning. */
  readonly thought?: boolean
  /** Opaque; to be sent back on the same part. */
  readonly thoughtSignature?: string
  /** `data` is base64. */
  readonly inlineData?: { readonly mimeType: string; readonly data: string }
  readonly fileData?: { readonly mimeType?: string; readonly fileUri: string }
  readonly functionCall?: { readonly name: string; readonly args?: JsonObject; readonly id?: string }
  readonly functionResponse?: { readonly name: string; readonly response: JsonObject; readonly id?: string }
}

/** One turn of a conversation. https://ai.google.dev/api/caching#Content */
export interface Content {
  readonly role: 'user' | 'model'
  readonly parts: readonly Part[]
}

/** The body of generateContent and streamGenerateContent. https://ai.google.dev/api/generate-content#request-body */
export interface GenerateContentBody extends JsonObject {
  readonly contents: readonly Content[]
  readonly systemInstruction?: { readonly parts: readonly Part[] }
  readonly tools?: readonly JsonObject[]
  readonly toolConfig?: JsonObject
  readonly generationConfig?: JsonObject
}
