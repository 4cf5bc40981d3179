import type { Caller } from '@tianjillm/core'
import type { Holds } from './holds.ts'

const accounts = new WeakMap<Caller, Holds>()

/** Remembers what a call is held to, for when it is over and what it used is known: its report has the same caller. */
export function keepAccount(caller: Caller, holds: Holds): void {
  accounts.set(caller, holds)
}

/** What the calls of this caller are held to; undefined: nothing. */
export function accountOf(caller: Caller): Holds | undefined {
  return accounts.get(caller)
}
