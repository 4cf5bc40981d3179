import { describe, expect, test } from 'vitest'
import { createGate } from '../../src/upstream/gate.ts'
import { lineReader } from '../../src/upstream/lines.ts'
import { createPace } from '../../src/upstream/pace.ts'

describe('a gate', () => {
  const held = () => Promise.withResolvers<string>()

  test('lets the next in when one leaves, in the order they came', async () => {
    const gate = createGate('docs', 1, 10)
    const order: string[] = []
    const first = held()
    const pass = (name: string, work: () => Promise<string>) =>
      gate.run(
        () => {
          order.push(name)
          return work()
        },
        { timeout: 10_000 },
      )
    const all = [pass('a', () => first.promise), pass('b', async () => 'b'), pass('c', async () => 'c')]
    expect(order).toEqual(['a'])
    first.resolve('a')
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c'])
    expect(order).toEqual(['a', 'b', 'c'])
  })

  test('refuses at once when too many wait', async () => {
    const gate = createGate('docs', 1, 1)
    const first = held()
    const inside = gate.run(() => first.promise, { timeout: 10_000 })
    const waiting = gate.run(async () => 'second', { timeout: 10_000 })
    await expect(gate.run(async () => 'third', { timeout: 10_000 })).rejects.toMatchObject({ kind: 'overloaded' })
    first.resolve('first')
    expect(await Promise.all([inside, waiting])).toEqual(['first', 'second'])
  })

  test('is not waited at longer than one would for an answer, nor by one who has gone', async () => {
    const gate = createGate('docs', 1, 10)
    const first = held()
    const inside = gate.run(() => first.promise, { timeout: 10_000 })
    const controller = new AbortController()
    const gone = gate.run(async () => '', { timeout: 10_000, signal: controller.signal })
    controller.abort()
    await expect(gone).rejects.toMatchObject({ kind: 'client_closed' })
    await expect(gate.run(async () => '', { timeout: 1 })).rejects.toMatchObject({ kind: 'overloaded' })
    first.resolve('first')
    await inside
    expect(await gate.run(async () => 'free', { timeout: 1 })).toBe('free')
  })
})

describe('a pace', () => {
  const tuning = { firstPause: 100, longestPause: 1000, rest: 60_000, random: () => 0 }

  /** Fails as soon as it may be tried again. */
  const failing = (limit: number) => {
    let now = 0
    const pace = createPace(() => now, limit, tuning)
    const fail = () => {
      now += pace.wait()
      pace.failed()
      return pace.wait()
    }
    return { fail }
  }

  test('doubles its pauses up to the longest', () => {
    const { fail } = failing(Number.POSITIVE_INFINITY)
    expect([fail(), fail(), fail(), fail(), fail(), fail()]).toEqual([100, 200, 400, 800, 1000, 1000])
  })

  test('takes failures at the same time for one', () => {
    const pace = createPace(() => 0, 1, tuning)
    for (let connection = 0; connection < 20; connection++) pace.failed()
    expect(pace.wait()).toBe(100)
  })

  test('makes pauses shorter by up to a half', () => {
    const pace = createPace(() => 0, Number.POSITIVE_INFINITY, { ...tuning, random: () => 1 })
    pace.failed()
    expect(pace.wait()).toBe(50)
  })

  test('rests after so many failures more than the first, and begins again', () => {
    const { fail } = failing(2)
    expect([fail(), fail(), fail(), fail()]).toEqual([100, 200, 60_000, 100])
  })

  test('counts from the start for what was up for a minute', () => {
    let now = 0
    const pace = createPace(() => now, 5, tuning)
    pace.failed()
    now = 100
    pace.failed()
    pace.succeeded()
    now = 60_100
    pace.failed()
    expect(pace.wait()).toBe(100)
  })
})

describe('lines', () => {
  const read = (limit: number, ...chunks: string[]) => {
    const lines: [string, boolean][] = []
    const take = lineReader(limit, (line, isCut) => lines.push([line, isCut]))
    for (const chunk of chunks) take(Buffer.from(chunk))
    return lines
  }

  test('are found across pieces', () => {
    expect(read(100, 'on', 'e\ntwo\nth', 'ree\n\nno end')).toEqual([
      ['one', false],
      ['two', false],
      ['three', false],
      ['', false],
    ])
  })

  test('are cut when they are too long, as soon as that is known, and the next is whole', () => {
    expect(read(4, 'abc', 'def')).toEqual([['abcd', true]])
    expect(read(4, 'abc', 'def', 'ghi\nxy\n')).toEqual([
      ['abcd', true],
      ['xy', false],
    ])
  })

  test('with characters that are split between pieces stay whole', () => {
    const lines: string[] = []
    const take = lineReader(100, (line) => lines.push(line))
    const bytes = Buffer.from('für\n')
    take(bytes.subarray(0, 2))
    take(bytes.subarray(2))
    expect(lines).toEqual(['für'])
  })
})
