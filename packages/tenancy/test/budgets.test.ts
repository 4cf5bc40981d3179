import { describeOnBoth } from '@tianjillm/testing'
import { expect, it } from 'vitest'
import { admin, directoryIn, NOW, refused } from './support.ts'

describeOnBoth('a budget', (newUrl) => {
  it('is made, changed, and told of', async () => {
    const { budgets, told } = await directoryIn(newUrl())
    const made = await budgets.create(
      { budget_id: 'small', max_budget: 5, budget_duration: '1mo', rpm_limit: 9 },
      admin,
    )
    expect(made).toMatchObject({ budget_id: 'small', max_budget: 5, budget_reset_at: '2026-12-21T12:00:00.000Z' })
    const changed = await budgets.update({ budget_id: 'small', max_budget: null, tpm_limit: 8 }, admin)
    expect(changed).toMatchObject({ max_budget: null, rpm_limit: 9, tpm_limit: 8 })
    const { budget_id } = await budgets.create({}, admin)
    expect(await budgets.info({ budgets: ['small', 'nothing', budget_id] }, admin)).toMatchObject({
      budgets: [{ budget_id: 'small' }, { budget_id }],
    })
    expect(await budgets.list({}, admin)).toMatchObject({ total: 2 })
    expect(told).toEqual([undefined, undefined, undefined])
    await expect(budgets.create({ budget_id: 'small' }, admin)).rejects.toEqual(refused('budget_id'))
    await expect(budgets.update({ budget_id: 'none' }, admin)).rejects.toMatchObject({ kind: 'not_found' })
  })

  it('is deleted when nobody is held to it', async () => {
    const { budgets, keys, users, customers } = await directoryIn(newUrl())
    await budgets.create({ budget_id: 'small' }, admin)
    const { key } = await keys.generate({ budget_id: 'small' }, admin)
    for (const user_id of ['ada', 'bob']) await users.create({ user_id, budget_id: 'small' }, admin)
    await customers.create({ user_id: 'c1', budget_id: 'small' }, admin)
    await expect(budgets.delete({ id: 'small' }, admin)).rejects.toEqual(refused('id', /1 key, 2 users, 1 customer\./))
    expect(await budgets.list({}, admin)).toMatchObject({ total: 1 })
    await keys.update({ key, budget_id: null }, admin)
    await users.delete({ user_ids: ['ada', 'bob'] }, admin)
    await customers.update({ user_id: 'c1', budget_id: null }, admin)
    expect(await budgets.delete({ id: 'small' }, admin)).toMatchObject({ budget_id: 'small' })
    await expect(budgets.delete({ id: 'small' }, admin)).rejects.toMatchObject({ kind: 'not_found' })
  })
})

describeOnBoth('what was spent', (newUrl) => {
  it('is told of the period that holds: its own, else that of the named budget, else of all time', async () => {
    const { budgets, customers, store } = await directoryIn(newUrl())
    await budgets.create({ budget_id: 'daily', max_budget: 5, budget_duration: '1d' }, admin)
    const day = { start: NOW, end: NOW + 86_400_000 }
    for (const [user_id, fields, period] of [
      ['own', { max_budget: 9, budget_duration: '1h', budget_id: 'daily' }, { start: NOW, end: NOW + 3_600_000 }],
      ['named', { budget_id: 'daily', budget_duration: '1h' }, day],
      ['none', { budget_duration: '1h' }, { start: 0, end: null }],
    ] as const) {
      expect(await customers.create({ user_id, spend: 2, ...fields }, admin), user_id).toMatchObject({ spend: 2 })
      const counter = store.database.selectFrom('tianji_budget_counters').selectAll().where('id', '=', user_id)
      expect(await counter.executeTakeFirst(), user_id).toEqual({
        ...{ kind: 'end_user', id: user_id, spend: 2e9, period: period.start, ends_at: period.end },
      })
    }
  })
})

