import { GatewayError } from '@tianjillm/core'
import type { CustomerStanding } from '@tianjillm/tenancy'
import { type AccessGroups, confinementOf, demandUse } from './confinement.ts'
import { holderOfCustomer } from './holder.ts'
import { type Holds, holdsByModel, holdsOf, joined, type Share } from './holds.ts'

/** A client's own customer, for whom calls are made. */
export interface Customer {
  /** Throws GatewayError `permission_denied` when it is blocked, or may not use one of these models. */
  demandUse(models: readonly string[]): void
  /** What calls for it are held to that ask for a model; undefined: nothing. */
  holdsFor(model: string): Holds | undefined
}

/** The customer of that standing. */
export function customerOf(standing: CustomerStanding, accessGroups: AccessGroups, share: Share): Customer {
  const holder = holderOfCustomer(standing)
  const { owner, isBlocked } = holder
  const confined = [confinementOf({ ...holder, kind: 'customer' }, accessGroups) ?? []].flat()
  const holds = holdsOf([holder], share)
  const byModel = holdsByModel([holder])
  return {
    demandUse(models) {
      if (isBlocked)
        throw new GatewayError('permission_denied', `The gateway has blocked ${owner}.`, { code: 'customer_blocked' })
      for (const model of models) demandUse(confined, model)
    },
    holdsFor: (model) => joined(holds, byModel?.(model)),
  }
}
