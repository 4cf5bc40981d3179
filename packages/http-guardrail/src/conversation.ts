import { contentText, type GuardedText } from '@tianjillm/core'

/** One message as judges are shown it: text alone. */
export interface JudgeMessage {
  readonly role: string
  readonly content: string
}

/** What a judge of conversations is shown. `messages[offset + i]` is `texts[i]` of the guarded text. */
export interface Conversation {
  readonly messages: readonly JudgeMessage[]
  /** How many messages of context come first. */
  readonly offset: number
}

/** One message a text; an answer's texts, as the assistant's, follow the text of the request they answer. */
export function conversation({ direction, texts, roles, context }: GuardedText): Conversation {
  if (direction === 'request')
    return { messages: texts.map((content, index) => ({ role: roles[index] ?? 'user', content })), offset: 0 }
  const before = context.flatMap(({ role, content }) => {
    const text = contentText(content)
    return text === '' ? [] : [{ role, content: text }]
  })
  const answer = texts.map((content) => ({ role: 'assistant', content }))
  return { messages: [...before, ...answer], offset: before.length }
}
