import { expect, it } from 'vitest'
import { lexiconOf } from '../src/lexicon.ts'
import { read } from '../src/reading.ts'

const found = (entries: readonly string[], text: string) => lexiconOf(entries).find(read(text))

it('finds a word as a whole, whatever its case', () => {
  expect(found(['rest'], 'A REST interface')).toEqual(['rest'])
  expect(found(['rest'], 'the forest rested')).toEqual([])
})

it('finds the beginning of words where a star says so', () => {
  expect(found(['optimi*'], 'Optimising, optimized')).toEqual(['optimi'])
})

it('finds one entry a word, the longest', () => {
  expect(found(['deduc*', 'deduce', 'ded*'], 'Deduce it by deduction.')).toEqual(['deduce', 'deduc'])
})

it('finds phrases across punctuation, but not across words', () => {
  expect(found(['step by step'], 'Explain it step-by-step.')).toEqual(['step by step'])
  expect(found(["what's"], 'Whatʼs up? What’s up?')).toEqual(['what s'])
  expect(found(['pros and cons'], 'the pros and consequences')).toEqual([])
})

it('finds pieces of scripts without spaces anywhere', () => {
  expect(found(['证明', '翻译'], '请证明这个定理')).toEqual(['证明'])
  expect(found(['設計'], 'システムを設計してください')).toEqual(['設計'])
})

it('stops when it knows enough', () => {
  expect(lexiconOf(['a', 'b', 'c']).find(read('a b c'), 2)).toEqual(['a', 'b'])
})
