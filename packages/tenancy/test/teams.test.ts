import { describeOnBoth } from '@tianjillm/testing'
import { expect, it } from 'vitest'
import { admin, contentsOf, directoryIn, NOW, refused } from './support.ts'

describeOnBoth('a team', (newUrl) => {
  it('is made with its members, who are made when they are not there', async () => {
    const { teams, users, told } = await directoryIn(newUrl())
    await users.create({ user_id: 'ada', user_email: 'ada@example.com', auto_create_key: false }, admin)
    const made = await teams.create(
      {
        ...{ team_id: 'blue', team_alias: 'Blue', models: ['gpt-*'], max_budget: 50, tags: ['eu'], metadata: { a: 1 } },
        members_with_roles: [
          { role: 'admin', user_id: 'ada' },
          { role: 'user', user_email: 'bob@example.com' },
        ],
      },
      admin,
    )
    expect(made).toMatchObject({
      ...{ team_id: 'blue', team_alias: 'Blue', models: ['gpt-*'], max_budget: 50, tags: ['eu'], metadata: { a: 1 } },
      ...{ spend: 0, blocked: false, organization_id: null },
    })
    expect(made.members_with_roles).toEqual(
      expect.arrayContaining([
        { user_id: 'ada', user_email: 'ada@example.com', role: 'admin' },
        { user_id: expect.stringMatching(/^[0-9a-f-]{36}$/), user_email: 'bob@example.com', role: 'user' },
      ]),
    )
    expect(told).toEqual([undefined, undefined])
    expect(await users.list({ user_email: 'bob' }, admin)).toMatchObject({
      users: [{ user_role: 'internal_user_viewer' }],
    })
  })

  it('is made by clients that send null for what they do not set', async () => {
    const { teams } = await directoryIn(newUrl())
    const unset = { team_alias: null, members_with_roles: null, models: null, max_budget: null, guardrails: null }
    expect(await teams.create(unset, admin)).toMatchObject({ team_alias: null, members_with_roles: [], models: [] })
  })

  it('is not there twice, and not in an organization that is not', async () => {
    const { teams, store } = await directoryIn(newUrl())
    await teams.create({ team_id: 'blue' }, admin)
    const before = await contentsOf(store)
    await expect(teams.create({ team_id: 'blue' }, admin)).rejects.toEqual(refused('team_id'))
    await expect(teams.create({ organization_id: 'nobody' }, admin)).rejects.toEqual(refused('organization_id'))
    const twice = [{ user_id: 'ada' }, { user_id: 'ada' }]
    await expect(teams.create({ members_with_roles: twice }, admin)).rejects.toEqual(refused('member', /ada/))
    expect(await contentsOf(store)).toEqual(before)
  })

  it('is changed where the body says so, and nowhere else', async () => {
    const { teams } = await directoryIn(newUrl())
    await teams.create({ team_id: 'blue', team_alias: 'Blue', max_budget: 5, tags: ['a'], tpm_limit: 9 }, admin)
    const changed = await teams.update({ team_id: 'blue', max_budget: null, tags: ['b'], spend: 2 }, admin)
    expect(changed).toMatchObject({
      team_id: 'blue',
      data: { team_alias: 'Blue', max_budget: null, tags: ['b'], tpm_limit: 9, spend: 2 },
    })
    expect(await teams.setBlocked({ team_id: 'blue' }, true, admin)).toMatchObject({ blocked: true, tpm_limit: 9 })
    expect(await teams.setBlocked({ team_id: 'blue' }, false, admin)).toMatchObject({ blocked: false })
    await expect(teams.update({ team_id: 'red' }, admin)).rejects.toMatchObject({ kind: 'not_found' })
  })

  it('is deleted with its keys and members, with others or not at all', async () => {
    const { teams, keys, users } = await directoryIn(newUrl())
    for (const team_id of ['blue', 'red'])
      await teams.create({ team_id, members_with_roles: [{ user_id: 'ada' }] }, admin)
    await keys.generate({ team_id: 'blue', key_alias: 'of blue' }, admin)
    await keys.generate({ team_id: 'red', key_alias: 'of red' }, admin)
    await expect(teams.delete({ team_ids: ['blue', 'none'] }, admin)).rejects.toMatchObject({ kind: 'not_found' })
    expect(await teams.list({}, admin)).toMatchObject({ total: 2 })
    expect(await teams.delete({ team_ids: ['blue'] }, admin)).toEqual({ deleted_teams: ['blue'] })
    expect(await keys.list({ return_full_object: true }, admin)).toMatchObject({ keys: [{ key_alias: 'of red' }] })
    expect(await users.info({ user_id: 'ada' }, admin)).toMatchObject({ teams: [{ team_id: 'red' }] })
  })

  it('is told of with its keys, and its members with what each has spent', async () => {
    const { teams, keys, store } = await directoryIn(newUrl())
    await teams.create({ team_id: 'blue', members_with_roles: { user_id: 'ada', role: 'admin' } }, admin)
    await keys.generate({ team_id: 'blue', key_alias: 'ci' }, admin)
    await store.database
      .insertInto('tianji_budget_counters')
      .values({ kind: 'member', id: '["blue","ada"]', period: 0, spend: 1_500_000_000, ends_at: null })
      .execute()
    expect(await teams.info({ team_id: 'blue' }, admin)).toMatchObject({
      team_id: 'blue',
      team_info: { team_id: 'blue' },
      keys: [{ key_alias: 'ci' }],
      team_memberships: [{ team_id: 'blue', user_id: 'ada', role: 'admin', spend: 1.5, max_budget_in_team: null }],
    })
  })

  it('is found by member, alias and organization', async () => {
    const { teams, organizations } = await directoryIn(newUrl())
    await organizations.create({ organization_id: 'acme', organization_alias: 'Acme' }, admin)
    await teams.create({ team_id: 'blue', team_alias: 'Blue', organization_id: 'acme' }, admin)
    await teams.create({ team_id: 'red', members_with_roles: [{ user_id: 'ada' }] }, admin)
    expect(await teams.list({ user_id: 'ada' }, admin)).toMatchObject({ total: 1, teams: [{ team_id: 'red' }] })
    for (const query of [{ team_alias: 'Blue' }, { organization_id: 'acme' }, { team_id: 'blue' }])
      expect(await teams.list(query, admin)).toMatchObject({ total: 1, teams: [{ team_id: 'blue' }] })
    expect(await teams.list({ page: 2, page_size: 1 }, admin)).toMatchObject({ total: 2, total_pages: 2, page: 2 })
  })
})

