import { GatewayError, isJsonObject, type JsonObject, parseJson } from '@tianjillm/core'
import type { RelayReply } from './transport.ts'

/** What comes back from a call, in the form that costs least to send on. */
export type Answer =
  /** An object, to be written as JSON. */
  | { readonly type: 'json'; readonly value: JsonObject }
  /** A vendor's whole answer, unread. */
  | { readonly type: 'bytes'; readonly contentType: string; readonly bytes: Uint8Array }
  /** Text that is not JSON, such as subtitles. */
  | { readonly type: 'text'; readonly contentType: string; readonly text: string }
  /** Objects, each to be written as a server-sent event. */
  | { readonly type: 'stream'; readonly chunks: AsyncIterable<JsonObject> }
  /** Bytes made by a provider. */
  | { readonly type: 'binary'; readonly contentType: string; readonly body: AsyncIterable<Uint8Array> }
  /** A vendor's streamed answer, whose bytes the client gets as they come. */
  | { readonly type: 'relay'; readonly contentType: string; readonly reply: Relay }

/** The part of a reply that is needed to hand it on. */
export type Relay = Pick<RelayReply, 'pipe' | 'resume' | 'cancel' | 'body'>

/** The object that a whole answer is. Throws GatewayError `upstream_invalid_response` for any other. */
export function objectIn(answer: Answer): JsonObject {
  const value =
    answer.type === 'json'
      ? answer.value
      : answer.type === 'bytes'
        ? parseJson(new TextDecoder().decode(answer.bytes))
        : undefined
  if (isJsonObject(value)) return value
  throw new GatewayError('upstream_invalid_response', 'The answer is no JSON object.')
}
