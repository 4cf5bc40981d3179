import { contentText, isJsonObject, type JsonObject } from '@tianjillm/core'

/** What an auto-router looks at in a request. */
export interface Prompt {
  /** The last message of the user, its text parts joined; or the whole prompt of a completion. Empty when there is none. */
  readonly text: string
  /** The message of the user before that one. */
  readonly before: string
  /** Whether any message holds an image. */
  readonly hasImages: boolean
}

/** The prompt in a request for chat or for a completion. */
export function promptOf({ messages, prompt }: JsonObject): Prompt {
  if (!Array.isArray(messages)) return { text: textIn(prompt), before: '', hasImages: false }
  const all = messages.filter(isJsonObject)
  const [last, before] = all.filter(({ role }) => role === 'user').toReversed()
  return { text: textIn(last?.content), before: textIn(before?.content), hasImages: all.some(holdsImage) }
}

function textIn(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  const texts = content.filter((part) => typeof part === 'string')
  if (texts.length > 0) return texts.join('\n')
  return contentText(content.filter((part) => isJsonObject(part) && typeof part.text === 'string'))
}

/** OpenAI's parts, those of its Responses, and Anthropic's. */
const imageParts: ReadonlySet<unknown> = new Set(['image_url', 'input_image', 'image'])

function holdsImage({ content }: JsonObject): boolean {
  return Array.isArray(content) && content.some((part) => isJsonObject(part) && imageParts.has(part.type))
}
