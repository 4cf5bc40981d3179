import { isJsonObject, type JsonObject, type Usage } from '@tianjillm/core'

/** Chunks of a streamed completion, adding up to the whole that it would have been. Only its first choice counts. */
export interface Assembly {
  add(chunk: JsonObject): void
  /** The completion so far. */
  completion(): JsonObject
}

/** An assembly without a chunk. */
export function createAssembly(): Assembly {
  let head: JsonObject = {}
  let message: JsonObject = { role: 'assistant', content: null }
  let finish: unknown = null
  let usage: Usage | null | undefined
  let hasChoice = false
  const calls = new Map<number, JsonObject>()

  const addCall = (part: JsonObject, place: number) => {
    const index = typeof part.index === 'number' ? part.index : place
    const { index: _index, ...fields } = part
    calls.set(index, merged(calls.get(index) ?? {}, fields))
  }

  return {
    add(chunk) {
      const { choices, usage: counts, ...rest } = chunk
      head = { ...rest, ...head }
      if (isJsonObject(counts)) usage = counts as Usage
      const choice = (Array.isArray(choices) ? choices : []).filter(isJsonObject).find(({ index = 0 }) => index === 0)
      if (choice === undefined) return
      hasChoice = true
      finish = choice.finish_reason ?? finish
      const { tool_calls, ...delta } = isJsonObject(choice.delta) ? choice.delta : {}
      message = merged(message, delta)
      for (const [place, part] of (Array.isArray(tool_calls) ? tool_calls : []).entries())
        if (isJsonObject(part)) addCall(part, place)
    },
    completion() {
      const ordered = [...calls].sort(([one], [other]) => one - other).map(([, call]) => call)
      const whole =
        ordered.length === 0 ? message : { ...message, content: message.content || null, tool_calls: ordered }
      const choices = hasChoice ? [{ index: 0, message: whole, finish_reason: finish }] : []
      return { ...head, object: 'chat.completion', choices, ...(usage && { usage }) }
    },
  }
}

/** Texts that grow from piece to piece; all others are told whole. */
const growing: ReadonlySet<string> = new Set([
  ...['content', 'reasoning_content', 'reasoning', 'refusal'],
  ...['arguments', 'input', 'data', 'transcript'],
])

/** What is there, with a further piece of it. */
function merged(whole: JsonObject, piece: JsonObject): JsonObject {
  const result: Record<string, unknown> = { ...whole }
  for (const [name, value] of Object.entries(piece)) {
    const known = result[name]
    if (value === null || value === undefined || (value === '' && known)) continue
    if (Array.isArray(known) && Array.isArray(value)) result[name] = [...known, ...value]
    else if (isJsonObject(known) && isJsonObject(value)) result[name] = merged(known, value)
    else result[name] = typeof known === 'string' && growing.has(name) ? known + String(value) : value
  }
  return result
}
