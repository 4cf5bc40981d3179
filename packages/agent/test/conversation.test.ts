import type { ChatMessage, ToolCall } from '@tianjillm/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pruned as prunedTo } from '../src/conversation.ts'

const pruned = (messages: readonly ChatMessage[], most: number, length = Number.POSITIVE_INFINITY) =>
  prunedTo(messages, { messages: most, length })

const called = (id: string): ToolCall => ({ id, type: 'function', function: { name: 'a', arguments: '{}' } })

/** One exchange, whose steps make so many calls each. */
function exchange(number: number, steps: readonly number[]): readonly ChatMessage[] {
  const done = steps.flatMap((count, step): readonly ChatMessage[] => {
    const ids = Array.from({ length: count }, (_, index) => `${number}.${step}.${index}`)
    const results = ids.map((id): ChatMessage => ({ role: 'tool', tool_call_id: id, content: id }))
    return [{ role: 'assistant', content: null, tool_calls: ids.map(called) }, ...results]
  })
  return [{ role: 'user', content: `q${number}` }, ...done, { role: 'assistant', content: `a${number}` }]
}

const conversations = fc
  .array(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 }), { minLength: 1, maxLength: 8 })
  .map((exchanges) => exchanges.flatMap((steps, number) => exchange(number, steps)))

test('what is kept is no more than may be, begins with a question, ends as before, and has each call with its results', () => {
  fc.assert(
    fc.property(conversations, fc.integer({ min: 2, max: 30 }), (messages, most) => {
      const kept = pruned(messages, most)
      expect(kept.length).toBeLessThanOrEqual(most)
      expect(kept[0]!.role).toBe('user')
      expect(kept.at(-1)).toBe(messages.at(-1))
      expect(messages.filter((message) => kept.includes(message))).toEqual(kept)
      const waiting = new Set<string>()
      for (const { role, tool_calls: calls = [], tool_call_id: id } of kept) {
        if (role === 'tool') expect(waiting.delete(id!)).toBe(true)
        else expect([...waiting]).toEqual([])
        for (const call of calls) waiting.add(call.id)
      }
      expect([...waiting]).toEqual([])
    }),
  )
})

test('all is kept that may be', () => {
  fc.assert(
    fc.property(conversations, (messages) => {
      expect(pruned(messages, messages.length)).toEqual(messages)
    }),
  )
})

test('pruning again changes nothing', () => {
  fc.assert(
    fc.property(conversations, fc.integer({ min: 1, max: 30 }), (messages, most) => {
      const kept = pruned(messages, most)
      expect(pruned(kept, most)).toEqual(kept)
    }),
  )
})

test('older exchanges go before steps of the last one; with room for one message, the answer stays', () => {
  const messages = [...exchange(1, [1]), ...exchange(2, [2, 1])]
  const said = (most: number) => pruned(messages, most).map(({ content, tool_call_id }) => tool_call_id ?? content)
  expect(said(7)).toEqual(['q2', null, '2.0.0', '2.0.1', null, '2.1.0', 'a2'])
  expect(said(6)).toEqual(['q2', null, '2.1.0', 'a2'])
  expect(said(3)).toEqual(['q2', 'a2'])
  expect(said(1)).toEqual(['a2'])
})

test('messages that are too long go as those that are too many do', () => {
  const long = { role: 'assistant', content: 'x'.repeat(1_000) } as const
  const messages = [...exchange(1, []), { role: 'user', content: 'q2' } as const, long]
  expect(pruned([...messages, ...exchange(3, [])], 20, 500)).toEqual(exchange(3, []))
  expect(pruned(messages, 20, 500)).toEqual([])
})
