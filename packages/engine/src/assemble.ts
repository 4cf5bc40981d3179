import {
  type ChatChunkChoice,
  type ChatCompletionChunk,
  compact,
  type JsonObject,
  type ToolCallDelta,
} from '@tianjillm/core'

interface PartialCall {
  id?: string
  type: 'function'
  function: { name: string; arguments: string }
}

interface PartialChoice {
  index: number
  content: string
  reasoning: string
  text: string
  calls: Map<number, PartialCall>
  finishReason: unknown
}

/** The chunks of a streamed chat or text completion as the whole answer they add up to. */
export function assemble(chunks: readonly JsonObject[]): JsonObject {
  const choices = new Map<number, PartialChoice>()
  let usage: unknown
  for (const chunk of chunks as readonly ChatCompletionChunk[]) {
    usage = chunk.usage ?? usage
    for (const choice of chunk.choices ?? []) add(choices, choice)
  }
  const [first] = chunks
  const isText = first?.object === 'text_completion'
  return {
    ...first,
    object: isText ? 'text_completion' : 'chat.completion',
    choices: [...choices.values()].sort((one, other) => one.index - other.index).map(isText ? textChoice : chatChoice),
    ...(usage !== undefined && { usage }),
  }
}

/**
 * The same chunks with the texts of a changed whole: each text stands whole where its first piece was, and the other
 * pieces are empty.
 */
export function withTexts(chunks: readonly JsonObject[], whole: JsonObject): readonly JsonObject[] {
  const choices = new Map((whole.choices as readonly JsonObject[]).map((choice) => [choice.index, choice]))
  const taken = new Set<string>()
  const take = (piece: unknown, key: string, text: unknown) => {
    if (typeof piece !== 'string' || piece === '') return piece
    const isFirst = !taken.has(key)
    taken.add(key)
    return isFirst ? text : ''
  }
  return (chunks as readonly ChatCompletionChunk[]).map((chunk) => ({
    ...chunk,
    choices: chunk.choices.map((choice: ChatChunkChoice): JsonObject => {
      const { index, delta } = choice
      const { text, message = {} } = (choices.get(index) ?? {}) as { text?: unknown; message?: JsonObject }
      if (delta === undefined) return { ...choice, text: take(choice.text, `${index} text`, text) }
      const calls = message.tool_calls as readonly ToolCallDelta[] | undefined
      return {
        ...choice,
        delta: compact({
          ...delta,
          content: take(delta.content, `${index} content`, message.content),
          reasoning_content: take(delta.reasoning_content, `${index} reasoning`, message.reasoning_content),
          tool_calls: delta.tool_calls?.map((call) => ({
            ...call,
            function: compact({
              ...call.function,
              arguments: take(
                call.function?.arguments,
                `${index} call ${call.index}`,
                calls?.[call.index]?.function?.arguments,
              ),
            }),
          })),
        }),
      }
    }),
  }))
}

function add(choices: Map<number, PartialChoice>, { index, delta, text, finish_reason }: ChatChunkChoice): void {
  let choice = choices.get(index)
  if (choice === undefined) {
    choice = { index, content: '', reasoning: '', text: '', calls: new Map(), finishReason: null }
    choices.set(index, choice)
  }
  choice.finishReason = finish_reason ?? choice.finishReason
  if (typeof text === 'string') choice.text += text
  choice.content += delta?.content ?? ''
  choice.reasoning += delta?.reasoning_content ?? ''
  for (const call of delta?.tool_calls ?? []) addCall(choice.calls, call)
}

function addCall(calls: Map<number, PartialCall>, delta: ToolCallDelta): void {
  let call = calls.get(delta.index)
  if (call === undefined) {
    call = { type: 'function', function: { name: '', arguments: '' } }
    calls.set(delta.index, call)
  }
  if (delta.id) call.id = delta.id
  call.function.name += delta.function?.name ?? ''
  call.function.arguments += delta.function?.arguments ?? ''
}

function textChoice({ index, text, finishReason }: PartialChoice): JsonObject {
  return { index, text, finish_reason: finishReason }
}

function chatChoice({ index, content, reasoning, calls, finishReason }: PartialChoice): JsonObject {
  const message = {
    role: 'assistant',
    content: content === '' && calls.size > 0 ? null : content,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(calls.size > 0 && { tool_calls: [...calls.values()] }),
  }
  return { index, message, finish_reason: finishReason }
}
