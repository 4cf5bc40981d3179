import { expect, it } from 'vitest'
import { read } from '../src/reading.ts'

it.each([
  ['the cat is on the mat', 'en'],
  ['die Katze ist auf dem Dach', 'de'],
  ['el gato está en la casa', 'es'],
  ['le chat est sur le toit', 'fr'],
  ['猫在屋顶上', 'cjk'],
  ['猫は屋根の上にいます', 'cjk'],
])('%s is %s', (text, language) => expect(read(text).language).toBe(language))

it('estimates words where there are no spaces', () => {
  expect(read('人工智能会有意识吗').wordCount).toBe(5)
})

it('looks at the beginning and the end of what is long, and estimates the tokens of all', () => {
  const { text, tokens } = read(`begin ${'x '.repeat(100_000)} end`)
  expect(text.length).toBeLessThan(4_100)
  expect(text.startsWith('begin')).toBe(true)
  expect(text.endsWith('end')).toBe(true)
  expect(tokens).toBeGreaterThan(45_000)
})

it('of routine work on a text that is given, reads the instruction alone', () => {
  const reading = read('Translate this into French: The theorem is proved by induction on the derivative.')
  expect(reading.isRoutine).toBe(true)
  expect(reading.text).toBe('Translate this into French')
})

it('reads all of what is no routine', () => {
  expect(read('Review this clause: The supplier shall indemnify.').isRoutine).toBe(false)
  expect(read('Fix this:\n```js\nfor (;;) {}\n```').isRoutine).toBe(false)
  expect(read(`Summarize this: ${'A long report. '.repeat(300)}`).isRoutine).toBe(false)
})
