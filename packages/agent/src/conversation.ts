import type { ChatMessage } from '@tianjillm/core'

/** A message with what all models understand, for those that are told it by another. */
export function plainMessage({ role, content = null, tool_calls, tool_call_id }: ChatMessage): ChatMessage {
  return { role, content, ...(tool_calls && { tool_calls }), ...(tool_call_id !== undefined && { tool_call_id }) }
}

/** How much of a conversation is kept. */
export interface Room {
  readonly messages: number
  /** UTF-16 units of JSON. */
  readonly length: number
}

/**
 * What is kept of a conversation: its last messages that there is room for, from a question on, and no call without its
 * results or the other way round. The last exchange loses its calls before its question.
 */
export function pruned(messages: readonly ChatMessage[], room: Room): readonly ChatMessage[] {
  const exchanges = exchangesIn(messages)
  const kept = lastOf(exchanges, room)
  return (kept.length > 0 ? kept : shortened(exchanges.at(-1) ?? [], room)).flat()
}

type Group = readonly ChatMessage[]

/** The last groups that there is room for. */
function lastOf(groups: readonly Group[], { messages, length }: Room): readonly Group[] {
  let count = messages
  let units = length
  const isTooMuch = (group: Group) => {
    count -= group.length
    units -= lengthOf(group)
    return count < 0 || units < 0
  }
  return groups.slice(groups.findLastIndex(isTooMuch) + 1)
}

function lengthOf(group: Group): number {
  return JSON.stringify(group).length
}

/** One exchange: its question, its last steps; its answer alone, where that is all that there is room for. */
function shortened([question, ...rest]: Group, { messages, length }: Room): readonly Group[] {
  if (question === undefined) return []
  const steps = stepsIn(rest)
  const kept = lastOf(steps, { messages: messages - 1, length: length - lengthOf([question]) })
  return kept.length > 0 ? [[question], ...kept] : lastOf(steps.slice(-1), { messages, length })
}

/** Each begins with a question, but for the first. */
function exchangesIn(messages: readonly ChatMessage[]): readonly Group[] {
  return groupsIn(messages, ({ role }) => role === 'user')
}

/** A message that calls tools and their results, or any other message. */
function stepsIn(messages: readonly ChatMessage[]): readonly Group[] {
  return groupsIn(messages, ({ role }) => role !== 'tool')
}

function groupsIn(messages: readonly ChatMessage[], isFirst: (message: ChatMessage) => boolean): readonly Group[] {
  const groups: ChatMessage[][] = []
  for (const message of messages) {
    if (groups.length === 0 || isFirst(message)) groups.push([])
    groups.at(-1)!.push(message)
  }
  return groups
}
