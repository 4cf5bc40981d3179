import type { JsonObject } from '@tianjillm/core'

/** The caller's own bytes of a request. */
export interface RawBody {
  readonly contentType: string
  /** The bytes with another model in them; undefined when that cannot be done without writing the body anew. */
  withModel(model: string): Uint8Array | undefined
}

/** What a client asks for: the request parsed, and its bytes while they still say the same. */
export interface Asked {
  readonly input: JsonObject
  readonly raw?: RawBody | undefined
}

/** The request with its input changed; its bytes no longer hold. */
export function withInput(asked: Asked, input: JsonObject): Asked {
  return input === asked.input ? asked : { input }
}
