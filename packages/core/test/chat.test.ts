import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type ChatMessage,
  chatChunk,
  chatCompletion,
  compact,
  contentText,
  mergeNeighbours,
  splitSystem,
  stopList,
  tokenUsage,
  toolArguments,
  usageChunk,
} from '../src/index.ts'

const head = { id: 'c1', created: 7, model: 'm' }

describe('chunks and completions', () => {
  it('makes a chunk of a delta', () => {
    expect(chatChunk(head, { content: 'hi' })).toEqual({
      id: 'c1',
      object: 'chat.completion.chunk',
      created: 7,
      model: 'm',
      choices: [{ index: 0, delta: { content: 'hi' }, finish_reason: null }],
    })
    expect(chatChunk(head, {}, 'stop', 2).choices).toEqual([{ index: 2, delta: {}, finish_reason: 'stop' }])
  })

  it('makes a last chunk of usage', () => {
    const usage = tokenUsage({ prompt: 3, completion: 4 })
    expect(usageChunk(head, usage)).toEqual({
      id: 'c1',
      object: 'chat.completion.chunk',
      created: 7,
      model: 'm',
      choices: [],
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
    })
  })

  it('makes a completion of a message', () => {
    const message = { role: 'assistant', content: 'hi' } as const
    expect(chatCompletion(head, message, 'stop')).toEqual({
      id: 'c1',
      object: 'chat.completion',
      created: 7,
      model: 'm',
      choices: [{ index: 0, message, finish_reason: 'stop', logprobs: null }],
    })
  })
})

describe('tokenUsage', () => {
  it('tells cached and reasoning tokens when they are known, even when there are none', () => {
    expect(tokenUsage({ prompt: 3, completion: 4, cached: 0, reasoning: 2 })).toEqual({
      prompt_tokens: 3,
      completion_tokens: 4,
      total_tokens: 7,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 2 },
    })
  })
})

describe('contentText', () => {
  it.each([
    [undefined, ''],
    [null, ''],
    ['hi', 'hi'],
    [[], ''],
    [
      [
        { type: 'text', text: 'one' },
        { type: 'image_url', image_url: { url: 'u' } },
        { type: 'text', text: 'two' },
      ],
      'one\ntwo',
    ],
  ] as const)('reads %j as %j', (content, text) => {
    expect(contentText(content)).toBe(text)
  })
})

describe('splitSystem', () => {
  it('sets the system apart, wherever it speaks, and keeps the order', () => {
    const messages: readonly ChatMessage[] = [
      { role: 'system', content: 'a' },
      { role: 'user', content: 'b' },
      { role: 'developer', content: 'c' },
      { role: 'assistant', content: 'd' },
    ]
    expect(splitSystem(messages)).toEqual({
      system: [messages[0], messages[2]],
      turns: [messages[1], messages[3]],
    })
  })
})

describe('mergeNeighbours', () => {
  const anyTurns = fc.array(fc.record({ role: fc.constantFrom('user', 'assistant', 'tool'), text: fc.string() }))
  const merged = (turns: readonly { readonly role: string; readonly text: string }[]) =>
    mergeNeighbours(turns, (first, second) => ({ role: first.role, text: first.text + second.text }))

  it('leaves no two neighbours of one role, and loses neither turns nor text', () =>
    fc.assert(
      fc.property(anyTurns, (turns) => {
        const result = merged(turns)
        const changes = turns.filter((turn, index) => turn.role !== turns[index - 1]?.role)
        expect(result.map(({ role }) => role)).toEqual(changes.map(({ role }) => role))
        expect(result.map(({ text }) => text).join('')).toBe(turns.map(({ text }) => text).join(''))
      }),
    ))

  it('needs no second turn', () =>
    fc.assert(
      fc.property(anyTurns, (turns) => {
        expect(merged(merged(turns))).toEqual(merged(turns))
      }),
    ))

  it('changes no turn it was given', () => {
    const turns = Object.freeze([
      Object.freeze({ role: 'user', text: 'a' }),
      Object.freeze({ role: 'user', text: 'b' }),
    ])
    expect(merged(turns)).toEqual([{ role: 'user', text: 'ab' }])
  })
})

describe('toolArguments', () => {
  it('reads an object, and none of no text', () => {
    expect(toolArguments('{"a":1}')).toEqual({ a: 1 })
    expect(toolArguments(' ')).toEqual({})
  })

  it.each(['{', '[1]', 'null', '"a"'])('refuses %s, naming the field', (text) => {
    expect(() => toolArguments(text, 'messages[2].tool_calls')).toThrow(
      expect.objectContaining({ kind: 'invalid_request', facts: { param: 'messages[2].tool_calls' } }),
    )
  })
})

describe('stopList', () => {
  it.each([
    [undefined, undefined],
    [null, undefined],
    ['a', ['a']],
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
  ])('makes %j %j', (stop, list) => {
    expect(stopList(stop)).toEqual(list)
  })
})

describe('compact', () => {
  it('leaves out what is undefined, and nothing else', () => {
    const value = compact({ a: undefined, b: null, c: 0, d: '', e: false })
    expect(Object.keys(value)).toEqual(['b', 'c', 'd', 'e'])
  })
})
