import type { Awaitable } from '@tianjillm/core'

/** Keeps texts for a while. What it cannot keep or give it leaves out: a store never throws. */
export interface Store {
  /** Undefined when there is none, or no more. */
  get(key: string): Awaitable<string | undefined>
  /** `life` in milliseconds. */
  set(key: string, value: string, life: number): Awaitable<void>
  delete(key: string): Awaitable<void>
  /** Forgets everything that this store has kept, and nothing of others who share its server or folder. */
  clear(): Awaitable<void>
}
