import { type AskModel, inTime, isGatewayError, isJsonObject, type Log } from '@tianjillm/core'

/** Gives the meaning of a text as a vector, or undefined when that cannot be had in time. Never rejects. */
export type Embedder = (text: string, ask: AskModel) => Promise<Float32Array | undefined>

/** How texts are embedded. */
export interface EmbedderSettings {
  /** A model of the gateway. */
  readonly model: string
  /** Milliseconds. Default 2,000. */
  readonly deadline?: number | undefined
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** Failures in a row after which the model is left alone, and for how many milliseconds. */
const MOST_FAILURES = 5
const REST = 60_000
/** Milliseconds between two warnings. */
const QUIET = 60_000

/** An embedder that leaves a model alone for a minute after it failed five times in a row, and warns once a minute. */
export function createEmbedder({ model, deadline = 2_000, log, now }: EmbedderSettings): Embedder {
  let failures = 0
  let restsUntil = 0
  let lastWarning = Number.NEGATIVE_INFINITY

  const fail = (error: unknown) => {
    if (++failures >= MOST_FAILURES) restsUntil = now() + REST
    if (now() - lastWarning < QUIET) return
    lastWarning = now()
    const why = error instanceof Error ? error.message : 'unknown error'
    log.warn(`cache: ${model} gives no embeddings, so similar questions are not found: ${why}`)
  }

  return async (text, ask) => {
    if (now() < restsUntil) return undefined
    try {
      const answer = await inTime(deadline, (signal) => ask('embedding', { model, input: text }, signal))
      const [first] = Array.isArray(answer.data) ? answer.data : []
      const vector = vectorIn(isJsonObject(first) ? first.embedding : undefined)
      failures = 0
      return vector
    } catch (error) {
      // That a client went says nothing of the model.
      if (!isGatewayError(error) || error.kind !== 'client_closed') fail(error)
      return undefined
    }
  }
}

function vectorIn(numbers: unknown): Float32Array {
  if (Array.isArray(numbers) && numbers.length > 0 && numbers.every(Number.isFinite)) return Float32Array.from(numbers)
  throw new Error('the answer holds no vector')
}
