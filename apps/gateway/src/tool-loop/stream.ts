import type { LoopEvent, LoopOutcome } from '@tianjillm/agent'
import { isJsonObject, type JsonObject } from '@tianjillm/core'
import { finishOf } from './completion.ts'
import { doneFields } from './history.ts'
import type { Toolkit } from './toolkit.ts'

/** Milliseconds without a chunk after which an empty one is sent, so that nobody on the way takes the connection for dead. */
const QUIET = 15_000

/**
 * What happens in a loop as the chunks of one completion: what the model writes in all turns as it comes, with a blank line
 * between turns, none of the calls that are run here, one end. `sumUp` hears of the outcome before the last chunk.
 */
export async function* chunksOf(
  loop: AsyncGenerator<LoopEvent, LoopOutcome>,
  { fields }: Toolkit,
  { stream_options }: JsonObject,
  sumUp: (outcome: LoopOutcome) => void,
  quiet: number = QUIET,
): AsyncGenerator<JsonObject> {
  const stream = createStream(fields)
  try {
    for (let next = loop.next(); ; ) {
      const step = await within(quiet, next)
      if (step === undefined) {
        yield* stream.beat()
        continue
      }
      if (step.done) {
        sumUp(step.value)
        const wantsUsage = isJsonObject(stream_options) && stream_options.include_usage === true
        return yield* stream.end(step.value, wantsUsage)
      }
      if (step.value.type === 'chunk') yield* stream.write(step.value)
      next = loop.next()
    }
  } finally {
    await loop.return(undefined as never)
  }
}

/** The chunks, once the first is there: what goes wrong before that is no broken stream. */
export async function begun(chunks: AsyncGenerator<JsonObject>): Promise<AsyncIterable<JsonObject>> {
  const first = await chunks.next()
  return (async function* () {
    if (first.done) return
    try {
      yield first.value
      yield* chunks
    } finally {
      await chunks.return(undefined)
    }
  })()
}

/** Undefined when it takes longer. */
async function within<Value>(time: number, work: Promise<Value>): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, time, undefined)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

type Chunk = Extract<LoopEvent, { readonly type: 'chunk' }>

function createStream(fields: JsonObject) {
  /** What all chunks share, out of the first. */
  let head: JsonObject | undefined
  let lastTurn = 1
  let hasSaid = false
  const chunk = (delta: JsonObject, finish_reason: string | null = null): JsonObject => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason }],
  })

  return {
    *write({ turn, chunk: { choices, usage: _usage, ...facts } }: Chunk): Generator<JsonObject> {
      const choice: unknown = Array.isArray(choices) ? choices[0] : undefined
      if (!isJsonObject(choice)) return
      const { tool_calls: _calls, role, ...said } = isJsonObject(choice.delta) ? choice.delta : {}
      const isFirst = head === undefined
      head ??= facts
      const { content } = said
      const isText = typeof content === 'string' && content !== ''
      const gap = isText && hasSaid && turn > lastTurn ? '\n\n' : ''
      if (isText) lastTurn = turn
      hasSaid ||= isText
      const delta = { ...said, ...(isText && { content: gap + content }) }
      if (isFirst) yield chunk({ role: role ?? 'assistant', content: '', ...delta, ...fieldsOf(fields, said) })
      else if (Object.values(delta).some((value) => value !== null && value !== '')) yield chunk(delta)
    },
    *beat(): Generator<JsonObject> {
      if (head !== undefined) yield chunk({})
    },
    *end(outcome: LoopOutcome, wantsUsage: boolean): Generator<JsonObject> {
      const { message, usage } = outcome
      const { tool_calls: calls = [] } = message
      if (calls.length > 0) yield chunk({ tool_calls: calls.map((call, index) => ({ index, ...call })) })
      yield chunk(fieldsOf(doneFields(outcome)), finishOf(outcome))
      if (wantsUsage && usage !== undefined) yield { ...head, choices: [], usage }
    },
  }
}

function fieldsOf(fields: JsonObject, { provider_specific_fields: known }: JsonObject = {}): JsonObject {
  const all = { ...(isJsonObject(known) && known), ...fields }
  return Object.keys(all).length === 0 ? {} : { provider_specific_fields: all }
}
