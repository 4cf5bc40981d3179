import { openStore } from '@tianjillm/store'
import { describeOnBoth } from '@tianjillm/testing'
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { createPrompts, type Prompts } from '../src/index.ts'

const NOW = Date.UTC(2026, 10, 21, 12)

async function promptsIn(url: string): Promise<Prompts> {
  const store = await openStore({ url })
  onTestFinished(() => store.close())
  return createPrompts({ store, now: () => NOW })
}

const draft = (text: string, ...labels: readonly string[]) => ({
  content: JSON.stringify({ template: text }),
  metadata: {},
  labels,
})
const textOf = (found: { readonly content: string } | undefined) => found && JSON.parse(found.content).template
const notFound = expect.objectContaining({
  kind: 'not_found',
  facts: expect.objectContaining({ code: 'prompt_not_found' }),
})

describeOnBoth('a prompt', (newUrl) => {
  it('has versions, and labels that are on one of them', async () => {
    const prompts = await promptsIn(newUrl())
    const made = await prompts.create('a', { ...draft('one', 'production'), metadata: { owner: 'ada' } }, 'ada')
    expect(made.facts).toEqual({
      ...{ id: 'a', name: 'a', version: 1, labels: ['latest', 'production'], metadata: { owner: 'ada' } },
      ...{ created_at: '2026-11-21T12:00:00.000Z', created_by: 'ada' },
    })
    expect((await prompts.revise('a', draft('two', 'beta'), null)).facts).toMatchObject({
      ...{ version: 2, labels: ['beta', 'latest'], created_by: null },
    })
    const found = [{}, { version: 1 }, { label: 'production' }, { label: 'beta' }, { label: 'latest' }]
    const texts = await Promise.all(found.map(async (wanted) => textOf(await prompts.find('a', wanted))))
    expect(texts).toEqual(['two', 'one', 'one', 'two', 'two'])
    for (const wanted of [{ version: 3 }, { label: 'x' }]) expect(await prompts.find('a', wanted)).toBeUndefined()
    expect(await prompts.find('b', {})).toBeUndefined()
  })

  it('is made once', async () => {
    const prompts = await promptsIn(newUrl())
    const outcomes = await Promise.allSettled(['x', 'y', 'z'].map((text) => prompts.create('a', draft(text), null)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { kind: 'invalid_request', facts: { param: 'name' } },
    })
  })

  it('gets a version of its own for each change, however many come at once and from wherever', async () => {
    const url = newUrl()
    const one = await promptsIn(url)
    // SQLite lets a process wait for another one, but not for itself.
    const other = url.startsWith('sqlite') ? one : await promptsIn(url)
    await one.create('a', draft('0'), null)
    const changes = Array.from({ length: 40 }, (_, index) =>
      (index % 2 ? one : other).revise('a', draft(`${index}`, 'l'), null),
    )
    const versions = (await Promise.all(changes)).map(({ facts }) => Number(facts.version))
    expect(versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index + 2))
    expect((await one.find('a', {}))?.facts).toMatchObject({ version: 41 })
    expect((await one.versions('a', { size: 100 })).total_count).toBe(41)
  })

  it('has its labels moved and taken away, and its metadata replaced', async () => {
    const prompts = await promptsIn(newUrl())
    await prompts.create('a', draft('one', 'x', 'y'), null)
    await prompts.revise('a', draft('two'), null)
    const labels = new Map([
      ['x', undefined],
      ['y', null],
      ['z', 1],
    ] as const)
    expect((await prompts.change('a', { labels, metadata: { n: 1 } })).facts).toMatchObject({
      ...{ version: 2, labels: ['latest', 'x'], metadata: { n: 1 } },
    })
    expect((await prompts.find('a', { version: 1 }))?.facts).toMatchObject({ labels: ['z'], metadata: {} })
    expect((await prompts.change('a', { version: 1, metadata: { n: 2 } })).facts).toMatchObject({ metadata: { n: 2 } })
  })

  it('is not changed halfway', async () => {
    const prompts = await promptsIn(newUrl())
    await prompts.create('a', draft('one', 'x'), null)
    const labels = new Map([
      ['x', null],
      ['y', 7],
    ] as const)
    await expect(prompts.change('a', { labels })).rejects.toEqual(notFound)
    expect((await prompts.find('a', {}))?.facts).toMatchObject({ labels: ['latest', 'x'] })
  })

  it('is gone with all its versions, and may be made anew', async () => {
    const prompts = await promptsIn(newUrl())
    await prompts.create('a', draft('one', 'x'), null)
    await prompts.revise('a', draft('two'), null)
    expect(await prompts.delete('a')).toEqual({ id: 'a', deleted: true })
    expect(await prompts.find('a', { version: 1 })).toBeUndefined()
    const acts = [
      () => prompts.delete('a'),
      () => prompts.revise('a', draft('x'), null),
      () => prompts.change('a', { metadata: {} }),
      () => prompts.versions('a', {}),
    ]
    for (const act of acts) await expect(act()).rejects.toEqual(notFound)
    expect((await prompts.create('a', draft('new'), null)).facts).toMatchObject({ version: 1, labels: ['latest'] })
  })

  it('is listed by its newest version, without its content', async () => {
    const prompts = await promptsIn(newUrl())
    for (const id of ['b', 'a', 'c']) await prompts.create(id, draft('secret text'), null)
    await prompts.revise('b', draft('secret text', 'x'), null)
    expect(await prompts.list({ page: 1, size: 2 })).toMatchObject({
      prompts: [
        { id: 'a', version: 1 },
        { id: 'b', version: 2, labels: ['latest', 'x'] },
      ],
      ...{ total_count: 3, current_page: 1, total_pages: 2 },
    })
    expect((await prompts.versions('b', {})).versions).toMatchObject([{ version: 2 }, { version: 1, labels: [] }])
    expect(JSON.stringify([await prompts.list({}), await prompts.versions('b', {})])).not.toContain('secret')
    await expect(prompts.list({ pages: 1 })).rejects.toMatchObject({ facts: { param: 'pages' } })
  })

  it('is kept as it is, whatever its name and its text', async () => {
    const prompts = await promptsIn(newUrl())
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((id) => !/\p{C}/u.test(id))
    let count = 0
    await fc.assert(
      fc.asyncProperty(name, fc.string({ unit: 'binary' }), async (words, text) => {
        const id = `${words}'; drop table tianji_prompts; -- ${count++}`
        await prompts.create(id, draft(text, words), words)
        expect(textOf(await prompts.find(id, { label: words }))).toBe(text)
      }),
      { numRuns: 30 },
    )
  })
})
