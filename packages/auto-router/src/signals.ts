import { type Lexicon, lexiconOf } from './lexicon.ts'
import { type Language, looksLikeCode, type Reading } from './reading.ts'
import {
  clauseWords,
  codeWords,
  constraintWords,
  demandingWords,
  openingWords,
  openWords,
  reasoningWords,
  simpleWords,
  technicalWords,
} from './words.ts'

/** What a signal sees in a prompt: from -1 for simple to 1 for complex, 0 when it says nothing. */
export interface Seen {
  readonly value: number
  /** Entries of its lexicon that were found. */
  readonly found?: readonly string[]
}

/** What signals go by; a configuration may bring its own. */
export interface SignalSettings {
  /** Tokens up to which a prompt counts as short, and from which on as long. */
  readonly tokens: { readonly simple: number; readonly complex: number }
  readonly code: Lexicon
  readonly reasoning: Lexicon
  readonly technical: Lexicon
  readonly simple: Lexicon
}

/** The words of the house, and LiteLLM's thresholds. */
export const defaultSettings: SignalSettings = {
  tokens: { simple: 15, complex: 400 },
  code: lexiconOf(codeWords),
  reasoning: lexiconOf(reasoningWords),
  technical: lexiconOf(technicalWords),
  simple: lexiconOf(simpleWords),
}

/** Names of the signals. Those that LiteLLM has are called as there. */
export type SignalName =
  | 'tokenCount'
  | 'codePresence'
  | 'reasoningMarkers'
  | 'technicalTerms'
  | 'simpleIndicators'
  | 'simpleOpener'
  | 'routineWork'
  | 'multiStepPatterns'
  | 'questionComplexity'
  | 'codeBlocks'
  | 'mathNotation'
  | 'quantities'
  | 'severalSentences'
  | 'demandingTasks'
  | 'constraints'
  | 'clauseMarkers'
  | 'longWords'
  | 'tokensPerWord'

/** Every signal: one look at a prompt. */
export const signals: Readonly<Record<SignalName, (reading: Reading, settings: SignalSettings) => Seen>> = {
  tokenCount: ({ tokens }, { tokens: { simple, complex } }) => ({
    value: between(Math.log(tokens + 1), Math.log(simple + 1), Math.log(complex + 1)) * 2 - 1,
  }),
  codePresence: (reading, { code }) => byCount(code.find(reading), 0.5, 1),
  reasoningMarkers: (reading, { reasoning }) => byCount(reasoning.find(reading), 0.7, 1),
  technicalTerms: (reading, { technical }) => byCount(technical.find(reading), 0.4, 0.7, 1),
  simpleIndicators: (reading, settings) => damping(settings.simple.find(reading), reading, settings),
  simpleOpener: (reading, settings) => damping(openers.find(openingOf(reading)), reading, settings),
  routineWork: ({ isRoutine }) => ({ value: isRoutine ? -1 : 0 }),
  multiStepPatterns: ({ lower }) => ({ value: steps.some((pattern) => pattern.test(lower)) ? 1 : 0 }),
  questionComplexity: (reading) => byCount(open.find(reading), 0.7, 1),
  codeBlocks: ({ text }) => ({ value: looksLikeCode(text) ? 1 : 0 }),
  mathNotation: ({ text }) => ({ value: between(occurrences(text, math), 0, 2) }),
  quantities: ({ text }) => ({ value: between(occurrences(text, /(?<![\d.,:])\d+/g), 1, 4) }),
  severalSentences: ({ text }) => ({ value: between(occurrences(text, /[.?!](?=\s+\S)|[。？！](?=.)/g), 0, 2) }),
  demandingTasks: (reading) => byCount(demanding.find(reading), 0.7, 1),
  constraints: (reading) => byCount(constraining.find(reading), 0.4, 0.7, 1),
  clauseMarkers: (reading) => {
    const commas = occurrences(reading.text, /[,;:，；、：]/g)
    const found = clauses.find(reading)
    return { value: between(found.length + commas / 2, 0, 5), found }
  },
  longWords: ({ words, language }) => ({ value: between(mean(words, isLongIn(language)), 0, 0.3) }),
  tokensPerWord: ({ words }) => ({ value: between(mean(words, piecesOf), 1, 1.6) }),
}

const openers = lexiconOf(openingWords)
const open = lexiconOf(openWords)
const demanding = lexiconOf(demandingWords)
const constraining = lexiconOf(constraintWords)
const clauses = lexiconOf(clauseWords)

/** Letters from which on a word is long. German joins words. */
const longFrom: Readonly<Record<Language, number>> = { en: 9, de: 12, es: 10, fr: 10, cjk: 9 }

/** Letters of which tokenizers make one piece. */
const LETTERS_PER_PIECE = 6

const steps: readonly RegExp[] = [
  /\b(first|second|finally|then|afterwards|next)\b.{1,200}\b(then|finally|afterwards|and then|third)\b/,
  /\b(zuerst|danach|dann|anschließend|primero|luego|después|d'abord|ensuite|puis)\b/,
  /(首先|其次|然后|最后|第一步|まず|次に|最後に|その後)/,
  /(^|\n)\s{0,8}(\d{1,2}[.)]|[a-d]\)|[-*•])\s/,
  /\bstep \d/,
]

const math = /\d\s?[+*/^=]\s?[\dxyzn(]|[xyzn]\s?[\^=+]\s?\d|\bo\([^)]{1,12}\)|[∑∫√≤≥≠∈∀∃∞²³]|\\(frac|sum|int)/gi

/** A value by how much was found: the last one stands for more. */
function byCount(found: readonly string[], ...values: readonly number[]): Seen {
  if (found.length === 0) return { value: 0 }
  return { value: values[Math.min(found.length, values.length) - 1]!, found }
}

/** What looks simple counts in full for a short prompt, for less with terms in it, and for nothing in a long one. */
function damping(found: readonly string[], reading: Reading, { technical, reasoning }: SignalSettings): Seen {
  if (found.length === 0) return { value: 0 }
  const hasTerms = technical.find(reading, 1).length + reasoning.find(reading, 1).length > 0
  return { value: -between(reading.wordCount, 30, 8) * (hasTerms ? 0.5 : 1), found }
}

/** The first words alone. */
function openingOf(reading: Reading): Reading {
  const words = reading.words.slice(0, 3)
  return { ...reading, words, spaced: ` ${words.join(' ')} `, lower: reading.lower.slice(0, 8) }
}

/** Where a number is on the way from one to another, from 0 to 1. */
function between(value: number, from: number, to: number): number {
  return Math.min(1, Math.max(0, (value - from) / (to - from)))
}

function occurrences(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0
}

function mean(words: readonly string[], of: (word: string) => number): number {
  return words.length === 0 ? 0 : words.reduce((sum, word) => sum + of(word), 0) / words.length
}

function isLongIn(language: Language): (word: string) => number {
  return (word) => Number(word.length >= longFrom[language])
}

function piecesOf(word: string): number {
  return Math.ceil(word.length / LETTERS_PER_PIECE)
}
