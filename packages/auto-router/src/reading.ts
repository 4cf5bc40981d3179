import { isUnspaced, lexiconOf } from './lexicon.ts'
import { commonWords, routineWords } from './words.ts'

export type Language = 'en' | 'de' | 'es' | 'fr' | 'cjk'

/** A prompt as signals look at it. However long the prompt, only its beginning and its end are looked at. */
export interface Reading {
  /** What is looked at, as written. */
  readonly text: string
  readonly lower: string
  /** Words of scripts with spaces, in lower case. */
  readonly words: readonly string[]
  /** The same as one text, with a space before, between and after. */
  readonly spaced: string
  /** Words of any script; those without spaces are estimated. */
  readonly wordCount: number
  /** Estimated, of the whole prompt. */
  readonly tokens: number
  readonly language: Language
  /** Whether it is the instruction alone of routine work on a text that is given. */
  readonly isRoutine: boolean
}

/** Characters that are looked at: what is wanted tends to stand first or last. */
const BEGINNING = 3_000
const END = 1_000

/** Letters a word has in a script without spaces, and tokens a letter costs there; elsewhere letters a token has. */
const LETTERS_PER_UNSPACED_WORD = 1.7
const TOKENS_PER_UNSPACED_LETTER = 0.8
const LETTERS_PER_TOKEN = 4

/** Brackets and the like that prose may have. */
const MOST_BRACKETS = 8

/** Characters of a given text up to which work on it is routine. */
const PAGE = 4_000

const routine = lexiconOf(routineWords)

/**
 * Reads a prompt. Of routine work on a text that is given, as in `Translate this: …`, only the instruction, for the text
 * may be about anything; unless it is code, or long.
 */
export function read(prompt: string): Reading {
  const [instruction] = /^[^:：\n「“„«"]{1,160}(?=[:：\n「“„«"])/.exec(prompt) ?? []
  if (instruction === undefined || prompt.length > PAGE || looksLikeCode(prompt)) return readAll(prompt)
  const reading = readAll(instruction)
  return routine.find(reading, 1).length > 0 ? { ...reading, isRoutine: true } : readAll(prompt)
}

/** Whether a text is code, or has some. */
export function looksLikeCode(text: string): boolean {
  return text.includes('```') || (text.match(/[{}();=<>]/g)?.length ?? 0) > MOST_BRACKETS
}

/** Reads a prompt, a given text included. */
export function readAll(prompt: string): Reading {
  const isWhole = prompt.length <= BEGINNING + END
  const text = isWhole ? prompt : `${prompt.slice(0, BEGINNING)}\n${prompt.slice(-END)}`
  const lower = text.toLowerCase().replaceAll('’', "'")
  const words = lower.match(/[\p{L}\p{N}][\p{L}\p{M}\p{N}]*/gu)?.filter((word) => !isUnspaced(word)) ?? []
  const unspaced = lower.match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu)?.length ?? 0
  const tokens = unspaced * TOKENS_PER_UNSPACED_LETTER + (text.length - unspaced) / LETTERS_PER_TOKEN
  return {
    text,
    lower,
    words,
    spaced: ` ${words.join(' ')} `,
    wordCount: words.length + Math.round(unspaced / LETTERS_PER_UNSPACED_WORD),
    tokens: Math.ceil((tokens * prompt.length) / Math.max(1, text.length)),
    language: unspaced > words.length ? 'cjk' : languageOf(words),
    isRoutine: false,
  }
}

/** The language with the most of the words that only order others. */
function languageOf(words: readonly string[]): Language {
  const counts = Object.entries(commonWords).map(([language, common]) => ({
    // The keys of the table.
    language: language as keyof typeof commonWords,
    count: words.reduce((sum, word) => sum + (common.has(word) ? 1 : 0), 0),
  }))
  return counts.reduce((best, other) => (other.count > best.count ? other : best)).language
}
