import { expect, test } from 'vitest'
import { readQuery } from '../src/read-query.ts'

test.each([
  ['a query', 'Which tables?', 'Which tables?'],
  ['lines and tabs', 'a\tb\r\nc\rd', 'a\tb\nc\nd'],
  ['control characters', 'a\u0000b\u001b[31m\u009bc\u007f', 'ab[31mc'],
  ['half a character', 'a\ud83d b', 'a\ufffd b'],
  ['joined emoji, and letters of all scripts', '👩‍👩‍👧 表 é', '👩‍👩‍👧 表 é'],
  ['space around it', '  a b \n', 'a b'],
])('%s', (_, text, expected) => {
  expect(readQuery(text, 100)).toBe(expected)
})

test('counts characters, not what they are written in', () => {
  expect(readQuery('👍'.repeat(4_000), 4_000)).toHaveLength(8_000)
  expect(() => readQuery('👍'.repeat(4_001), 4_000)).toThrow('The query has 4001 characters; 4000 is the most.')
})
