import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readChange, readDraft, readReference, render, resolve } from '../src/index.ts'

const draft = (text: string) => readDraft(JSON.parse(text))

describe('a draft', () => {
  it('is a text or messages, and what goes with them', () => {
    const body = {
      name: 'support',
      messages: [
        { role: 'system', content: 'Be {{tone}}.' },
        { role: 'user', content: [{ type: 'text', text: 'Look.', cache_control: { type: 'ephemeral' } }] },
      ],
      variables: { tone: { type: 'string', default: 'kind' } },
      model: 'fast',
      parameters: { temperature: 0.2 },
      metadata: { owner: 'ada' },
      labels: ['beta'],
    }
    const { name, metadata, labels, ...prompt } = body
    expect(readDraft(body)).toEqual({ name, metadata, labels, prompt })
    expect(readDraft({ template: 'Hi', model: null, labels: null, metadata: null })).toEqual({
      ...{ name: undefined, metadata: {}, labels: [] },
      prompt: { template: 'Hi' },
    })
  })

  it.each([
    ['{}', 'template', 'is missing, and so are `messages`'],
    ['{"template": "a", "messages": [{"role": "user", "content": "b"}]}', 'template', 'exclude each other'],
    ['{"messages": []}', 'messages', 'must not be empty'],
    ['{"messages": [{"role": "robot", "content": "b"}]}', 'messages[0].role', 'must be system, developer'],
    ['{"messages": [{"role": "user", "content": 1}]}', 'messages[0].content', 'must be text or parts'],
    ['{"messages": [{"role": "user", "content": [{"type": "text"}]}]}', 'messages[0].content[0].text', 'is missing'],
    ['{"messages": [{"role": "user", "contents": "b"}]}', 'messages[0].contents', 'is not known'],
    ['{"template": 1}', 'template', 'must be text'],
    ['{"template": "a", "temperature": 1}', 'temperature', 'is not known'],
    ['{"template": "a", "lables": []}', 'lables', 'Did you mean labels?'],
    ['{"template": "a", "name": ""}', 'name', 'must not be empty'],
    ['{"template": "a", "name": "a\\u0000b"}', 'name', 'must not have control characters'],
    ['{"template": "a", "name": "test"}', 'name', 'is the name of a route'],
    ['{"template": "a", "labels": ["latest"]}', 'labels', 'is always on the newest version'],
    ['{"template": "a", "labels": [1]}', 'labels[0]', 'must be text'],
    ['{"template": "a", "variables": {"a": "date"}}', 'variables.a', 'must be string, number'],
    ['{"template": "a", "variables": 3}', 'variables', 'must be a list of names, or an object'],
    ['{"template": "a", "variables": {"a": {"default": []}}}', 'variables.a.default', 'must be text, a number'],
    ['{"template": "a", "parameters": {"stream": true}}', 'parameters.stream', 'is not for a prompt to set'],
    ['{"template": "a", "parameters": {"model": "x"}}', 'parameters.model', 'is not for a prompt to set'],
    ['{"template": "a", "parameters": []}', 'parameters', 'must be an object'],
    ['{"template": "a", "__proto__": {"x": 1}}', '__proto__', 'cannot be a name'],
    ['{"template": "a", "parameters": {"a": [{"constructor": 1}]}}', 'parameters.a[0].constructor', 'cannot be a name'],
    ['{"template": "a", "metadata": {"__proto__": 1}}', 'metadata.__proto__', 'cannot be a name'],
  ])('is not %s', (text, param, words) => {
    expect(() => draft(text)).toThrow(
      expect.objectContaining({
        kind: 'invalid_request',
        message: expect.stringContaining(words),
        facts: expect.objectContaining({ param }),
      }),
    )
  })

  it('is bounded in size and depth', () => {
    expect(() => readDraft({ template: 'x'.repeat(600_000) })).toThrow('at most 524288 letters')
    const deep = `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`
    expect(() => draft(`{"template": "a", "metadata": ${deep}}`)).toThrow('is nested deeper than 32 levels')
  })

  it('throws nothing but what a client may be told, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.json().map((text) => `{"template": "a", "parameters": ${text}}`),
        ),
        (text) => {
          try {
            draft(text)
          } catch (error) {
            expect(error).toMatchObject({ kind: 'invalid_request' })
          }
        },
      ),
    )
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })
})

