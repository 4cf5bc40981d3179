import {
  type ChatCompletion,
  type ChatMessage,
  GatewayError,
  isJsonObject,
  type JsonObject,
  type ToolCall,
} from '@tianjillm/core'
import { createAssembly } from './assembly.ts'

/** A piece of a streamed answer. */
export interface Piece {
  readonly type: 'chunk'
  readonly turn: number
  /** As the model gave it. */
  readonly chunk: JsonObject
}

/** What a model answers: whole, or in chunks. */
export type ModelAnswer = JsonObject | AsyncIterable<JsonObject>

/** A whole answer of a turn. */
export interface Completed {
  readonly completion: ChatCompletion
  readonly message: ChatMessage
  readonly calls: readonly ToolCall[]
}

/** Reads an answer to its end, and tells its pieces. Throws GatewayError `upstream_invalid_response` for one without a choice. */
export async function* readAnswer(answer: ModelAnswer, turn: number): AsyncGenerator<Piece, Completed> {
  if (!isStream(answer)) return completed(answer, turn)
  const assembly = createAssembly()
  for await (const chunk of answer) {
    assembly.add(chunk)
    yield { type: 'chunk', turn, chunk }
  }
  return completed(assembly.completion(), turn)
}

function isStream(answer: ModelAnswer): answer is AsyncIterable<JsonObject> {
  return Symbol.asyncIterator in answer
}

function completed(completion: JsonObject, turn: number): Completed {
  const [choice] = Array.isArray(completion.choices) ? completion.choices : []
  if (!isJsonObject(choice) || !isJsonObject(choice.message))
    throw new GatewayError('upstream_invalid_response', 'The model answered without a message.')
  // What else its fields are is for whoever asked.
  const message = choice.message as ChatMessage
  const calls = Array.isArray(message.tool_calls) ? message.tool_calls.filter(isJsonObject) : []
  return {
    completion: completion as ChatCompletion,
    message,
    calls: calls.map((call, index) => sound(call, `call_${turn}_${index}`)),
  }
}

/** Some models give calls no id, or arguments that are no text. */
function sound(call: JsonObject, id: string): ToolCall {
  const named = {
    ...call,
    id: typeof call.id === 'string' && call.id !== '' ? call.id : id,
    type: call.type ?? 'function',
  }
  if (!isJsonObject(call.function)) return named as JsonObject as ToolCall
  const { arguments: given = '' } = call.function
  const text = typeof given === 'string' ? given : JSON.stringify(given)
  return { ...named, function: { ...call.function, arguments: text } } as JsonObject as ToolCall
}
