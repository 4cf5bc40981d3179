import type { AskModel, JsonObject, Log } from '@tianjillm/core'

/** A clock that stands still until it is moved. It begins now, for the times of files are compared with it. */
export function clock(): { readonly now: () => number; readonly pass: (milliseconds: number) => void } {
  let time = Date.now()
  return {
    now: () => time,
    pass: (milliseconds) => {
      time += milliseconds
    },
  }
}

/** A log that keeps its warnings. */
export function stubLog(): Log & { readonly warnings: readonly string[] } {
  const warnings: string[] = []
  const ignore = () => {}
  return { warnings, debug: ignore, info: ignore, error: ignore, warn: (message) => warnings.push(message) }
}

/** A model that embeds texts as the table says, and fails for all others. It keeps what it was asked. */
export function embeddings(vectors: Readonly<Record<string, readonly number[]>>): {
  readonly ask: AskModel
  readonly asked: JsonObject[]
} {
  const asked: JsonObject[] = []
  return {
    asked,
    ask: async (_operation, input) => {
      asked.push(input)
      const embedding = vectors[String(input.input)]
      if (embedding === undefined) throw new Error('no such text')
      return { data: [{ embedding }] }
    },
  }
}
