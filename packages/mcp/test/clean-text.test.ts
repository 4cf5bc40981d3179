import { expect, test } from 'vitest'
import { cleanOffer, cleanText } from '../src/clean-text.ts'

test('terminal sequences, controls and invisible characters go; lines, tabs and letters of all scripts stay', () => {
  expect(cleanText('\u001b[31mred\u001b[0m\u001b]8;;http://x\u0007link')).toBe('redlink')
  expect(cleanText('a\u200bb\u202ec\ufeffd\u0000e\u{e0041}f')).toBe('abcdef')
  expect(cleanText('Zeile\n\tzwei — 天机 👍')).toBe('Zeile\n\tzwei — 天机 👍')
})

test('a text is cut to its limit', () => {
  expect(cleanText('x'.repeat(20), 10)).toBe(`${'x'.repeat(9)}…`)
})

test('words in schemas are cleaned, values that are matched are not', () => {
  const schema = { properties: { a: { description: 'x\u200by', enum: ['x\u200by'] } } }
  expect(cleanOffer({ name: 't', inputSchema: schema })).toEqual({
    name: 't',
    inputSchema: { properties: { a: { description: 'xy', enum: ['x\u200by'] } } },
  })
})

test('a schema without an end in sight is refused', () => {
  let schema: object = {}
  for (let depth = 0; depth < 100; depth++) schema = { items: schema }
  expect(() => cleanOffer({ inputSchema: schema })).toThrow(/nested/)
})
