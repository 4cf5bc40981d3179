import { isGatewayError } from '@tianjillm/core'
import { describeOnBoth } from '@tianjillm/testing'
import { expect, it } from 'vitest'
import type { Actor } from '../src/index.ts'
import { admin, contentsOf, directoryIn, type TestDirectory } from './support.ts'

/** Who asks: each is a user with a key of its own, but for the first. */
const people = {
  K: { title: 'a key of nobody', userId: undefined, role: undefined },
  v: { title: 'an internal_user_viewer', userId: 'vera', role: 'internal_user_viewer' },
  u: { title: 'an internal_user', userId: 'ida', role: 'internal_user' },
  m: { title: 'a member of the team blue', userId: 'mia', role: 'internal_user' },
  t: { title: 'an admin of the team blue', userId: 'tom', role: 'internal_user' },
  V: { title: 'a proxy_admin_viewer', userId: 'val', role: 'proxy_admin_viewer' },
  A: { title: 'a proxy_admin', userId: 'ann', role: 'proxy_admin' },
} as const

const letters = ['K', 'v', 'u', 'm', 't', 'V', 'A'] as const

type Act = (directory: TestDirectory, by: Actor) => Promise<unknown>

/** What may be asked of a directory, and who may, by their letters above. */
const acts: readonly (readonly [title: string, who: string, act: Act])[] = [
  ['look at its own key', 'KvumtVA', ({ keys }, by) => keys.info(by.keyHash!, by)],
  ["look at another's key", 'VA', ({ keys }, by) => keys.info('sk-of-eve', by)],
  ["look at a key of the team blue's", 'tVA', ({ keys }, by) => keys.info('sk-of-blue', by)],
  ['look at a key of a member of blue', 'tVA', ({ keys }, by) => keys.info('sk-of-max', by)],
  ["list the team blue's keys", 'tVA', ({ keys }, by) => keys.list({ team_id: 'blue' }, by)],
  ['make a key for itself', 'umtA', ({ keys }, by) => keys.generate({}, by)],
  ['make a key for another', 'A', ({ keys }, by) => keys.generate({ user_id: 'eve' }, by)],
  ['make a key for the team blue', 'tA', ({ keys }, by) => keys.generate({ team_id: 'blue' }, by)],
  [
    'make a key for itself in the team blue',
    'mtA',
    ({ keys }, by) => keys.generate({ user_id: by.userId ?? 'x', team_id: 'blue' }, by),
  ],
  [
    'make a key in the name of another member of blue',
    'A',
    ({ keys }, by) => keys.generate({ user_id: 'ann2', team_id: 'blue' }, by),
  ],
  ['make a key for the team red', 'A', ({ keys }, by) => keys.generate({ team_id: 'red' }, by)],
  ['make a key for an organization', 'A', ({ keys }, by) => keys.generate({ organization_id: 'acme' }, by)],
  ['make a key with a named budget', 'A', ({ keys }, by) => keys.generate({ budget_id: 'small' }, by)],
  ['rename its own key', 'umtA', ({ keys }, by) => keys.update({ key: by.keyHash, key_alias: `of ${by.userId}` }, by)],
  ['raise the budget of its own key', 'A', ({ keys }, by) => keys.update({ key: by.keyHash, max_budget: 9 }, by)],
  ['give its own key to the team blue', 'A', ({ keys }, by) => keys.update({ key: by.keyHash, team_id: 'blue' }, by)],
  ["change another's key", 'A', ({ keys }, by) => keys.update({ key: 'sk-of-eve', metadata: {} }, by)],
  ["limit a key of the team blue's", 'tA', ({ keys }, by) => keys.update({ key: 'sk-of-blue', rpm_limit: 1 }, by)],
  ['block its own key', 'umtA', ({ keys }, by) => keys.setBlocked({ key: by.keyHash }, true, by)],
  ['let its own key in again', 'A', ({ keys }, by) => keys.setBlocked({ key: by.keyHash }, false, by)],
  [
    'give a key of blue a new secret',
    'tA',
    ({ keys }, by) => keys.regenerate('sk-of-blue', { new_key: 'sk-of-blue' }, by),
  ],
  [
    'give the key of another member of blue a new secret',
    'A',
    ({ keys }, by) => keys.regenerate('sk-of-max', { new_key: 'sk-of-max' }, by),
  ],
  ["delete another's key", 'A', ({ keys }, by) => keys.delete({ keys: ['sk-of-eve'] }, by)],
  ['delete a key of a member of blue', 'tA', ({ keys }, by) => keys.delete({ keys: ['sk-of-max'] }, by)],

  ['look at itself', 'vumtVA', ({ users }, by) => users.info({ user_id: by.userId ?? 'x' }, by)],
  ['look at another user', 'VA', ({ users }, by) => users.info({ user_id: 'eve' }, by)],
  ['make a user', 'A', ({ users }, by) => users.create({}, by)],
  ['change itself', 'A', ({ users }, by) => users.update({ user_id: by.userId ?? 'x', user_role: 'proxy_admin' }, by)],
  ['change another user', 'A', ({ users }, by) => users.update({ user_id: 'eve', user_alias: 'x' }, by)],
  ['block a user', 'A', ({ users }, by) => users.setBlocked({ user_ids: ['eve'] }, true, by)],
  ['delete a user', 'A', ({ users }, by) => users.delete({ user_ids: ['eve'] }, by)],

  ['look at the team blue', 'mtVA', ({ teams }, by) => teams.info({ team_id: 'blue' }, by)],
  ['look at the team red', 'VA', ({ teams }, by) => teams.info({ team_id: 'red' }, by)],
  ["list another's teams", 'VA', ({ teams }, by) => teams.list({ user_id: 'max' }, by)],
  ['make a team', 'A', ({ teams }, by) => teams.create({}, by)],
  ['rename the team blue', 'tA', ({ teams }, by) => teams.update({ team_id: 'blue', team_alias: 'x' }, by)],
  ['rename the team red', 'A', ({ teams }, by) => teams.update({ team_id: 'red', team_alias: 'x' }, by)],
  ...[
    { max_budget: 9 },
    { budget_duration: null },
    { rpm_limit: null },
    { model_max_budget: {} },
    { models: [] },
    { metadata: {} },
    { tags: [] },
    { blocked: false },
    { spend: 0 },
    { organization_id: null },
  ].map((field): (typeof acts)[number] => [
    `set ${Object.keys(field)} of the team blue`,
    'A',
    ({ teams }, by) => teams.update({ team_id: 'blue', ...field }, by),
  ]),
  ['block the team blue', 'A', ({ teams }, by) => teams.setBlocked({ team_id: 'blue' }, true, by)],
  [
    'add to the team blue',
    'tA',
    ({ teams }, by) => teams.addMembers({ team_id: 'blue', member: { user_id: 'new' } }, by),
  ],
  ['add to the team red', 'A', ({ teams }, by) => teams.addMembers({ team_id: 'red', member: { user_id: 'new' } }, by)],
  [
    'give a member of blue a named budget',
    'A',
    ({ teams }, by) => teams.updateMember({ team_id: 'blue', user_id: 'max', budget_id: 'small' }, by),
  ],
  [
    'limit a member of blue',
    'tA',
    ({ teams }, by) => teams.updateMember({ team_id: 'blue', user_id: 'max', max_budget_in_team: 1 }, by),
  ],
  [
    'make a member an admin of blue, itself or not',
    'tA',
    ({ teams }, by) => teams.updateMember({ team_id: 'blue', user_id: 'mia', role: 'admin' }, by),
  ],
  ['take somebody out of blue', 'tA', ({ teams }, by) => teams.removeMember({ team_id: 'blue', user_id: 'max' }, by)],
  ['take somebody out of red', 'A', ({ teams }, by) => teams.removeMember({ team_id: 'red', user_id: 'eva' }, by)],
  ['delete the team blue', 'A', ({ teams }, by) => teams.delete({ team_ids: ['blue'] }, by)],

  ['look at an organization', 'VA', ({ organizations }, by) => organizations.info({ organization_id: 'acme' }, by)],
  ['list organizations', 'VA', ({ organizations }, by) => organizations.list({}, by)],
  ['make an organization', 'A', ({ organizations }, by) => organizations.create({ organization_alias: 'x' }, by)],
  ['change an organization', 'A', ({ organizations }, by) => organizations.update({ organization_id: 'acme' }, by)],
  ['delete an organization', 'A', ({ organizations }, by) => organizations.delete({ organization_ids: ['acme'] }, by)],
  ['look at a customer', 'VA', ({ customers }, by) => customers.info({ end_user_id: 'c1' }, by)],
  ['list customers', 'VA', ({ customers }, by) => customers.list({}, by)],
  ['make a customer', 'A', ({ customers }, by) => customers.create({ user_id: 'c2' }, by)],
  ['change a customer', 'A', ({ customers }, by) => customers.update({ user_id: 'c1', max_budget: 1 }, by)],
  ['block a customer', 'A', ({ customers }, by) => customers.setBlocked({ user_ids: ['c1'] }, true, by)],
  ['delete a customer', 'A', ({ customers }, by) => customers.delete({ user_ids: ['c1'] }, by)],
  ['look at a budget', 'VA', ({ budgets }, by) => budgets.info({ budgets: ['small'] }, by)],
  ['list budgets', 'VA', ({ budgets }, by) => budgets.list({}, by)],
  ['make a budget', 'A', ({ budgets }, by) => budgets.create({}, by)],
  ['change a budget', 'A', ({ budgets }, by) => budgets.update({ budget_id: 'small', max_budget: 9 }, by)],
  ['delete a budget', 'A', ({ budgets }, by) => budgets.delete({ id: 'unused' }, by)],
]

