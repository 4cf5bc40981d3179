import type { Call } from './call.ts'
import type { JsonObject } from './json.ts'
import type { Awaitable } from './provider.ts'
import type { ChatMessage } from './wire/chat.ts'

/** When a guardrail runs: `mode` of its configuration. */
export type Hook =
  | 'pre_call'
  | 'during_call'
  | 'post_call'
  | 'logging_only'
  | 'pre_mcp_call'
  | 'during_mcp_call'
  | 'post_mcp_call'

/** The text of a request or an answer, laid flat: `texts[i]` was said by `roles[i]`. */
export interface GuardedText {
  readonly direction: 'request' | 'response'
  readonly texts: readonly string[]
  /** `system`, `user`, `assistant`, `tool`…, as long as `texts`. */
  readonly roles: readonly string[]
  /** URLs or data URLs of images in it. */
  readonly images: readonly string[]
  /** For an answer: the request's messages, for judges that need the context. */
  readonly context: readonly ChatMessage[]
  /** Fields the client adds to the body sent to the judge (`guardrails: {name: {extra_body}}`). */
  readonly extraBody?: JsonObject
}

export type Verdict =
  | { readonly action: 'pass' }
  | {
      readonly action: 'block'
      /** Told to the client. */
      readonly reason: string
      /** The judge's findings, told to the client in `error.provider_specific_fields`; no secrets, no full prompts. */
      readonly details?: JsonObject
    }
  | {
      readonly action: 'rewrite'
      /** As many as were given, in their order. */
      readonly texts: readonly string[]
    }

/** Judges. What its own failure means is not its business: the engine fails open or closed as configured. */
export interface Guardrail {
  /** Hooks it can serve. */
  readonly hooks: readonly Hook[]
  /** Throws GatewayError `guardrail_unavailable` when the judge cannot be reached or understood. */
  check(text: GuardedText, call: Call): Awaitable<Verdict>
}
