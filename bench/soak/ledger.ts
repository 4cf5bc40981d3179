import type { Seen } from './ask.ts'
import { possibleOutcomes } from './behaviours.ts'
import type { PlannedCall } from './calls.ts'

interface Entry extends Seen {
  readonly kind: string
  readonly isRefused: boolean
  readonly isExplained: boolean
}

/** What the books say in the end. */
export interface Balance {
  readonly calls: number
  /** How often each outcome was seen. */
  readonly outcomes: ReadonlyMap<string, number>
  /** All as `id kind: outcome`. */
  readonly unexplained: readonly string[]
  readonly internalErrors: readonly string[]
  /** Answered calls that were not reported. */
  readonly lost: readonly string[]
  readonly reportedTwice: readonly string[]
  /** Reports of refused calls, and of calls nobody made. */
  readonly strangers: readonly string[]
  readonly reported: number
}

/** The books: what clients saw of each call, and how often it was reported. */
export class Ledger {
  readonly #seed: string
  readonly #entries = new Map<string, Entry>()
  readonly #reports = new Map<string, number>()

  constructor(seed: string) {
    this.#seed = seed
  }

  get size(): number {
    return this.#entries.size
  }

  enter(id: string, call: PlannedCall, seen: Seen): void {
    const { kind, isRefused } = call
    this.#entries.set(id, { ...seen, kind, isRefused, isExplained: this.#explains(id, call, seen) })
  }

  report(ids: readonly string[]): void {
    for (const id of ids) this.#reports.set(id, (this.#reports.get(id) ?? 0) + 1)
  }

  balance(): Balance {
    const entries = [...this.#entries]
    const pick = (isWanted: (entry: Entry, reports: number) => boolean) =>
      entries
        .filter(([id, entry]) => isWanted(entry, this.#reports.get(id) ?? 0))
        .map(([id, { kind, outcome }]) => `${id} ${kind}: ${outcome}`)
    const outcomes = Map.groupBy(entries, ([, { outcome }]) => outcome)
    return {
      calls: entries.length,
      outcomes: new Map([...outcomes].map(([outcome, { length }]) => [outcome, length])),
      unexplained: pick(({ isExplained }) => !isExplained),
      internalErrors: pick(({ outcome }) => outcome.endsWith(' internal_error')),
      lost: pick(({ isAnswered, isRefused }, reports) => isAnswered && !isRefused && reports === 0),
      reportedTwice: pick((_, reports) => reports > 1),
      strangers: [
        ...pick(({ isRefused }, reports) => isRefused && reports > 0),
        ...[...this.#reports.keys()].filter((id) => !this.#entries.has(id)),
      ],
      reported: [...this.#reports.values()].reduce((sum, count) => sum + count, 0),
    }
  }

  #explains(id: string, { vendors, isStream, outcome, leaves }: PlannedCall, seen: Seen): boolean {
    if (seen.outcome === 'left' && (leaves.afterTime ?? leaves.afterPieces) !== undefined) return true
    if (outcome !== undefined) return seen.outcome === outcome
    return possibleOutcomes(this.#seed, id, vendors, isStream).has(seen.outcome)
  }
}