/** The people above, two teams with others in them, and one of all else. Gives what somebody is to it. */
async function settle({ keys, users, teams, ...rest }: TestDirectory): Promise<(who: keyof typeof people) => Actor> {
  await rest.organizations.create({ organization_id: 'acme', organization_alias: 'Acme' }, admin)
  await rest.customers.create({ user_id: 'c1' }, admin)
  await rest.budgets.create({ budget_id: 'small', max_budget: 1 }, admin)
  await rest.budgets.create({ budget_id: 'unused' }, admin)
  await teams.create({ team_id: 'blue', members_with_roles: [{ user_id: 'mia' }, { user_id: 'max' }] }, admin)
  await teams.create({ team_id: 'red', members_with_roles: [{ user_id: 'eve' }, { user_id: 'eva' }] }, admin)
  await teams.addMembers({ team_id: 'blue', member: { user_id: 'tom', role: 'admin' } }, admin)
  await keys.generate({ key: 'sk-of-eve', user_id: 'eve', team_id: 'red' }, admin)
  await keys.generate({ key: 'sk-of-blue', team_id: 'blue' }, admin)
  await keys.generate({ key: 'sk-of-max', user_id: 'max', team_id: 'blue' }, admin)
  const hashes = new Map<string | undefined, string>()
  for (const { userId } of Object.values(people))
    hashes.set(userId, String((await keys.generate({ user_id: userId ?? null }, admin)).token))
  return (who) => {
    const { userId, role } = people[who]
    return { role, userId, keyHash: hashes.get(userId), teamId: undefined }
  }
}

