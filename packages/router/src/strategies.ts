import type { Candidate, Traits } from './candidate.ts'
import type { Health } from './health.ts'
import type { StrategyArguments, StrategyName } from './rules.ts'

/** A deployment that may be asked, and how it does. */
export interface Contender<Deployment extends Candidate = Candidate> {
  readonly deployment: Deployment
  readonly model: string
  readonly health: Health
}

/** What a strategy goes by besides the deployments. */
export interface Surroundings {
  /** Milliseconds. */
  readonly now: number
  /** From 0 up to 1. */
  readonly random: () => number
  readonly arguments: StrategyArguments
}

/** Chooses one of several that may all be asked; there is at least one. */
export type Strategy = (contenders: readonly Contender[], surroundings: Surroundings) => Contender

/** By what a deployment is chosen. https://docs.litellm.ai/docs/routing */
export const strategies: Readonly<Record<StrategyName, Strategy>> = {
  'simple-shuffle': (contenders, { random }) => shareOut(contenders, random),
  'least-busy': (contenders, { random }) =>
    any(
      lowest(contenders, ({ health }) => health.inFlight),
      random,
    ),
  'latency-based': (contenders, { now, random, arguments: { latencyBuffer, latencyMemory } }) => {
    // One that was never asked is asked first, so that its latency becomes known.
    const expected = contenders.map(({ health }) => health.expectedLatency(now, latencyMemory))
    const longest = Math.min(...expected) * (1 + latencyBuffer)
    return any(
      contenders.filter((_contender, index) => expected[index]! <= longest),
      random,
    )
  },
  'usage-based': (contenders, { now, random }) =>
    any(
      lowest(contenders, ({ health }) => health.usage(now).tokens),
      random,
    ),
  'cost-based': (contenders, { random }) =>
    any(
      lowest(contenders, ({ deployment }) => deployment.traits.price ?? UNKNOWN_PRICE),
      random,
    ),
}

/** Dollars; what LiteLLM takes an unknown price for. */
const UNKNOWN_PRICE = 1

function lowest(contenders: readonly Contender[], measure: (contender: Contender) => number): readonly Contender[] {
  const measured = contenders.map(measure)
  const least = Math.min(...measured)
  return contenders.filter((_contender, index) => measured[index] === least)
}

function any<Item>(items: readonly Item[], random: () => number): Item {
  return items[Math.floor(random() * items.length)]!
}

/** The load in shares: by weight when any has one, else by `rpm`, else by `tpm`, else equal. */
function shareOut(contenders: readonly Contender[], random: () => number): Contender {
  const share = shareIn(contenders)
  if (share === undefined) return any(contenders, random)
  let rest = random() * contenders.reduce((sum, { deployment }) => sum + (deployment.traits[share] ?? 0), 0)
  for (const contender of contenders) {
    rest -= contender.deployment.traits[share] ?? 0
    if (rest < 0) return contender
  }
  return any(contenders, random)
}

const shares = ['weight', 'rpm', 'tpm'] as const satisfies readonly (keyof Traits)[]

function shareIn(contenders: readonly Contender[]): (typeof shares)[number] | undefined {
  for (const name of shares)
    for (const { deployment } of contenders) if (deployment.traits[name] !== undefined) return name
  return undefined
}
