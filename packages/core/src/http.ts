/** A request as plain data: signed, spliced, logged and tested without a Request object. */
export interface UpstreamRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Absolute, with the query. */
  readonly url: string
  /** Names in lower case. `host` and `content-length` are the transport's business. */
  readonly headers: Readonly<Record<string, string>>
  /** With FormData the transport sets the content type, boundary included. */
  readonly body?: string | Uint8Array | FormData | undefined
}

/** Headers of an answer; names in any case. */
export interface ReplyHeaders {
  get(name: string): string | undefined
}

/**
 * What a vendor answered. The body is read once: whole with `bytes`, `text` or `json` (bounded by the transport's
 * limit, then GatewayError `upstream_invalid_response`), or piece by piece with `body`.
 */
export interface UpstreamReply {
  readonly status: number
  readonly headers: ReplyHeaders
  readonly body: AsyncIterable<Uint8Array>
  bytes(): Promise<Uint8Array>
  /** The body as UTF-8. */
  text(): Promise<string>
  /** The body as JSON. Throws GatewayError `upstream_invalid_response` when it is not. */
  json<Value = unknown>(): Promise<Value>
}

/** A file of a multipart request; the bytes are those the client sent. */
export interface Upload {
  /** File name the client gave, else the field's name. */
  readonly name: string
  /** Media type the client gave, else `application/octet-stream`. */
  readonly type: string
  readonly bytes: Uint8Array
}

/** An answer that is not JSON, such as speech. */
export interface BinaryAnswer {
  /** Media type, e.g. `audio/mpeg`. */
  readonly contentType: string
  /** Piece by piece as the vendor sends it. */
  readonly body: AsyncIterable<Uint8Array>
}

/** Headers from a plain record, as tests and adapters need them. */
export function replyHeaders(record: Readonly<Record<string, string>>): ReplyHeaders {
  const lower = new Map(Object.entries(record).map(([name, value]) => [name.toLowerCase(), value]))
  return { get: (name) => lower.get(name.toLowerCase()) }
}
