import { type AskModel, createSafety, embed, type Host } from '@tianjillm/core'

/** Gives the meaning of a text as a vector, or undefined when that cannot be had in time. Never rejects. */
export type Embedder = (text: string, ask: AskModel) => Promise<Float32Array | undefined>

/** How texts are embedded. */
export interface EmbedderSettings extends Pick<Host, 'log' | 'now'> {
  /** A model of the gateway. */
  readonly model: string
  /** Milliseconds. Default 2,000. */
  readonly deadline?: number | undefined
}

/** An embedder that leaves a model alone for a while when it fails again and again, and warns once a minute. */
export function createEmbedder({ model, deadline = 2_000, ...host }: EmbedderSettings): Embedder {
  const task = `cache: ${model} gives no embeddings, so similar questions are not found`
  const safety = createSafety({ task, deadline, host })
  return async (text, ask) => {
    // That a client went says nothing of the model, and the answer is of no use to it.
    const outcome = await safety.attempt((signal) => embed([text], model, ask, signal)).catch(() => undefined)
    return outcome?.isDone ? Float32Array.from(outcome.result[0]!) : undefined
  }
}