describeOnBoth('what may be done to keys, people and budgets', (newUrl) => {
  it.each(letters.map((letter) => ({ letter, title: people[letter].title })))('by $title', async ({ letter }) => {
    const directory = await directoryIn(newUrl())
    const by = (await settle(directory))(letter)
    const done: string[] = []
    for (const [title, , act] of acts) {
      const before = await contentsOf(directory.store)
      const error = await act(directory, by).catch((error: unknown) => error)
      const isDenied = isGatewayError(error) && error.kind === 'permission_denied'
      if (isDenied) expect(await contentsOf(directory.store), title).toEqual(before)
      else done.push(title)
      if (!isDenied) expect(error, title).not.toBeInstanceOf(Error)
    }
    expect(done).toEqual(acts.filter(([, who]) => who.includes(letter)).map(([title]) => title))
  })

  it('is denied in the same words whether or not there is such a thing', async () => {
    const directory = await directoryIn(newUrl())
    const by = (await settle(directory))('t')
    const refusalOf = (act: Promise<unknown>) =>
      act.then(String, ({ message, facts }) => JSON.stringify([message, facts]))
    const { keys, users, teams } = directory
    const acts: readonly (readonly [there: string, absent: string, act: (name: string) => Promise<unknown>])[] = [
      ['sk-of-eve', 'sk-of-nobody', (key) => keys.info(key, by)],
      ['sk-of-eve', 'sk-of-nobody', (key) => keys.delete({ keys: [key] }, by)],
      ['eve', 'nobody', (user_id) => users.info({ user_id }, by)],
      ['eve', 'nobody', (user_id) => teams.list({ user_id }, by)],
      ['red', 'none', (team_id) => teams.info({ team_id }, by)],
      ['red', 'none', (team_id) => teams.update({ team_id, team_alias: 'x' }, by)],
      ['red', 'none', (team_id) => teams.addMembers({ team_id, member: { user_id: 'tom' } }, by)],
      ['red', 'none', (team_id) => keys.generate({ team_id }, by)],
    ]
    for (const [there, absent, act] of acts) {
      const refusal = await refusalOf(act(there))
      expect(refusal).toContain('may not')
      expect(await refusalOf(act(absent))).toBe(refusal)
    }
  })

  it('tells members of their own keys and memberships, and admins of all', async () => {
    const directory = await directoryIn(newUrl())
    const actor = await settle(directory)
    const { teams, users, keys } = directory
    const told = async (who: keyof typeof people) => {
      const info = await teams.info({ team_id: 'blue' }, actor(who))
      return [info.keys, info.team_memberships].map((list) => (list as unknown[]).length)
    }
    expect([await told('m'), await told('t'), await told('V')]).toEqual([
      [0, 1],
      [2, 3],
      [2, 3],
    ])
    expect(await users.list({}, actor('t'))).toMatchObject({ total: 1, users: [{ user_id: 'tom' }] })
    expect(await users.list({}, actor('K'))).toMatchObject({ total: 0 })
    expect(await teams.list({}, actor('m'))).toMatchObject({ total: 1, teams: [{ team_id: 'blue' }] })
    expect(await teams.list({}, actor('u'))).toMatchObject({ total: 0 })
    expect(await teams.list({}, { ...actor('K'), teamId: 'red' })).toMatchObject({ teams: [{ team_id: 'red' }] })
    expect(await keys.list({}, actor('u'))).toMatchObject({ total_count: 1 })
  })
})
