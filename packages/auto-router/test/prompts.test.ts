import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { score } from '../src/score.ts'
import { type Prompt, prompts } from './prompts.ts'

type Verdict = 'SIMPLE' | 'abstained' | 'more'

function verdictOn({ text }: Prompt): Verdict {
  const { tier, abstains } = score(text)
  return tier === 'SIMPLE' ? 'SIMPLE' : abstains ? 'abstained' : 'more'
}

const count = (half: Prompt['half'], isSimple: boolean, verdict?: Verdict) =>
  prompts.filter(
    (prompt) =>
      prompt.half === half && prompt.isSimple === isSimple && (verdict === undefined || verdictOn(prompt) === verdict),
  ).length

describe('the labelled prompts', () => {
  it('are many, no two alike, in six languages and two like halves', () => {
    expect(prompts.length).toBeGreaterThanOrEqual(240)
    expect(new Set(prompts.map(({ text }) => text)).size).toBe(prompts.length)
    expect(new Set(prompts.map(({ language }) => language)).size).toBe(6)
    expect(count('held-out', true)).toBe(count('tuning', true))
    expect(count('held-out', false)).toBe(count('tuning', false))
  })
})

describe('of the prompts that nothing was tuned on', () => {
  const simple = count('held-out', true)
  const complex = count('held-out', false)

  it('at most one complex one in twenty goes to the cheapest model', () => {
    expect(count('held-out', false, 'SIMPLE') / complex).toBeLessThanOrEqual(0.05)
  })

  it('at least seven simple ones in ten do', () => {
    expect(count('held-out', true, 'SIMPLE') / simple).toBeGreaterThanOrEqual(0.7)
  })

  it('at least nine in ten are told right or held for doubtful', () => {
    const wrong = count('held-out', false, 'SIMPLE') + count('held-out', true, 'more')
    expect(1 - wrong / (simple + complex)).toBeGreaterThanOrEqual(0.9)
  })

  it('in every language at least three in four of both kinds are', () => {
    for (const [language, all] of Map.groupBy(prompts, ({ language }) => language)) {
      const heldOut = all.filter(({ half }) => half === 'held-out')
      const wrong = heldOut.filter((prompt) => verdictOn(prompt) === (prompt.isSimple ? 'more' : 'SIMPLE'))
      expect(wrong.length / heldOut.length, language).toBeLessThanOrEqual(0.25)
    }
  })
})

it('README.md says what is computed', () => {
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8').replace(/ +/g, ' ')
  for (const half of ['tuning', 'held-out'] as const)
    for (const isSimple of [true, false]) {
      const counts = (['SIMPLE', 'abstained', 'more'] as const).map((verdict) => count(half, isSimple, verdict))
      expect(readme).toContain(`| ${half} | ${isSimple ? 'simple' : 'complex'} | ${counts.join(' | ')} |`)
    }
})
