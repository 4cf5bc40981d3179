import { openStore, type Store } from '@tianjillm/store'
import { expect, onTestFinished } from 'vitest'
import { type Actor, createDirectory, type Directory } from '../src/index.ts'

/** When all of these tests happen. */
export const NOW: number = Date.UTC(2026, 10, 21, 12)

/** The master key. */
export const admin: Actor = { role: 'proxy_admin', keyHash: undefined, userId: undefined, teamId: undefined }

/** A directory, its store, and the keys that it told had changed; undefined: anything else had. */
export interface TestDirectory extends Directory {
  readonly store: Store
  readonly told: (string | undefined)[]
}

/** The directory of an empty database, which is closed with the test. */
export async function directoryIn(url: string): Promise<TestDirectory> {
  const store = await openStore({ url })
  onTestFinished(() => store.close())
  const told: (string | undefined)[] = []
  const changed = (keyHash?: string) => {
    told.push(keyHash)
  }
  return { ...createDirectory({ store, now: () => NOW, changed }), store, told }
}

/** An error that names a field. */
export function refused(param: string, message: RegExp = /./): unknown {
  return expect.objectContaining({
    kind: 'invalid_request',
    message: expect.stringMatching(message),
    facts: expect.objectContaining({ param }),
  })
}

/** All that a store has, to be compared. */
export async function contentsOf({ database }: Store): Promise<unknown> {
  const tables = [
    'tianji_keys',
    'tianji_users',
    'tianji_teams',
    'tianji_team_members',
    'tianji_organizations',
    'tianji_end_users',
    'tianji_budgets',
    'tianji_budget_counters',
  ] as const
  return Promise.all(tables.map((table) => database.selectFrom(table).selectAll().execute()))
}
