import type { Call, PromptSource } from '@tianjillm/core'
import { type FakeUpstream, fakeUpstream, stubLog } from '@tianjillm/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findPrompt, fixedSource, type Prompt, pluginSource, serverSource, storedSource } from '../src/index.ts'

const call: Call = {
  ...{ env: () => undefined, fetch, now: () => 0, uuid: () => 'u', log: stubLog() },
  ...{ id: 'c', operation: 'chat', model: 'm', signal: new AbortController().signal, caller: {}, metadata: {} },
}

describe('prompts that are known beforehand', () => {
  const source = fixedSource(
    new Map([
      [
        'a',
        new Map([
          [1, { template: 'one' }],
          [3, { template: 'three' }],
        ] as [number, Prompt][]),
      ],
    ]),
  )

  it('are found by version, else the newest', () => {
    expect(source.find('a', {}, call)).toEqual({ template: 'three' })
    expect(source.find('a', { label: 'latest' }, call)).toEqual({ template: 'three' })
    expect(source.find('a', { version: 1 }, call)).toEqual({ template: 'one' })
  })

  it('are not found by another version, label or name', async () => {
    for (const [id, wanted, words] of [
      ['a', { version: 2 }, 'There is no prompt "a" with the version 2.'],
      ['a', { label: 'x' }, 'There is no prompt "a" with the label "x".'],
      ['toString', {}, 'There is no prompt "toString".'],
    ] as const)
      await expect(findPrompt([source], id, wanted, call)).rejects.toMatchObject({
        ...{ kind: 'not_found', message: words, facts: { code: 'prompt_not_found', param: 'prompt_id' } },
      })
  })
})

describe('stored prompts', () => {
  function stored(most?: number) {
    const clock = { time: 0 }
    const asked: unknown[] = []
    let answer: () => Promise<{ content: string } | undefined> = async () => ({ content: '{"template": "old"}' })
    const source = storedSource({
      store: {
        find: (id, wanted) => {
          asked.push([id, wanted])
          return answer()
        },
      },
      now: () => clock.time,
      ...(most !== undefined && { most }),
    })
    const find = async (id = 'a') => source.find(id, {}, call)
    return { source, find, asked, clock, answers: (next: typeof answer) => (answer = next) }
  }

  it('are asked for once in five seconds, by however many', async () => {
    const { find, asked, clock, answers } = stored()
    const found = await Promise.all([find(), find(), find()])
    expect([found.length, asked.length]).toEqual([3, 1])
    answers(async () => ({ content: '{"template": "new"}' }))
    clock.time = 4_999
    expect(await find()).toEqual({ template: 'old' })
    clock.time = 5_000
    expect(await find()).toEqual({ template: 'new' })
  })

  it('are asked for anew once they are forgotten, also while they are being asked for', async () => {
    const { source, find, answers } = stored()
    const { promise, resolve } = Promise.withResolvers<{ content: string }>()
    answers(() => promise)
    const before = find()
    source.forget('a')
    answers(async () => ({ content: '{"template": "new"}' }))
    expect(await find()).toEqual({ template: 'new' })
    resolve({ content: '{"template": "old"}' })
    expect(await before).toEqual({ template: 'old' })
    expect(await find()).toEqual({ template: 'new' })
  })

  it('hold on while the store fails', async () => {
    const { find, clock, answers } = stored()
    await find()
    clock.time = 6_000
    answers(() => Promise.reject(new Error('down')))
    expect(await find()).toEqual({ template: 'old' })
    await expect(find('b')).rejects.toThrow('down')
  })

  it('that are not there are asked for each time, and found as soon as they are', async () => {
    const { find, answers } = stored()
    answers(async () => undefined)
    expect(await find()).toBeUndefined()
    answers(async () => ({ content: '{"template": "new"}' }))
    expect(await find()).toEqual({ template: 'new' })
  })

  it('are bounded in number', async () => {
    const { find, asked } = stored(2)
    for (const id of ['a', 'b', 'c', 'c', 'a']) await find(id)
    expect(asked.length).toBe(4)
  })
})

describe("a plugin's prompts", () => {
  const from = (found: object | undefined) => {
    const source: PromptSource = { find: () => found as never }
    return pluginSource('acme', source).find('a', {}, call)
  }

  it('are prompts, or .prompt files', async () => {
    expect(await from({ template: 'Hi' })).toEqual({ template: 'Hi' })
    expect(await from({ dotprompt: '---\nmodel: a\n---\nUser: Hi' })).toEqual({
      ...{ model: 'a', messages: [{ role: 'user', content: 'Hi' }] },
    })
    expect(await from(undefined)).toBeUndefined()
  })

  it('are refused when they are nothing of the kind', async () => {
    await expect(from({ text: 'Hi' })).rejects.toMatchObject({
      kind: 'upstream_invalid_response',
      message: expect.stringMatching(/^acme: the prompt cannot be used\. `text` is not known/),
    })
  })
})

describe('a server of prompts', () => {
  let server: FakeUpstream
  beforeAll(async () => {
    server = await fakeUpstream()
  })
  afterAll(() => server.close())
  const source = () => serverSource({ apiBase: `${server.url}/`, apiKey: 'sk-p', query: { project: 'x y' } })

  it('is asked over HTTP, and has {name} for a variable', async () => {
    server.script({
      body: {
        prompt_id: 'a',
        prompt_template: [{ role: 'user', content: 'Hi {name}, {{also}}, {"json": 1}' }],
        prompt_template_model: 'm',
        prompt_template_optional_params: { temperature: 0 },
      },
    })
    const one = source()
    expect(await one.find('a/b', { version: 2 }, call)).toEqual({
      model: 'm',
      parameters: { temperature: 0 },
      messages: [{ role: 'user', content: 'Hi {{name}}, {{also}}, {"json": 1}' }],
    })
    await one.find('a/b', { version: 2 }, call)
    expect(server.arrived.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/beta/litellm_prompt_management?project=x+y&prompt_id=a%2Fb&prompt_version=2', 'Bearer sk-p'],
    ])
  })

  it.each([
    [{ status: 500 }, 'upstream_error'],
    [{ body: 'no json' }, 'upstream_invalid_response'],
    [{ body: {} }, 'upstream_invalid_response'],
    [{ body: { prompt_template: [{ role: 'robot' }] } }, 'upstream_invalid_response'],
    [{ dies: true, body: '{' }, 'upstream_unreachable'],
    [{ status: 302, headers: { location: 'http://127.0.0.1:9/' } }, 'upstream_unreachable'],
  ])('that answers %j is told of', async (scripted, kind) => {
    server.script(scripted)
    await expect(source().find('a', {}, call)).rejects.toMatchObject({ kind })
  })

  it('that has no such prompt says so', async () => {
    server.script({ status: 404 })
    expect(await source().find('a', {}, call)).toBeUndefined()
  })
})
