import type { Awaitable, Caller } from '@tianjillm/core'
import type { Budget } from '@tianjillm/tenancy'
import type { Entry } from '../books.ts'
import { keepAccount } from './account.ts'
import { admit, type Counters } from './admit.ts'
import type { Customer } from './customer.ts'
import { type Holds, holdsOf, joined, type Share } from './holds.ts'
import type { Identity } from './identity.ts'

/** Holds calls to what those are held to whom they are put down to. */
export interface Admission {
  /** Before the request is read: by who makes it. A promise only where somebody has to be asked. */
  ofCaller(identity: Identity, headers: string[], entry: Place): Promise<void> | undefined
  /** Once it is read: by what it asks for, and for whom. */
  ofRequest(identity: Identity, request: Requested, headers: string[], entry: Place): Promise<void> | undefined
}

/** A call's place among those under way. */
export type Place = Pick<Entry, 'hold'>

/** What is known of a request when it is read. */
export interface Requested {
  readonly caller: Caller
  readonly model: string
  /** All that it may come to ask: the model and what may stand in for it; none of what is no model. */
  readonly models: readonly string[]
  readonly tags: readonly string[]
}

/** What admission goes by. */
export interface AdmissionParts extends Counters {
  readonly share: Share
  /** A client's own customer; undefined when there are none. */
  readonly findCustomer: ((id: string) => Awaitable<Customer | undefined>) | undefined
  readonly tagBudgets: ReadonlyMap<string, Budget>
}

/** Where something is left to be put down when the call is over. */
function keep(caller: Caller, holds: Holds): void {
  if (holds.tokens.length + holds.budgets.length > 0) keepAccount(caller, holds)
}

/** Admission by these. All of them throw, or reject with, GatewayError `rate_limited`, `budget_exceeded` or `permission_denied`. */
export function createAdmission(parts: AdmissionParts): Admission {
  const { share, findCustomer, tagBudgets } = parts
  /** Whether requests are alike, whatever they ask for. */
  const isSimple = findCustomer === undefined && tagBudgets.size === 0

  const hold = (holds: Holds | undefined, headers: string[], entry: Place): Promise<void> | undefined => {
    if (holds === undefined) return undefined
    const asking = admit(parts, holds, headers)
    if (asking !== undefined) return asking.then(() => entry.hold(holds.parallel))
    entry.hold(holds.parallel)
    return undefined
  }

  return {
    ofCaller: ({ holds }, headers, entry) => hold(holds, headers, entry),
    ofRequest(identity, { caller, model, models, tags }, headers, entry) {
      if (isSimple && identity.holdsFor === undefined) {
        if (identity.holds !== undefined) keep(caller, identity.holds)
        return undefined
      }
      const { endUserId } = caller
      const customer = endUserId === undefined ? undefined : findCustomer?.(endUserId)
      const go = (found: Customer | undefined) => {
        found?.demandUse(models)
        const own = identity.holdsFor?.(model)
        const theirs = found?.holdsFor(model)
        const spent = tagBudgets.size > 0 && tags.length > 0 ? holdsOf([], share, budgetsOf(tags)) : undefined
        const further = joined(joined(own, theirs), spent)
        const all = joined(identity.holds, further)
        if (all !== undefined) keep(caller, all)
        return hold(further, headers, entry)
      }
      return customer instanceof Promise ? customer.then(go) : go(customer)
    },
  }

  function budgetsOf(tags: readonly string[]): readonly Budget[] {
    return [...new Set(tags)].flatMap((tag) => tagBudgets.get(tag) ?? [])
  }
}
