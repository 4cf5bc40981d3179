/** A model id without the `models/` that Google's own lists put before it. */
export function bareModel(model: string): string {
  return model.startsWith('models/') ? model.slice('models/'.length) : model
}

/**
 * Whether a model is of Gemini's third generation or later: it thinks by level, not by budget, and wants its thought
 * signatures back. An id without a number (`gemini-flash-latest`) means the newest.
 * https://ai.google.dev/gemini-api/docs/gemini-3
 */
export function isThirdGeneration(model: string): boolean {
  const generation = /gemini-(\d+)/.exec(model)?.[1]
  return generation === undefined ? model.endsWith('-latest') : Number(generation) >= 3
}