describeOnBoth('members of a team', (newUrl) => {
  it('are added, one or several, with what they are held to', async () => {
    const { teams, budgets } = await directoryIn(newUrl())
    await teams.create({ team_id: 'blue' }, admin)
    await budgets.create({ budget_id: 'small', max_budget: 1, rpm_limit: 3 }, admin)
    const one = { role: 'admin', user_id: 'ada' }
    const added = await teams.addMembers(
      { team_id: 'blue', member: one, max_budget_in_team: 2, budget_duration: '1d' },
      admin,
    )
    expect(added).toMatchObject({
      team_id: 'blue',
      members_with_roles: [{ user_id: 'ada', role: 'admin' }],
      updated_team_memberships: [
        {
          ...{ user_id: 'ada', budget_id: null, max_budget_in_team: 2, budget_duration: '1d' },
          litellm_budget_table: { max_budget: 2, budget_reset_at: new Date(NOW + 86_400_000).toISOString() },
        },
      ],
    })
    const more = [{ user_id: 'bob' }, { role: 'user', user_email: 'eve@example.com' }]
    const held = await teams.addMembers({ team_id: 'blue', member: more, budget_id: 'small' }, admin)
    expect(held.members_with_roles).toHaveLength(3)
    expect(held.updated_team_memberships).toHaveLength(2)
    expect(held).toMatchObject({
      updated_team_memberships: [{ litellm_budget_table: { budget_id: 'small', max_budget: 1, rpm_limit: 3 } }, {}],
    })
  })

  it('are added all or not at all, and not twice', async () => {
    const { teams, store } = await directoryIn(newUrl())
    await teams.create({ team_id: 'blue', members_with_roles: [{ user_id: 'ada' }] }, admin)
    const before = await contentsOf(store)
    const both = [{ user_id: 'bob' }, { user_id: 'ada' }]
    await expect(teams.addMembers({ team_id: 'blue', member: both }, admin)).rejects.toEqual(refused('member', /ada/))
    await expect(teams.addMembers({ team_id: 'red', member: both }, admin)).rejects.toMatchObject({ kind: 'not_found' })
    await expect(teams.addMembers({ team_id: 'blue', member: [{}] }, admin)).rejects.toEqual(refused('user_id'))
    await expect(teams.addMembers({ team_id: 'blue', member: [] }, admin)).rejects.toEqual(refused('member'))
    const boss = { user_id: 'bob', role: 'boss' }
    await expect(teams.addMembers({ team_id: 'blue', member: boss }, admin)).rejects.toEqual(
      refused('member.0.role', /admin or user/),
    )
    expect(await contentsOf(store)).toEqual(before)
  })

  it('are changed where the body says so', async () => {
    const { teams } = await directoryIn(newUrl())
    const member = { user_email: 'ada@example.com' }
    await teams.create({ team_id: 'blue' }, admin)
    await teams.addMembers({ team_id: 'blue', member, max_budget_in_team: 2, rpm_limit: 7 }, admin)
    const named = { team_id: 'blue', user_email: 'ADA@example.com' }
    expect(await teams.updateMember({ ...named, role: 'admin', rpm_limit: null }, admin)).toMatchObject({
      ...{ role: 'admin', max_budget_in_team: 2, rpm_limit: null },
    })
    expect(await teams.updateMember(named, admin)).toMatchObject({ role: 'admin', max_budget_in_team: 2 })
    const nobody = { team_id: 'blue', user_id: 'nobody', role: 'admin' }
    await expect(teams.updateMember(nobody, admin)).rejects.toMatchObject({ kind: 'not_found' })
  })

  it('leave with the keys that they had for the team, and keep all others', async () => {
    const { teams, keys } = await directoryIn(newUrl())
    await teams.create({ team_id: 'blue', members_with_roles: [{ user_id: 'ada' }, { user_id: 'bob' }] }, admin)
    await keys.generate({ team_id: 'blue', user_id: 'ada' }, admin)
    await keys.generate({ user_id: 'ada', key_alias: 'own' }, admin)
    await keys.generate({ team_id: 'blue', user_id: 'bob', key_alias: 'of bob' }, admin)
    const left = await teams.removeMember({ team_id: 'blue', user_id: 'ada' }, admin)
    expect(left).toMatchObject({ members_with_roles: [{ user_id: 'bob' }] })
    const { keys: rest } = await keys.list({ return_full_object: true }, admin)
    expect((rest as { key_alias: string }[]).map(({ key_alias }) => key_alias).sort()).toEqual(['of bob', 'own'])
    await expect(teams.removeMember({ team_id: 'blue', user_id: 'ada' }, admin)).rejects.toMatchObject({
      kind: 'not_found',
    })
  })
})