describeOnBoth('a customer', (newUrl) => {
  it('is made, changed, told of, and deleted', async () => {
    const { customers, budgets } = await directoryIn(newUrl())
    await budgets.create({ budget_id: 'small', max_budget: 5 }, admin)
    const made = await customers.create({ user_id: 'c1', alias: 'Carol', budget_id: 'small' }, admin)
    expect(made).toMatchObject({
      ...{ user_id: 'c1', alias: 'Carol', spend: 0, blocked: false, budget_id: 'small' },
      litellm_budget_table: { budget_id: 'small', max_budget: 5 },
    })
    const changed = await customers.update({ user_id: 'c1', budget_id: null, max_budget: 3, spend: 1 }, admin)
    expect(changed).toMatchObject({ alias: 'Carol', max_budget: 3, spend: 1, litellm_budget_table: { max_budget: 3 } })
    expect(await customers.info({ end_user_id: 'c1' }, admin)).toEqual(changed)
    expect(await customers.list({}, admin)).toMatchObject({ total: 1, customers: [{ user_id: 'c1' }] })
    await expect(customers.create({ user_id: 'c1' }, admin)).rejects.toEqual(refused('user_id'))
    await expect(customers.delete({ user_ids: ['c1', 'c2'] }, admin)).rejects.toMatchObject({ kind: 'not_found' })
    expect(await customers.delete({ user_ids: ['c1'] }, admin)).toEqual({ deleted_customers: ['c1'] })
    await expect(customers.info({ end_user_id: 'c1' }, admin)).rejects.toMatchObject({ kind: 'not_found' })
  })

  it('is blocked, even before anybody has told of it, and let in again', async () => {
    const { customers } = await directoryIn(newUrl())
    await customers.create({ user_id: 'c1', max_budget: 3 }, admin)
    expect(await customers.setBlocked({ user_ids: ['c2', 'c1', 'c2'] }, true, admin)).toMatchObject({
      blocked_users: [
        { user_id: 'c1', blocked: true, max_budget: 3 },
        { user_id: 'c2', blocked: true },
      ],
    })
    expect(await customers.setBlocked({ user_ids: ['c2'] }, false, admin)).toMatchObject({
      unblocked_users: [{ blocked: false }],
    })
    await expect(customers.setBlocked({ user_ids: ['c3'] }, false, admin)).rejects.toMatchObject({ kind: 'not_found' })
  })
})

describeOnBoth('an organization', (newUrl) => {
  it('is made, changed, and told of with its teams', async () => {
    const { organizations, teams } = await directoryIn(newUrl())
    const made = await organizations.create(
      { organization_id: 'acme', organization_alias: 'Acme', max_budget: 100, models: ['gpt-*'] },
      admin,
    )
    expect(made).toMatchObject({ organization_id: 'acme', organization_alias: 'Acme', max_budget: 100, spend: 0 })
    await teams.create({ team_id: 'blue', organization_id: 'acme' }, admin)
    const changed = await organizations.update({ organization_id: 'acme', blocked: true, max_budget: null }, admin)
    expect(changed).toMatchObject({ blocked: true, max_budget: null, models: ['gpt-*'] })
    expect(await organizations.info({ organization_id: 'acme' }, admin)).toMatchObject({ teams: [{ team_id: 'blue' }] })
    expect(await organizations.list({ org_alias: 'Acme' }, admin)).toMatchObject({ total: 1 })
    expect(await organizations.list({ org_id: 'other' }, admin)).toMatchObject({ total: 0 })
    await expect(organizations.create({}, admin)).rejects.toEqual(refused('organization_alias'))
    const again = { organization_id: 'acme', organization_alias: 'Acme' }
    await expect(organizations.create(again, admin)).rejects.toEqual(refused('organization_id'))
  })

  it('is deleted with its teams and keys, with others or not at all', async () => {
    const { organizations, teams, keys, users } = await directoryIn(newUrl())
    await organizations.create({ organization_id: 'acme', organization_alias: 'Acme' }, admin)
    const members_with_roles = [{ user_id: 'ada' }]
    await teams.create({ team_id: 'blue', organization_id: 'acme', members_with_roles }, admin)
    await teams.create({ team_id: 'red' }, admin)
    await keys.generate({ team_id: 'blue' }, admin)
    await keys.generate({ organization_id: 'acme' }, admin)
    await keys.generate({ key_alias: 'other' }, admin)
    const both = { organization_ids: ['acme', 'none'] }
    await expect(organizations.delete(both, admin)).rejects.toMatchObject({ kind: 'not_found' })
    expect(await teams.list({}, admin)).toMatchObject({ total: 2 })
    const gone = await organizations.delete({ organization_ids: ['acme'] }, admin)
    expect(gone).toEqual({ deleted_organizations: ['acme'] })
    expect(await teams.list({}, admin)).toMatchObject({ teams: [{ team_id: 'red' }] })
    expect(await keys.list({ return_full_object: true }, admin)).toMatchObject({ keys: [{ key_alias: 'other' }] })
    expect(await users.info({ user_id: 'ada' }, admin)).toMatchObject({ teams: [] })
  })
})
