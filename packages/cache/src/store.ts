import type { Awaitable } from '@tianjillm/core'

/** Keeps texts for a while. What it cannot keep or give it leaves out: a store never throws. */
export interface Store {
  /** Undefined when there is none, or no more. */
  get(key: string): Awaitable<string | undefined>
  /** `life` in milliseconds. */
  set(key: string, value: string, life: number): Awaitable<void>
}
