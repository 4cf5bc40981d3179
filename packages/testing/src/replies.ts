import { replyHeaders, type UpstreamReply } from '@tianjillm/core'

const encoder = new TextEncoder()

/** Text as UTF-8, bytes as they are. */
export function bytesOf(body: string | Uint8Array): Uint8Array {
  return typeof body === 'string' ? encoder.encode(body) : body
}

/** A reply in memory, whose body comes in these pieces. */
export function replyInPieces(
  pieces: readonly Uint8Array[],
  headers: Readonly<Record<string, string>> = {},
  status = 200,
): UpstreamReply {
  const bytes = () => Promise.resolve(new Uint8Array(Buffer.concat(pieces)))
  const text = async () => new TextDecoder().decode(await bytes())
  return {
    status,
    headers: replyHeaders(headers),
    body: (async function* () {
      yield* pieces
    })(),
    bytes,
    text,
    json: async <Value>() => JSON.parse(await text()) as Value,
  }
}

/** Server-sent events from values: strings as they are, anything else as JSON. */
export function sse(...events: readonly unknown[]): string {
  return events.map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`).join('')
}

/** Server-sent events with names, each named by its own `type`, as Anthropic sends them. */
export function namedSse(...events: readonly { readonly type: string }[]): string {
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')
}

/** All values of an async iterable. */
export async function collect<Value>(values: AsyncIterable<Value>): Promise<readonly Value[]> {
  const all: Value[] = []
  for await (const value of values) all.push(value)
  return all
}
