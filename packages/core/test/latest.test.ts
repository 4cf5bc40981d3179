import { expect, test } from 'vitest'
import { putLatest } from '../src/index.ts'

test('of too many the one that was put there longest ago goes', () => {
  const map = new Map<string, number>()
  for (const [key, value] of [
    ['a', 1],
    ['b', 2],
    ['a', 3],
    ['c', 4],
  ] as const)
    putLatest(map, key, value, 2)
  expect([...map]).toEqual([
    ['a', 3],
    ['c', 4],
  ])
})

test('a key that is there takes nobody else’s place, and a map that was too large is so no more', () => {
  const map = new Map([1, 2, 3].map((key) => [key, key]))
  putLatest(map, 2, 0, 3)
  expect([...map.keys()]).toEqual([1, 3, 2])
  putLatest(map, 4, 0, 1)
  expect([...map.keys()]).toEqual([4])
})
