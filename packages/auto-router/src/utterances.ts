import { type AskModel, embed, GatewayError, inTime, similarity, type Vector } from '@tianjillm/core'
import type { Route } from './semantic-config.ts'

/** How close a prompt came to a route. */
export interface Match {
  readonly route: Route
  /** Mean of its similarities among the closest of all routes. */
  readonly score: number
}

/** The meanings of all utterances, learned when first asked for. */
export interface Utterances {
  /** Learns them, once for all who ask at the same time; what was learned is kept, and after a failure the next one tries again. */
  learn(ask: AskModel): Promise<readonly Learned[]>
}

interface Learned {
  readonly route: Route
  readonly vector: Vector
}

/** Texts that are embedded at a time, and milliseconds for them. */
const BATCH = 100
const BATCH_DEADLINE = 10_000

/** Utterances that count for a score, as semantic-router has it. */
const CLOSEST = 5

/** The utterances of these routes. */
export function createUtterances(routes: readonly Route[], model: string): Utterances {
  const all = routes.flatMap((route) => route.utterances.map((text) => ({ route, text })))
  let learned: Promise<readonly Learned[]> | undefined

  const learnAll = async (ask: AskModel) => {
    const known: Learned[] = []
    for (let from = 0; from < all.length; from += BATCH) {
      const batch = all.slice(from, from + BATCH)
      const texts = batch.map(({ text }) => text)
      const vectors = await inTime(BATCH_DEADLINE, (signal) => embed(texts, model, ask, signal))
      known.push(...batch.map(({ route }, index) => ({ route, vector: vectors[index]! })))
    }
    return known
  }

  return {
    learn(ask) {
      if (learned === undefined) {
        learned = learnAll(ask)
        learned.catch(() => {
          learned = undefined
        })
      }
      return learned
    },
  }
}

/** The routes among the closest utterances, the best first. Throws GatewayError when the vectors cannot be compared. */
export function matches(prompt: Vector, known: readonly Learned[]): readonly Match[] {
  if (known.some(({ vector }) => vector.length !== prompt.length))
    throw new GatewayError('upstream_invalid_response', 'the vectors of prompt and utterances differ in length.')
  const closest = known
    .map(({ route, vector }) => ({ route, score: similarity(prompt, vector) }))
    .sort((one, other) => other.score - one.score)
    .slice(0, CLOSEST)
  return [...Map.groupBy(closest, ({ route }) => route)]
    .map(([route, hits]) => ({ route, score: hits.reduce((sum, { score }) => sum + score, 0) / hits.length }))
    .sort((one, other) => other.score - one.score)
}
