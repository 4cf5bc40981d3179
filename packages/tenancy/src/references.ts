import { GatewayError } from '@tianjillm/core'
import type { Rooms } from './rooms.ts'
import { budgets, findRow, organizations, teams } from './rows.ts'

/** What a body refers to; undefined and null refer to nothing. */
export interface References {
  readonly team_id?: string | null | undefined
  readonly organization_id?: string | null | undefined
  readonly budget_id?: string | null | undefined
}

const kinds = { team_id: teams, organization_id: organizations, budget_id: budgets } as const

/**
 * Holds what is referred to until the end of the transaction. Rejects with GatewayError `invalid_request` that names the
 * field when it is not there: a budget that does not exist holds nobody. `param` is what the body calls it.
 */
export async function demandReferences(inside: Rooms, references: References, param?: string): Promise<void> {
  for (const field of Object.keys(kinds) as (keyof typeof kinds)[]) {
    const id = references[field]
    if (id == null || (await findRow(inside, kinds[field], id, 'there')) !== undefined) continue
    const message = `\`${param ?? field}\`: there is no such ${kinds[field].noun}.`
    throw new GatewayError('invalid_request', message, { param: param ?? field })
  }
}
