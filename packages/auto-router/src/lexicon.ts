import type { Reading } from './reading.ts'

/** Words and phrases that can be looked for in a prompt. */
export interface Lexicon {
  /** Which of its entries a prompt has, each once, `most` at the most. */
  find(reading: Reading, most?: number): readonly string[]
}

/** Entries that are enough to know. */
const ENOUGH = 8

/** Shorter beginnings of words are in too many of them. */
const SHORTEST_STEM = 3

/**
 * A lexicon of these entries, in lower case: a word, the beginning of words (`optimi*`), a phrase of several words, or
 * a piece of Chinese or Japanese text, which has no spaces and is found anywhere.
 */
export function lexiconOf(entries: readonly string[]): Lexicon {
  const words = new Set<string>()
  const stems = new Set<string>()
  const phrases: string[] = []
  const pieces: string[] = []
  for (const written of entries) {
    const entry = written.trim().toLowerCase()
    if (entry === '') continue
    if (!/[\p{L}\p{N}]/u.test(entry) || isUnspaced(entry)) pieces.push(entry)
    else if (/[^\p{L}\p{M}\p{N}*]/u.test(entry)) phrases.push(entry.replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ').trim())
    else if (entry.endsWith('*')) stems.add(entry.slice(0, -1))
    else words.add(entry)
  }
  const longestStem = Math.max(0, ...[...stems].map((stem) => stem.length))

  /** The one entry that a word is, or begins with. */
  const entryOf = (word: string): string | undefined => {
    if (words.has(word)) return word
    for (let length = Math.min(word.length, longestStem); length >= SHORTEST_STEM; length--) {
      const stem = word.slice(0, length)
      if (stems.has(stem)) return stem
    }
    return undefined
  }
  function* entriesIn({ words: read, spaced, lower }: Reading): Generator<string> {
    for (const word of read) {
      const entry = entryOf(word)
      if (entry !== undefined) yield entry
    }
    for (const phrase of phrases) if (spaced.includes(` ${phrase} `)) yield phrase
    for (const piece of pieces) if (lower.includes(piece)) yield piece
  }

  return {
    find(reading, most = ENOUGH) {
      const found = new Set<string>()
      for (const entry of entriesIn(reading)) {
        found.add(entry)
        if (found.size >= most) break
      }
      return [...found]
    },
  }
}

/** Whether a text is in a script that is written without spaces. */
export function isUnspaced(text: string): boolean {
  return /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u.test(text)
}

/** Entries written as one text, with commas between them. */
export function entries(...texts: readonly string[]): readonly string[] {
  return texts.flatMap((text) => text.split(',').map((entry) => entry.trim()))
}
