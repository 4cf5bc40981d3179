import type { Awaitable } from '@tianjillm/core'
import type { Store } from '@tianjillm/store'

/** What keys, people and budgets are made and changed with. */
export interface Rooms {
  readonly store: Store
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Told after every change: of the key with that hash, or of anything that keys belong to. */
  readonly changed: (keyHash?: string) => Awaitable<void>
}
