import { describe, expect, it } from 'vitest'
import { defaultScoreSettings, score } from '../src/score.ts'

describe('a score', () => {
  it('is the sum of what its signals say, and of what nothing known is worth', () => {
    const { score: sum, signals } = score('Prove that there are infinitely many primes, step by step.')
    const contributions = signals.reduce((total, { contribution }) => total + contribution, 0)
    expect(sum).toBeCloseTo(0.41 + contributions, 2)
    for (const { value, weight, contribution } of signals) expect(contribution).toBe(value * weight)
  })

  it('names its signals, the weightiest first, and the entries they found', () => {
    const { signals } = score('What is the capital of Australia?')
    expect(signals[0]).toMatchObject({ signal: 'simpleIndicators', value: -1, found: ['what is', 'capital of'] })
  })

  it('goes by the weights it is given', () => {
    const weights = { ...defaultScoreSettings.weights, simpleIndicators: 0, simpleOpener: 0 }
    const prompt = 'What is the capital of Australia?'
    expect(score(prompt, { ...defaultScoreSettings, weights }).score).toBeGreaterThan(score(prompt).score + 0.4)
  })
})

describe('a tier', () => {
  it('is SIMPLE only for what is far from being more', () => {
    const prompt = 'What time zone is Denver in?'
    expect(score(prompt)).toMatchObject({ tier: 'SIMPLE', abstains: false })
    expect(score(prompt, { ...defaultScoreSettings, abstainBand: 1 })).toMatchObject({ tier: 'MEDIUM', abstains: true })
  })

  it('is REASONING for two kinds of reasoning, whatever the score', () => {
    expect(score('Prove it by induction.')).toMatchObject({ tier: 'REASONING', why: 'asks for prove and induction' })
  })

  it('follows the boundaries', () => {
    const boundaries = { MEDIUM: -2, COMPLEX: -1, REASONING: 2 }
    expect(score('hi', { ...defaultScoreSettings, boundaries }).tier).toBe('COMPLEX')
  })

  it('is never SIMPLE for text that says nothing to anybody', () => {
    expect(score('zxcv qwer asdf poiu lkjh mnbv tyui ghjk').tier).not.toBe('SIMPLE')
  })
})

it.each(['a', 'a ', '. ', ' ', '1', '{', 'x^', '中', 'カ', ': ', '\n', '😀', 'first ', 'what is why prove '])(
  'a megabyte of %j is scored by its beginning and its end alone',
  (piece) => {
    const all = piece.repeat(1_000_000 / piece.length)
    // The middle does not matter, so that the work is bounded; only the estimate of tokens follows the whole.
    const { signals } = score(all)
    const swapped = score(`${all.slice(0, 3_000)}${'~'.repeat(all.length - 4_000)}${all.slice(-1_000)}`)
    const known = (list: typeof signals) => list.filter(({ signal }) => signal !== 'tokenCount')
    expect(known(swapped.signals)).toEqual(known(signals))
  },
)
