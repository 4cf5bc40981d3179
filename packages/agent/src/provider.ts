import type { Awaitable, ChatCompletion, ChatRequest } from '@tianjillm/core'
import type { ModelAnswer } from './read-answer.ts'

/** Who can be asked for a model's answer. `{ name: 'openai', model: 'gpt-4o', chat: connect(openai).chat }` is one. */
export interface AgentProvider {
  readonly name: string
  /** The model it is asked for when nobody wants another. */
  readonly model: string
  /**
   * Gives a chat completion, or its chunks when the request says `stream: true`. Rejects with GatewayError; whose kind is
   * retryable has another provider asked in its place.
   */
  chat(request: ChatRequest, settings: { readonly signal: AbortSignal }): Awaitable<ModelAnswer>
  /** US dollars of an answer, asked for when it has been read. */
  cost?(completion: ChatCompletion): number | undefined
}

/** A provider that was asked for answers of one query. */
export interface Attempt {
  readonly provider: string
  readonly model: string
  /** Why another one was asked in its place. */
  readonly error?: string
  /** Milliseconds of all that it was asked. */
  readonly durationMs: number
}
