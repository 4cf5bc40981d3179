import { openStore } from '@tianjillm/store'
import { describeOnBoth } from '@tianjillm/testing'
import { expect, it, onTestFinished } from 'vitest'
import { createMcpPins } from '../src/index.ts'
import { NOW } from './support.ts'

async function pinsIn(url: string) {
  const store = await openStore({ url })
  onTestFinished(() => store.close())
  let changes = 0
  const changed = () => {
    changes += 1
  }
  return { pins: createMcpPins({ store, now: () => NOW, changed }), changes: () => changes }
}

const marks = (...all: readonly (readonly [string, string])[]) => new Map(all)

describeOnBoth('what tools of MCP servers were', (newUrl) => {
  it('is what was said first, until it is replaced, which is told', async () => {
    const { pins, changes } = await pinsIn(newUrl())
    await pins.add('s', marks(['a', 'one'], ['b', 'one']))
    await pins.add('s', marks(['a', 'two'], ['c', 'two']))
    await pins.add('other', marks(['a', 'other']))
    expect(await pins.all('s')).toEqual(marks(['a', 'one'], ['b', 'one'], ['c', 'two']))
    expect(changes()).toBe(0)
    await pins.replace('s', marks(['a', 'three'], ['d', 'three']))
    expect(await pins.all('s')).toEqual(marks(['a', 'three'], ['b', 'one'], ['c', 'two'], ['d', 'three']))
    expect(await pins.all('other')).toEqual(marks(['a', 'other']))
    expect(changes()).toBe(1)
  })

  it('has a number that grows with every change', async () => {
    const { pins } = await pinsIn(newUrl())
    const revision = async () => (await pins.revisions(['s', 'unknown'])).get('s')
    expect(await pins.revisions([])).toEqual(new Map())
    expect(await revision()).toBeUndefined()
    await pins.add('s', marks(['a', 'one']))
    const first = await revision()
    await pins.add('s', marks(['a', 'two']))
    expect(await revision()).toBe(first)
    await pins.add('s', marks(['b', 'two']))
    const second = await revision()
    await pins.replace('s', marks(['a', 'three']))
    const third = await revision()
    expect([first! < second!, second! < third!]).toEqual([true, true])
  })

  it('is kept of thousands of tools at once', async () => {
    const { pins } = await pinsIn(newUrl())
    const many = new Map(Array.from({ length: 1_201 }, (_, index) => [`tool ${index}`, 'mark'] as const))
    await pins.add('s', many)
    await pins.replace('s', many)
    expect((await pins.all('s')).size).toBe(1_201)
    expect(await pins.revisions(['s'])).toEqual(new Map([['s', 2_402]]))
  })
})