describe('variables that a prompt declares', () => {
  const prompt = {
    template: '{{name}} {{age}} {{tone}} {{nick}}',
    variables: {
      name: 'string',
      age: { type: 'integer', default: 7 },
      tone: { default: '{{name}}' },
      'nick?': 'string',
    },
  } as const

  it('have defaults, or may be left out', () => {
    expect(resolve(prompt, { name: 'Ada' })).toBe('Ada 7 {{name}} ')
    expect(resolve(prompt, { name: 'Ada', age: 36, tone: 'x', nick: 'A' })).toBe('Ada 36 x A')
  })

  it.each([
    [{ name: 'Ada', age: 1.5 }, 'variables.age', 'must be of the type integer, not a number'],
    [{ name: 3 }, 'variables.name', 'must be of the type string, not a number'],
    [{ age: 3 }, 'variables.name', 'is missing'],
  ])('are checked: %j', (variables, param, words) => {
    expect(() => resolve(prompt, variables)).toThrow(
      expect.objectContaining({ message: expect.stringContaining(words), facts: expect.objectContaining({ param }) }),
    )
  })

  it('may be a list of names, each of which is wanted', () => {
    expect(resolve({ template: 'Hi {{a}}', variables: ['a'] }, { a: 1, more: 2 })).toBe('Hi 1')
    expect(() => resolve({ template: 'Hi', variables: ['a'] }, {})).toThrow('"a" is missing')
  })
})

describe('a reference to a prompt', () => {
  it('is by id or name, and to a version or a label', () => {
    expect(readReference({ prompt_name: 'a' })).toEqual({ id: 'a', wanted: {}, variables: {} })
    expect(readReference({ prompt_id: 'a', prompt_name: 'a', prompt_version: 2, prompt_variables: { x: 1 } })).toEqual({
      ...{ id: 'a', wanted: { version: 2 }, variables: { x: 1 } },
    })
    expect(readReference({ prompt_id: 'a', prompt_label: 'production', prompt_version: null })).toEqual({
      ...{ id: 'a', wanted: { label: 'production' }, variables: {} },
    })
  })

  it.each([
    [{ prompt_id: 7 }, 'prompt_id'],
    [{ prompt_name: '' }, 'prompt_name'],
    [{ prompt_id: 'a', prompt_name: 'b' }, 'prompt_name'],
    [{ prompt_id: 'a\u0000' }, 'prompt_id'],
    [{ prompt_id: 'x'.repeat(300) }, 'prompt_id'],
    [{ prompt_id: 'a', prompt_version: '2' }, 'prompt_version'],
    [{ prompt_id: 'a', prompt_version: 0 }, 'prompt_version'],
    [{ prompt_id: 'a', prompt_version: 1.5 }, 'prompt_version'],
    [{ prompt_id: 'a', prompt_version: 2 ** 40 }, 'prompt_version'],
    [{ prompt_id: 'a', prompt_label: {} }, 'prompt_label'],
    [{ prompt_id: 'a', prompt_label: 'b', prompt_version: 1 }, 'prompt_label'],
    [{ prompt_id: 'a', prompt_variables: ['x'] }, 'prompt_variables'],
  ])('is refused: %j', (input, param) => {
    expect(() => readReference(input)).toThrow(
      expect.objectContaining({ kind: 'invalid_request', facts: expect.objectContaining({ param }) }),
    )
  })
})

it('a change has no more labels than anybody can read', () => {
  const labels = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`label-${index}`, 1]))
  expect(readChange({ labels: labels(200) }).labels?.size).toBe(200)
  expect(() => readChange({ labels: labels(201) })).toThrow(
    expect.objectContaining({ kind: 'invalid_request', facts: expect.objectContaining({ param: 'labels' }) }),
  )
})

it('a text without placeholders is what it is', () => expect(render('{}', {})).toBe('{}'))
