import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { describe, expect, it } from 'vitest'
import { countText, countTexts } from '../src/index.ts'

const folder = (path: string) => join(import.meta.dirname, '../../..', path)
const allIn = (path: string, ending: string) =>
  readdirSync(folder(path))
    .filter((name) => name.endsWith(ending))
    .map((name) => readFileSync(join(folder(path), name), 'utf8'))
    .join('\n')

const prose = allIn('docs', '.md')
const code = allIn('packages/engine/src', '.ts')
const chinese = '今天天气很好，我们去公园散步。孩子们在草地上玩耍，老人们坐在长椅上聊天。\n'

/** Within so many hundredths of the exact count. */
async function expectWithin(hundredths: number, text: string): Promise<void> {
  const exact = countTokens(text)
  expect(Math.abs((await countText(text)) / exact - 1)).toBeLessThan(hundredths / 100)
}

describe('a text', () => {
  it('of some pages is counted to a token in a hundred', async () => {
    await expectWithin(1, prose.slice(0, 60_000))
    await expectWithin(1, code.slice(0, 60_000))
    await expectWithin(1, chinese.repeat(1_000))
  })

  it('that fits a piece is counted exactly', async () => {
    for (const text of ['', 'a', 'Hello, 世界! 👋🏽', ' \n\n ', prose.slice(0, 512)])
      expect(await countText(text)).toBe(countTokens(text))
  })

  it('of a megabyte is estimated within 5 %, also when it changes its kind', async () => {
    await expectWithin(5, prose.repeat(12))
    await expectWithin(5, code.repeat(8))
    await expectWithin(5, prose.repeat(5) + chinese.repeat(8_000))
    await expectWithin(5, code.repeat(2) + Buffer.from(prose.repeat(5)).toString('base64'))
  })

  it('never cuts a character in two', async () => {
    const text = `a${'😀'.repeat(2_000)}`
    expect(await countText(text)).toBe(countTokens(text))
  })
})

it('texts are counted each for itself', async () => {
  expect(await countTexts(Array(500).fill('ab'))).toBe(500)
  expect(await countTexts(Array(200_000).fill('ab'))).toBe(200_000)
  expect(await countTexts([])).toBe(0)
})

describe('one long run', () => {
  it.each([
    ['the same letter', 'a', 8],
    ['spaces', ' ', 128],
    ['line ends', '\n', 16],
    ['the same ideograph', '我', 1],
  ])('of %s is counted in pieces', async (_what, letter, lettersOfToken) => {
    // Taken whole, it would be a matter of hours.
    const tokens = await countText(letter.repeat(1_000_000))
    expect(Math.abs((tokens * lettersOfToken) / 1_000_000 - 1)).toBeLessThan(0.05)
  })
})

it('a long count lets others have their turns', async () => {
  let turns = 0
  const timer = setInterval(() => turns++, 0)
  await countText(prose.repeat(12))
  clearInterval(timer)
  expect(turns).toBeGreaterThan(20)
})

it('hundreds of counts at once give what each gives alone', async () => {
  const texts = Array.from({ length: 900 }, (_, at) => prose.slice(at, at + 100))
  const counts = await Promise.all(texts.map(countText))
  expect(counts).toEqual(texts.map((text) => countTokens(text)))
})

it('what comes when too much waits is counted by its letters', async () => {
  const counts = Array.from({ length: 1_001 }, () => countText('a b c d '))
  expect(await counts[1_000]).toBe(2)
  expect(await counts[999]).toBe(countTokens('a b c d '))
})

describe('the count of a text', () => {
  it('is a whole number, and nothing below nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 5_000 }), async (text) => {
        const tokens = await countText(text)
        expect(Number.isInteger(tokens) && tokens >= (text === '' ? 0 : 1)).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  it('grows with the text, also where only samples are counted', async () => {
    const sentence = fc.string({ unit: fc.constantFrom('a', 'sea', ' ', 'rises', '. '), minLength: 20, maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(sentence, fc.integer({ min: 1, max: 200_000 }), async (words, length) => {
        const times = Math.ceil(length / words.length)
        const [less, more] = [
          await countText(`${words}. `.repeat(times)),
          await countText(`${words}. `.repeat(times + 1)),
        ]
        expect(more).toBeGreaterThanOrEqual(less)
      }),
      { numRuns: 25 },
    )
  })
})
