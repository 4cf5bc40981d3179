import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { similarAnswers } from '../src/index.ts'
import { clock } from './house.ts'

const always = () => true
const of = (...numbers: readonly number[]) => Float32Array.from(numbers)

describe('similar answers', () => {
  test('are found by the closest question, whatever the lengths of the vectors', () => {
    const answers = similarAnswers({ threshold: 0.5, now: clock().now })
    answers.add('a', 'scope', of(1, 0), 'east', 1_000)
    answers.add('b', 'scope', of(0, 0.01), 'north', 1_000)
    expect(answers.find('scope', of(300, 100), always)?.value).toBe('east')
    expect(answers.find('scope', of(1, 3), always)?.value).toBe('north')
  })

  test('are close enough from the threshold on', () => {
    for (const [threshold, isFound] of [
      [0.6, true],
      [0.61, false],
    ] as const) {
      const answers = similarAnswers({ threshold, now: clock().now })
      answers.add('a', 'scope', of(1, 0), 'east', 1_000)
      expect(answers.find('scope', of(3, 4), always) !== undefined).toBe(isFound)
    }
  })

  test('give the next best when the best is not wanted', () => {
    const answers = similarAnswers({ threshold: 0.5, now: clock().now })
    answers.add('a', 'scope', of(1, 0), 'old', 1_000)
    answers.add('b', 'scope', of(1, 0.5), 'new', 1_000)
    expect(answers.find('scope', of(1, 0), (value) => value !== 'old')?.value).toBe('new')
  })

  test('are of one scope', () => {
    const answers = similarAnswers({ threshold: 0, now: clock().now })
    answers.add('a', 'mine', of(1, 0), 'value', 1_000)
    expect(answers.find('yours', of(1, 0), always)).toBeUndefined()
  })

  test('of a model with longer vectors, or of nothing, are like no other', () => {
    const answers = similarAnswers({ threshold: 0.1, now: clock().now })
    answers.add('a', 'scope', of(1, 0), 'value', 1_000)
    expect(answers.find('scope', of(1, 0, 0), always)).toBeUndefined()
    expect(answers.find('scope', of(0, 0), always)).toBeUndefined()
  })

  test('are no more than a scope may hold; the oldest go first', () => {
    const answers = similarAnswers({ threshold: 0.9, maxPerScope: 2, now: clock().now })
    answers.add('a', 'scope', of(1, 0, 0), 'a', 1_000)
    answers.add('b', 'scope', of(0, 1, 0), 'b', 1_000)
    answers.add('c', 'scope', of(0, 0, 1), 'c', 1_000)
    expect(answers.find('scope', of(1, 0, 0), always)).toBeUndefined()
    expect(answers.find('scope', of(0, 1, 0), always)?.value).toBe('b')
  })

  test('take no more bytes than they may', () => {
    const answers = similarAnswers({ threshold: 0.9, maxBytes: 6_000, now: clock().now })
    for (let index = 0; index < 10; index++) answers.add(`${index}`, `${index}`, of(1), 'x'.repeat(1_000), 1_000)
    const found = Array.from({ length: 10 }, (_, index) => answers.find(`${index}`, of(1), always) !== undefined)
    expect(found.filter(Boolean)).toHaveLength(2)
    expect(found[9]).toBe(true)
  })

  test('are never over 1 alike, and a question is always like itself', () => {
    const vector = fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 3, maxLength: 50 })
    fc.assert(
      fc.property(vector, (numbers) => {
        fc.pre(Math.hypot(...numbers) > 0.01)
        const answers = similarAnswers({ threshold: 0.99, now: clock().now })
        answers.add('a', 'scope', of(...numbers), 'value', 1_000)
        const { similarity } = answers.find('scope', of(...numbers), always)!
        expect(similarity).toBeLessThanOrEqual(1)
        expect(similarity).toBeCloseTo(1, 4)
      }),
    )
  })
})
