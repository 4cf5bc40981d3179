import { isJsonObject, type JsonObject } from '@tianjillm/core'

/**
 * The same chunks; when all have gone, `keep` is given them as JSON. Not those of a stream that breaks, that nobody
 * reads to its end, that lacks the end of a choice, or that is longer than `most` characters.
 */
export async function* recorded(
  chunks: AsyncIterable<JsonObject>,
  most: number,
  keep: (chunks: readonly string[]) => void,
): AsyncGenerator<JsonObject> {
  const endings = new Map<unknown, boolean>()
  let kept: string[] | undefined = []
  let length = 0
  for await (const chunk of chunks) {
    if (kept !== undefined) {
      const text = JSON.stringify(chunk)
      length += text.length
      if (length > most || chunk.error) kept = undefined
      else kept.push(text)
      noteEndings(endings, chunk)
    }
    yield chunk
  }
  const isWhole = endings.size > 0 && [...endings.values()].every(Boolean)
  if (kept !== undefined && isWhole) keep(kept)
}

function noteEndings(endings: Map<unknown, boolean>, { choices }: JsonObject): void {
  for (const choice of Array.isArray(choices) ? choices : [])
    if (isJsonObject(choice)) endings.set(choice.index, endings.get(choice.index) || Boolean(choice.finish_reason))
}
