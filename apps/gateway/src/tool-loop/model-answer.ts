import type { ModelAnswer } from '@tianjillm/agent'
import { eventError, GatewayError, isJsonObject, type JsonObject, parseJson, serverSentEvents } from '@tianjillm/core'
import { type Answer, objectIn, type Relay } from '@tianjillm/engine'

/** An answer of the engine, to be read. `isStreamed`: in chunks, also when it came whole. `provider` is for messages. */
export function modelAnswer(answer: Answer, isStreamed: boolean, provider: string): ModelAnswer {
  if (answer.type === 'stream') return answer.chunks
  if (answer.type === 'relay') return chunksIn(answer.reply, provider)
  const whole = objectIn(answer)
  return isStreamed ? oneChunk(whole) : whole
}

async function* oneChunk({ choices, ...head }: JsonObject): AsyncGenerator<JsonObject> {
  const all = (Array.isArray(choices) ? choices : []).filter(isJsonObject)
  const deltas = all.map(({ message, ...choice }) => ({ ...choice, delta: message }))
  yield { ...head, object: 'chat.completion.chunk', choices: deltas }
}

/** The chunks of a vendor's events, read to their end: what is known of the call is known then. */
async function* chunksIn(reply: Relay, provider: string): AsyncGenerator<JsonObject> {
  for await (const { data } of serverSentEvents(piecesOf(reply))) {
    if (data === '' || data === '[DONE]') continue
    const value = parseJson(data)
    if (!isJsonObject(value))
      throw new GatewayError('upstream_invalid_response', `${provider}: an event is not JSON.`, { provider })
    if (value.error !== undefined && value.choices === undefined)
      throw eventError(provider, value, { get: () => undefined }, Date.now())
    yield value
  }
}

/** A reply's pieces to be pulled. It waits for whoever reads them. */
async function* piecesOf(reply: Relay): AsyncGenerator<Uint8Array> {
  const waiting: Uint8Array[] = []
  let wake = () => {}
  let isOver = false
  let failure: GatewayError | undefined
  const end = (error?: GatewayError) => {
    isOver = true
    failure = error
    wake()
  }
  reply.pipe({
    write(piece) {
      waiting.push(piece)
      wake()
      return false
    },
    end: () => end(),
    fail: end,
  })
  try {
    for (;;) {
      yield* waiting.splice(0)
      if (isOver && waiting.length === 0) break
      if (waiting.length > 0) continue
      const more = new Promise<void>((resolve) => {
        wake = resolve
      })
      reply.resume()
      await more
    }
    if (failure !== undefined) throw failure
  } finally {
    if (!isOver) reply.cancel()
  }
}
