import type { Caller } from '@tianjillm/core'
import type { Holds } from './holds.ts'

const accounts = new WeakMap<Caller, Holds>()

/** Remembers what the calls of a caller are held to, for when they are over: its report has the same caller. */
export function keepAccount(caller: Caller, holds: Holds): void {
  accounts.set(caller, holds)
}

/** What the calls of this caller are held to; undefined: nothing. */
export function accountOf(caller: Caller): Holds | undefined {
  return accounts.get(caller)
}
