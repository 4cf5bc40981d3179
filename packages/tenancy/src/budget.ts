import type { Nano, Time } from '@tianjillm/store'

/** What may be spent, by whom or on what. */
export interface Budget {
  /** Whose it is, as counters have it: `key`, `team`… */
  readonly kind: string
  readonly id: string
  /** For messages: `the key "ci"`. */
  readonly owner: string
  /** The name that its owner goes by, if any. */
  readonly alias?: string | undefined
  /** Undefined: it is only counted, or warned of. */
  readonly max?: Nano | undefined
  /** Where a warning is logged. */
  readonly soft?: Nano | undefined
  /** Undefined: for good. */
  readonly duration?: string | undefined
  /** When its first period began. */
  readonly startedAt?: Time | undefined
}

/** How much of a budget has gone. */
export interface BudgetState {
  readonly spend: Nano
  /** When its period ends; null: never. */
  readonly endsAt: Time | null
}
