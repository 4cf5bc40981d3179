import type { Contribution, Tier } from './decision.ts'
import { read } from './reading.ts'
import { defaultSettings, type SignalName, type SignalSettings, signals } from './signals.ts'

/** How a score is made and what it means. */
export interface ScoreSettings extends SignalSettings {
  readonly weights: Readonly<Record<SignalName, number>>
  /** Scores from which on a prompt is of the next tier. */
  readonly boundaries: { readonly MEDIUM: number; readonly COMPLEX: number; readonly REASONING: number }
  /** So far below MEDIUM a prompt is doubtful, and not taken for simple. */
  readonly abstainBand: number
}

/** What a prompt scores, and why. */
export interface Score {
  readonly tier: Tier
  readonly abstains: boolean
  readonly score: number
  /** All that any signal added or took, the most first. */
  readonly signals: readonly Contribution[]
  readonly why: string
}

/** What a prompt scores of which no signal says anything: enough not to be simple. */
const NOTHING_KNOWN = 0.41

/** Kinds of reasoning asked for that make it the matter itself. */
const MUCH_REASONING = 2

/** Fitted to the tuning half of the labelled prompts, and rounded. The boundaries are LiteLLM's. */
export const defaultScoreSettings: ScoreSettings = {
  ...defaultSettings,
  weights: {
    tokenCount: 0.12,
    codePresence: 0.06,
    reasoningMarkers: 0.07,
    technicalTerms: 0.05,
    simpleIndicators: 0.28,
    simpleOpener: 0.2,
    routineWork: 0.14,
    multiStepPatterns: 0.03,
    questionComplexity: 0.06,
    codeBlocks: 0.04,
    mathNotation: 0.03,
    quantities: 0.03,
    severalSentences: 0.03,
    demandingTasks: 0.1,
    constraints: 0.03,
    clauseMarkers: 0.05,
    longWords: 0.05,
    tokensPerWord: 0.03,
  },
  boundaries: { MEDIUM: 0.15, COMPLEX: 0.35, REASONING: 0.6 },
  abstainBand: 0.1,
}

/** Scores a prompt: the sum of what each signal sees, times its weight. Bounded work, however long the prompt. */
export function score(prompt: string, settings: ScoreSettings = defaultScoreSettings): Score {
  const reading = read(prompt)
  // The keys of the table.
  const names = Object.keys(signals) as SignalName[]
  const contributions = names.map((signal): Contribution => {
    const { value, found } = signals[signal](reading, settings)
    const weight = settings.weights[signal]
    return { signal, value, weight, contribution: value * weight, ...(found && { found }) }
  })
  const sum = contributions.reduce((total, { contribution }) => total + contribution, NOTHING_KNOWN)
  const reasoning = contributions.find(({ signal }) => signal === 'reasoningMarkers')?.found ?? []
  return {
    ...judge(sum, reasoning, settings),
    score: Math.round(sum * 1000) / 1000,
    signals: contributions
      .filter(({ contribution }) => contribution !== 0)
      .sort((one, other) => Math.abs(other.contribution) - Math.abs(one.contribution)),
  }
}

function judge(
  sum: number,
  reasoning: readonly string[],
  { boundaries: { MEDIUM, COMPLEX, REASONING }, abstainBand }: ScoreSettings,
): Pick<Score, 'tier' | 'abstains' | 'why'> {
  const certain = (tier: Tier, why: string) => ({ tier, abstains: false, why })
  if (reasoning.length >= MUCH_REASONING) return certain('REASONING', `asks for ${reasoning.join(' and ')}`)
  if (sum >= REASONING) return certain('REASONING', `scores ${REASONING} or more`)
  if (sum >= COMPLEX) return certain('COMPLEX', `scores ${COMPLEX} or more`)
  if (sum >= MEDIUM) return certain('MEDIUM', `scores ${MEDIUM} or more`)
  if (sum < MEDIUM - abstainBand) return certain('SIMPLE', `scores less than ${MEDIUM} by more than ${abstainBand}`)
  return { tier: 'MEDIUM', abstains: true, why: `scores less than ${MEDIUM}, but too closely to be called SIMPLE` }
}
