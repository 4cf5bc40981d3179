import type { AskModel, JsonObject } from '@tianjillm/core'

/** How much a prompt asks of a model, the least first. */
export const tiers = ['SIMPLE', 'MEDIUM', 'COMPLEX', 'REASONING'] as const

export type Tier = (typeof tiers)[number]

/** What one signal adds to a score. */
export interface Contribution {
  readonly signal: string
  /** From -1 for simple to 1 for complex. */
  readonly value: number
  readonly weight: number
  /** Value times weight. */
  readonly contribution: number
  /** Entries of word lists that were found; never other words of the prompt. */
  readonly found?: readonly string[]
}

/** Which model group gets a request, and why. */
export interface Decision {
  readonly model: string
  /** In words, one reason after the other; never the prompt's own. */
  readonly why: readonly string[]
  readonly tier?: Tier
  /** Whether the prompt looked simple, but not clearly enough for the cheapest model. */
  readonly abstains?: boolean
  /** Name of the route whose utterances came closest. */
  readonly route?: string
  readonly score?: number
  readonly signals?: readonly Contribution[]
}

/** In whose course a decision is made. */
export interface Occasion {
  /** Asks models in the course of the call that is routed. */
  readonly ask: AskModel
  /** Asks models on the gateway's own account, for what outlives the call. */
  readonly askApart: AskModel
}

/** Chooses a model group by what a request says. */
export interface AutoRouter {
  /** Decides for a request as a client sends it. Falls back to its default rather than reject; it rejects when the call itself has ended. */
  choose(input: JsonObject, occasion: Occasion): Promise<Decision>
}
