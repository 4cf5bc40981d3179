import { describeOnBoth } from '@tianjillm/testing'
import { expect, it } from 'vitest'
import { hashOf } from '../src/index.ts'
import { admin, contentsOf, directoryIn, refused } from './support.ts'

describeOnBoth('a user', (newUrl) => {
  it('is made with a key, and may change nothing', async () => {
    const { users, told } = await directoryIn(newUrl())
    const made = await users.create(
      { user_id: 'ada', user_email: 'Ada@Example.com', max_budget: 10, budget_duration: '30d', key_alias: 'first' },
      admin,
    )
    expect(made).toMatchObject({
      ...{ user_id: 'ada', user_email: 'ada@example.com', user_role: 'internal_user_viewer', teams: [], models: [] },
      ...{ max_budget: 10, budget_reset_at: '2026-12-21T12:00:00.000Z', spend: 0, created_by: 'master_key' },
    })
    expect(made.token).toBe(hashOf(String(made.key)))
    expect(told).toEqual([undefined, made.token])
    const info = await users.info({ user_id: 'ada' }, admin)
    expect(info).toMatchObject({ user_id: 'ada', keys: [{ token: made.token, key_alias: 'first' }], teams: [] })
    expect(JSON.stringify(info)).not.toContain(made.key)
  })

  it('has an id of its own when it is given none, and no key when none is asked for', async () => {
    const { users, keys } = await directoryIn(newUrl())
    const made = await users.create({ auto_create_key: false }, admin)
    expect(made.user_id).toMatch(/^[0-9a-f-]{36}$/)
    expect(made).not.toHaveProperty('key')
    expect(await keys.list({}, admin)).toMatchObject({ total_count: 0 })
  })

  it('is not there twice, and neither is its address', async () => {
    const { users, store } = await directoryIn(newUrl())
    await users.create({ user_id: 'ada', user_email: 'ada@example.com' }, admin)
    await users.create({ user_id: 'bob' }, admin)
    const before = await contentsOf(store)
    await expect(users.create({ user_id: 'ada' }, admin)).rejects.toEqual(refused('user_id'))
    await expect(users.create({ user_email: 'ADA@example.com' }, admin)).rejects.toEqual(refused('user_email'))
    await expect(users.update({ user_id: 'bob', user_email: 'ada@example.com' }, admin)).rejects.toEqual(
      refused('user_email'),
    )
    expect(await contentsOf(store)).toEqual(before)
  })

  it('is made whole or not at all', async () => {
    const { users, keys, store } = await directoryIn(newUrl())
    await keys.generate({ key_alias: 'taken' }, admin)
    const before = await contentsOf(store)
    await expect(users.create({ key_alias: 'taken' }, admin)).rejects.toEqual(refused('key_alias'))
    await expect(users.create({ teams: ['nowhere'] }, admin)).rejects.toEqual(refused('teams'))
    await expect(users.create({ budget_id: 'nothing' }, admin)).rejects.toEqual(refused('budget_id'))
    expect(await contentsOf(store)).toEqual(before)
  })

  it('is changed where the body says so, and nowhere else', async () => {
    const { users } = await directoryIn(newUrl())
    await users.create({ user_id: 'ada', user_email: 'a@b.c', max_budget: 10, rpm_limit: 5, models: ['x'] }, admin)
    const changed = await users.update({ user_id: 'ada', max_budget: null, user_role: 'internal_user' }, admin)
    expect(changed).toMatchObject({
      user_id: 'ada',
      data: { max_budget: null, rpm_limit: 5, models: ['x'], user_role: 'internal_user', user_email: 'a@b.c' },
    })
    const again = await users.update({ user_email: 'a@b.c', user_role: null, spend: 3 }, admin)
    expect(again).toMatchObject({ user_id: 'ada', data: { user_role: 'internal_user', spend: 3 } })
    await expect(users.update({ user_id: 'bob' }, admin)).rejects.toMatchObject({ kind: 'not_found' })
    await expect(users.update({ user_email: 'no@body.org' }, admin)).rejects.toMatchObject({ kind: 'not_found' })
    await expect(users.update({ user_alias: 'x' }, admin)).rejects.toEqual(refused('user_id'))
  })

  it('is deleted with its keys and memberships, with others or not at all', async () => {
    const { users, teams, keys, store } = await directoryIn(newUrl())
    await teams.create({ team_id: 'blue' }, admin)
    for (const user_id of ['ada', 'bob']) await users.create({ user_id, teams: ['blue'], spend: 1 }, admin)
    await keys.generate({ user_id: 'ada', team_id: 'blue' }, admin)
    await expect(users.delete({ user_ids: ['ada', 'nobody'] }, admin)).rejects.toMatchObject({ kind: 'not_found' })
    expect(await users.list({}, admin)).toMatchObject({ total: 2 })
    expect(await users.delete({ user_ids: ['ada'] }, admin)).toEqual({ deleted_users: ['ada'] })
    expect(await keys.list({ return_full_object: true }, admin)).toMatchObject({ keys: [{ user_id: 'bob' }] })
    const info = await teams.info({ team_id: 'blue' }, admin)
    expect(info).toMatchObject({ team_info: { members_with_roles: [{ user_id: 'bob', role: 'user' }] } })
    const counters = await store.database.selectFrom('tianji_budget_counters').select(['kind', 'id']).execute()
    expect(counters).toEqual([{ kind: 'user', id: 'bob' }])
  })

  it('is blocked and let in again', async () => {
    const { users } = await directoryIn(newUrl())
    await users.create({ user_id: 'ada' }, admin)
    expect(await users.setBlocked({ user_ids: ['ada'] }, true, admin)).toMatchObject({
      blocked_users: [{ user_id: 'ada', blocked: true }],
    })
    expect(await users.setBlocked({ user_ids: ['ada'] }, false, admin)).toMatchObject({
      unblocked_users: [{ blocked: false }],
    })
    await expect(users.setBlocked({ user_ids: ['bob'] }, true, admin)).rejects.toMatchObject({ kind: 'not_found' })
  })

  it('is found by role, ids, address and team, page by page', async () => {
    const { users, teams } = await directoryIn(newUrl())
    await teams.create({ team_id: 'blue' }, admin)
    for (let index = 0; index < 12; index++) {
      const more = index === 3 ? { user_role: 'internal_user', teams: ['blue'], user_email: '100%_\\@x.org' } : {}
      await users.create({ user_id: `u${index}`, auto_create_key: false, ...more }, admin)
    }
    const page = await users.list({ page: 2, page_size: 5 }, admin)
    expect(page).toMatchObject({ total: 12, page: 2, page_size: 5, total_pages: 3 })
    expect(page.users).toHaveLength(5)
    const only = { total: 1, users: [{ user_id: 'u3' }] }
    for (const query of [{ role: 'internal_user' }, { user_email: '0%_\\' }, { team: 'blue' }, { user_ids: 'u3,u99' }])
      expect(await users.list(query, admin)).toMatchObject(only)
    expect(await users.list({ user_email: '%' }, admin)).toMatchObject(only)
    expect(await users.list({ user_ids: "u3') or ('1'='1" }, admin)).toMatchObject({ total: 0 })
    const far = await users.list({ page: 999_999_999, page_size: 999_999_999 }, admin)
    expect(far).toMatchObject({ total: 12, page_size: 1000, users: [] })
  })

  it('asks about itself without a name', async () => {
    const { users } = await directoryIn(newUrl())
    await users.create({ user_id: 'ada' }, admin)
    const ada = { ...admin, role: 'internal_user', userId: 'ada' } as const
    expect(await users.info({}, ada)).toMatchObject({ user_id: 'ada' })
    await expect(users.info({}, admin)).rejects.toEqual(refused('user_id'))
  })
})
