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
  if (operation === 'tool') return textsAt(input, deepPlaces(input.arguments, ['arguments'], 'user'), [])
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

/** The text in a whole answer: what the model says, thinks and hands to tools; or what a tool gives. */
export function textsOfAnswer(operation: OperationName, answer: JsonObject): Texts {
  if (operation === 'tool') return textsOfResult(answer)
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

/** The text in a tool's result, for those who read it and for programs. https://modelcontextprotocol.io/specification/2026-07-28/server/tools#tool-result */
function textsOfResult(result: JsonObject): Texts {
  const content = Array.isArray(result.content) ? result.content.map((block) => (isJsonObject(block) ? block : {})) : []
  const places = content.flatMap(({ type, text, resource, title, description }, index) => [
    ...(type === 'text' ? fieldPlaces(text, ['content', index, 'text'], 'tool') : []),
    ...(isJsonObject(resource) ? fieldPlaces(resource.text, ['content', index, 'resource', 'text'], 'tool') : []),
    ...fieldPlaces(title, ['content', index, 'title'], 'tool'),
    ...fieldPlaces(description, ['content', index, 'description'], 'tool'),
  ])
  const images = content.flatMap(({ type, mimeType, data }) =>
    type === 'image' ? [`data:${String(mimeType)};base64,${String(data)}`] : [],
  )
  return textsAt(result, [...places, ...deepPlaces(result.structuredContent, ['structuredContent'], 'tool')], images)
}

/** Every text in it, however deep. */
function deepPlaces(value: unknown, path: readonly (string | number)[], role: string): readonly Place[] {
  if (typeof value === 'string') return [{ path, role }]
  if (typeof value !== 'object' || value === null) return []
  const members = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  return members.flatMap(([key, member]) => deepPlaces(member, [...path, key], role))
}

/** The request's messages, for judges that need the context; of a tool the call in words. */
export function contextOf(operation: OperationName, input: JsonObject): readonly ChatMessage[] {
  if (operation === 'tool')
    return [{ role: 'user', content: `Tool: ${String(input.name)}\nArguments: ${JSON.stringify(input.arguments)}` }]
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
    replace: (texts) => withTextsAt(whole, places, texts),
  }
}

function at(whole: unknown, path: readonly (string | number)[]): unknown {
  // A path made by this file leads through objects and arrays only.
  return path.reduce((inner, key) => (inner as Record<string | number, unknown> | undefined)?.[key], whole)
}

/** The whole with other texts, in one pass: every part that changes is copied, once. */
function withTextsAt(whole: JsonObject, places: readonly Place[], texts: readonly string[]): JsonObject {
  const copies = new Set<unknown>()
  const copied = (part: unknown): Record<string | number, unknown> => {
    // A path made by this file leads through objects and arrays only, and each key of it is there.
    if (copies.has(part)) return part as Record<string | number, unknown>
    const copy = (Array.isArray(part) ? [...part] : { ...(part as JsonObject) }) as Record<string | number, unknown>
    copies.add(copy)
    return copy
  }
  const root = copied(whole)
  for (const [index, { path }] of places.entries()) {
    let part = root
    for (const key of path.slice(0, -1)) {
      part[key] = copied(part[key])
      part = part[key] as Record<string | number, unknown>
    }
    part[path.at(-1)!] = texts[index]
  }
  return root
}
