import { isGatewayError } from '@tianjillm/core'
import type { Store } from '@tianjillm/store'
import { describeOnBoth } from '@tianjillm/testing'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Directory } from '../src/index.ts'
import { admin, directoryIn } from './support.ts'

const user_id = fc.constantFrom('ada', 'bob')
const team_id = fc.constantFrom('blue', 'red')
const organization_id = fc.constantFrom('acme', null)
const budget_id = fc.constantFrom('small', null)
const key = fc.constantFrom('sk-1', 'sk-2', 'sk-3')

/** Something that is done, and with what. */
interface Step {
  readonly act: string
  readonly user_id: string
  readonly team_id: string
  readonly organization_id: string | null
  readonly budget_id: string | null
  readonly key: string
}

const acts: Readonly<Record<string, (directory: Directory, step: Step) => Promise<unknown>>> = {
  makeUser: ({ users }: Directory, { user_id, team_id, budget_id }: Step) =>
    users.create({ user_id, teams: [team_id], budget_id }, admin),
  deleteUser: ({ users }: Directory, { user_id }: Step) => users.delete({ user_ids: [user_id] }, admin),
  makeTeam: ({ teams }: Directory, { team_id, user_id, organization_id }: Step) =>
    teams.create({ team_id, organization_id, members_with_roles: [{ user_id }] }, admin),
  moveTeam: ({ teams }: Directory, { team_id, organization_id }: Step) =>
    teams.update({ team_id, organization_id }, admin),
  deleteTeam: ({ teams }: Directory, { team_id }: Step) => teams.delete({ team_ids: [team_id] }, admin),
  addMember: ({ teams }: Directory, { team_id, user_id, budget_id }: Step) =>
    teams.addMembers({ team_id, member: { user_id }, budget_id }, admin),
  removeMember: ({ teams }: Directory, { team_id, user_id }: Step) => teams.removeMember({ team_id, user_id }, admin),
  makeOrganization: ({ organizations }: Directory, { budget_id }: Step) =>
    organizations.create({ organization_id: 'acme', organization_alias: 'Acme', budget_id }, admin),
  deleteOrganization: ({ organizations }: Directory) => organizations.delete({ organization_ids: ['acme'] }, admin),
  makeBudget: ({ budgets }: Directory) => budgets.create({ budget_id: 'small' }, admin),
  deleteBudget: ({ budgets }: Directory) => budgets.delete({ id: 'small' }, admin),
  makeKey: ({ keys }: Directory, { act: _, ...fields }: Step) => keys.generate({ ...fields, spend: 1 }, admin),
  moveKey: ({ keys }: Directory, { act: _, ...fields }: Step) => keys.update(fields, admin),
  renewKey: ({ keys }: Directory, { key }: Step) => keys.regenerate(key, { new_key: key }, admin),
  deleteKey: ({ keys }: Directory, { key }: Step) => keys.delete({ keys: [key] }, admin),
}

const step: fc.Arbitrary<Step> = fc.record({
  act: fc.constantFrom(...Object.keys(acts)),
  ...{ user_id, team_id, organization_id, budget_id, key },
})

/** All that refers to something which is not there. */
async function orphansIn({ database }: Store): Promise<readonly unknown[]> {
  const all = async (table: 'tianji_users' | 'tianji_teams' | 'tianji_organizations' | 'tianji_budgets', id: string) =>
    new Set(
      (
        await database
          .selectFrom(table)
          .select(id as 'created_at')
          .execute()
      ).map((row) => Object.values(row)[0]),
    )
  const there: Readonly<Record<string, Set<unknown>>> = {
    user_id: await all('tianji_users', 'user_id'),
    team_id: await all('tianji_teams', 'team_id'),
    organization_id: await all('tianji_organizations', 'organization_id'),
    budget_id: await all('tianji_budgets', 'budget_id'),
  }
  const rows = [
    ...(await database.selectFrom('tianji_keys').selectAll().execute()),
    ...(await database.selectFrom('tianji_team_members').selectAll().execute()),
    ...(await database.selectFrom('tianji_users').selectAll().execute()),
    ...(await database.selectFrom('tianji_teams').selectAll().execute()),
    ...(await database.selectFrom('tianji_organizations').selectAll().execute()),
  ]
  const keys = new Set(
    (await database.selectFrom('tianji_keys').select('key_hash').execute()).map((row) => row.key_hash),
  )
  const counters = await database.selectFrom('tianji_budget_counters').selectAll().where('kind', '=', 'key').execute()
  return [
    ...rows.filter((row) =>
      Object.entries(there).some(([field, ids]) => {
        const id = (row as Readonly<Record<string, unknown>>)[field]
        return id !== undefined && id !== null && !ids.has(id)
      }),
    ),
    ...counters.filter(({ id }) => !keys.has(id)),
  ]
}

describeOnBoth('nothing', (newUrl) => {
  it.each([
    ['one after the other', 1],
    ['at the same time', 4],
  ])('refers to what is not there, whatever is done %s', async (_, together) => {
    const directory = await directoryIn(newUrl())
    const sequences = fc.array(fc.array(step, { minLength: together, maxLength: together }), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(sequences, async (sequence) => {
        for (const steps of sequence) {
          const results = await Promise.allSettled(steps.map((step) => acts[step.act]!(directory, step)))
          for (const result of results)
            if (result.status === 'rejected') expect(isGatewayError(result.reason), String(result.reason)).toBe(true)
        }
        expect(await orphansIn(directory.store)).toEqual([])
      }),
      { numRuns: 40 },
    )
  })
})
