import { describe, expect, it } from 'vitest'
import { formOf } from '../src/index.ts'

const upload = (name: string, ...bytes: readonly number[]) => ({
  name,
  type: 'image/png',
  bytes: new Uint8Array(bytes),
})

async function partsOf(form: FormData): Promise<readonly (readonly [string, unknown])[]> {
  return Promise.all(
    [...form.entries()].map(async ([field, value]) => {
      if (typeof value === 'string') return [field, value] as const
      return [
        field,
        { name: value.name, type: value.type, bytes: [...new Uint8Array(await value.arrayBuffer())] },
      ] as const
    }),
  )
}

describe('formOf', () => {
  it('writes plain values as text', async () => {
    const form = formOf({ prompt: 'a "kite"\r\nflies', n: 2, temperature: 0, stream: false })
    expect(await partsOf(form)).toEqual([
      ['prompt', 'a "kite"\r\nflies'],
      ['n', '2'],
      ['temperature', '0'],
      ['stream', 'false'],
    ])
  })

  it('leaves out what is not there', async () => {
    expect(await partsOf(formOf({ language: undefined, prompt: null }))).toEqual([])
  })

  it('sends a file with its name, type and very bytes', async () => {
    const form = formOf({ file: upload('ä kite.png', 0, 255, 13, 10, 45, 45) })
    expect(await partsOf(form)).toEqual([
      ['file', { name: 'ä kite.png', type: 'image/png', bytes: [0, 255, 13, 10, 45, 45] }],
    ])
  })

  it('sends a view of a larger buffer as no more than it is', async () => {
    const bytes = new Uint8Array([1, 2, 3, 4]).subarray(1, 3)
    const form = formOf({ file: { name: 'a', type: 'text/plain', bytes } })
    expect((await partsOf(form))[0]![1]).toMatchObject({ bytes: [2, 3] })
  })

  it('names a list of one file as a file, of several as a list', async () => {
    expect((await partsOf(formOf({ image: [upload('a.png', 1)] }))).map(([field]) => field)).toEqual(['image'])
    expect(
      (await partsOf(formOf({ image: [upload('a.png', 1), upload('b.png', 2)] }))).map(([field]) => field),
    ).toEqual(['image[]', 'image[]'])
  })

  it('repeats the name of a list, in the order of its items', async () => {
    const form = formOf({ timestamp_granularities: ['word', 'segment'], 'include[]': ['logprobs'] })
    expect(await partsOf(form)).toEqual([
      ['timestamp_granularities[]', 'word'],
      ['timestamp_granularities[]', 'segment'],
      ['include[]', 'logprobs'],
    ])
  })

  it('writes objects as JSON', async () => {
    expect(await partsOf(formOf({ chunking_strategy: { type: 'server_vad' } }))).toEqual([
      ['chunking_strategy', '{"type":"server_vad"}'],
    ])
  })
})
