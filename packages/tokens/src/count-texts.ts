import { loadEncoding } from './encoding.ts'

/** Characters counted at once: few, for the time grows by the square; a power of two, as long runs of a letter have it. */
const PIECE = 512

/** Characters of all texts up to which each piece is counted; after them one for each 64th that the text is longer. */
const COUNTED_WHOLE = 64 * 1024
const SPARSENESS = 64

/** Characters after which others have a turn: a millisecond of prose, some ten of the worst there is. */
const TURN = 8 * PIECE

/** Counts that may wait; those that come when there are as many are not exact. */
const MOST_WAITING = 1_000

let waiting = 0
let last: Promise<unknown> = Promise.resolve()
let sinceTurn = 0

/**
 * Tokens of these texts together. Up to 64 Ki characters they are counted, beyond that the pieces of a sample are: within
 * 5 % for texts that are of a piece. Counts are made one after the other, and leave the process to others in between.
 */
export async function countTexts(texts: readonly string[]): Promise<number> {
  if (waiting >= MOST_WAITING) return fourLettersEach(texts)
  waiting++
  const counting = last.then(() => count(texts)).finally(() => waiting--)
  last = counting.catch(() => {})
  return counting
}

/** Tokens of one text, as `countTexts` has it. */
export function countText(text: string): Promise<number> {
  return countTexts([text])
}

async function count(texts: readonly string[]): Promise<number> {
  const encoding = await loadEncoding()
  let tokens = 0
  let passed = 0
  let next = 0
  let perCharacter = 0
  for (const text of texts) {
    for (let start = 0; start < text.length; ) {
      const end = endOfPiece(text, start)
      const length = end - start
      if (passed + length > next) {
        perCharacter = encoding(text.slice(start, end)) / length
        // By places that do not depend on the whole, so that a text that grows never counts less.
        next = passed + length < COUNTED_WHOLE ? 0 : passed + length + passed / SPARSENESS
        await spend(length)
      }
      tokens += perCharacter * length
      passed += length
      start = end
    }
  }
  return Math.round(tokens)
}

/** Where a piece may end without cutting a word, or at least no character. */
function endOfPiece(text: string, start: number): number {
  const end = start + PIECE
  if (end >= text.length) return text.length
  const space = text.slice(start, end + 1).lastIndexOf(' ')
  if (space > PIECE / 2) return start + space
  return isSecondHalf(text.charCodeAt(end)) ? end - 1 : end
}

/** Of a character that takes two. */
function isSecondHalf(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff
}

function spend(characters: number): Promise<void> | undefined {
  sinceTurn += characters
  if (sinceTurn < TURN) return undefined
  sinceTurn = 0
  return new Promise((resolve) => setTimeout(resolve, 0))
}

function fourLettersEach(texts: readonly string[]): number {
  return Math.ceil(texts.reduce((sum, { length }) => sum + length, 0) / 4)
}
