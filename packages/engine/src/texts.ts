import { type ChatMessage, type ContentPart, isJsonObject, type JsonObject, type OperationName } from '@tianjillm/core'

/** The guardable text of a request or an answer, and how to put other text in its place. */
export interface Texts {
  /** What the texts were taken from. */
  readonly whole: JsonObject
  readonly texts: readonly string[]
  readonly roles: readonly string[]
  readonly images: readonly string[]
  /** The same whole with these texts, as many as there were. */
  replace(texts: readonly string[]): JsonObject
}

/** One place that holds text. */
interface Place {
  readonly path: readonly (string | number)[]
  readonly role: string
}

const inputFields: Partial<Record<OperationName, string>> = {
  completion: 'prompt',
  embedding: 'input',
  image: 'prompt',
  imageEdit: 'prompt',
  speech: 'input',
  moderation: 'input',
  search: 'query',
  transcription: 'prompt',
  translation: 'prompt',
}

/** The text in a request. */
export function textsOfInput(operation: OperationName, input: JsonObject): Texts {
  if (operation === 'chat' || operation === 'messages')
    return textsAt(input, conversationPlaces(input.messages), imagesOf(input.messages))
  const field = inputFields[operation]
  return textsAt(input, field === undefined ? [] : fieldPlaces(input[field], [field], 'user'), [])
}

const operationsWithText: ReadonlySet<OperationName> = new Set(['chat', 'completion', 'transcription', 'translation'])

/** Whether the operation's answers hold text that can be judged. */
export function answersHaveText(operation: OperationName): boolean {
  return operationsWithText.has(operation)
}

/** The text in a whole answer: what the model says, thinks and hands to tools. */
export function textsOfAnswer(operation: OperationName, answer: JsonObject): Texts {
  if (operation === 'transcription' || operation === 'translation')
    return textsAt(answer, fieldPlaces(answer.text, ['text'], 'assistant'), [])
  const choices = Array.isArray(answer.choices) ? answer.choices : []
  const places = choices.flatMap((choice: JsonObject, index) => [
    ...fieldPlaces(choice.text, ['choices', index, 'text'], 'assistant'),
    ...messagePlaces(choice.message, ['choices', index, 'message']),
  ])
  return textsAt(answer, places, [])
}

function messagePlaces(message: unknown, path: readonly (string | number)[]): readonly Place[] {
  if (!isJsonObject(message)) return []
  const role = typeof message.role === 'string' ? message.role : 'assistant'
  const calls = Array.isArray(message.tool_calls) ? message.tool_calls : []
  return [
    ...fieldPlaces(message.content, [...path, 'content'], role),
    ...fieldPlaces(message.reasoning_content, [...path, 'reasoning_content'], role),
    ...calls.flatMap((call: JsonObject, index) =>
      isJsonObject(call.function)
        ? fieldPlaces(call.function.arguments, [...path, 'tool_calls', index, 'function', 'arguments'], role)
        : [],
    ),
  ]
}

/** The request's messages, for judges that need the context. */
export function contextOf(input: JsonObject): readonly ChatMessage[] {
  // Requests are checked at the border: `messages` holds messages.
  return Array.isArray(input.messages) ? (input.messages as readonly ChatMessage[]) : []
}

function conversationPlaces(messages: unknown): readonly Place[] {
  if (!Array.isArray(messages)) return []
  return messages.flatMap((message, index) => messagePlaces(message, ['messages', index]))
}

/** A text, a list of texts, or content parts. */
function fieldPlaces(value: unknown, path: readonly (string | number)[], role: string): readonly Place[] {
  if (typeof value === 'string') return [{ path, role }]
  if (!Array.isArray(value)) return []
  return value.flatMap((item, index) => {
    if (typeof item === 'string') return [{ path: [...path, index], role }]
    return isJsonObject(item) && typeof item.text === 'string' ? [{ path: [...path, index, 'text'], role }] : []
  })
}

function imagesOf(messages: unknown): readonly string[] {
  if (!Array.isArray(messages)) return []
  const parts = messages.flatMap((message: ChatMessage) =>
    Array.isArray(message?.content) ? (message.content as readonly ContentPart[]) : [],
  )
  return parts.flatMap((part) =>
    part.type === 'image_url' && typeof part.image_url?.url === 'string' ? [part.image_url.url] : [],
  )
}

function textsAt(whole: JsonObject, places: readonly Place[], images: readonly string[]): Texts {
  return {
    whole,
    texts: places.map(({ path }) => String(at(whole, path))),
    roles: places.map(({ role }) => role),
    images,
    replace: (texts) =>
      places.reduce((changed, { path }, index) => put(changed, path, texts[index]!), whole as unknown) as JsonObject,
  }
}

function at(whole: unknown, path: readonly (string | number)[]): unknown {
  // A path made by this file leads through objects and arrays only.
  return path.reduce((inner, key) => (inner as Record<string | number, unknown> | undefined)?.[key], whole)
}

function put(whole: unknown, [key, ...rest]: readonly (string | number)[], text: string): unknown {
  if (key === undefined) return text
  if (Array.isArray(whole)) return whole.map((item, index) => (index === key ? put(item, rest, text) : item))
  return { ...(whole as JsonObject), [key]: put((whole as JsonObject)[key], rest, text) }
}
