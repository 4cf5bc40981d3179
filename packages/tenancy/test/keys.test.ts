import { isGatewayError } from '@tianjillm/core'
import { describeOnBoth } from '@tianjillm/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { after, hashOf } from '../src/index.ts'
import { admin, directoryIn, refused } from './support.ts'

describeOnBoth('a key', (newUrl) => {
  it('is told once, and kept by its hash', async () => {
    const { keys, ...own } = await directoryIn(newUrl())
    const made = await keys.generate(
      { key_alias: 'ci', max_budget: 12.5, budget_duration: '30d', models: ['gpt-*'] },
      { ...admin, userId: 'ada' },
    )
    expect(made.key).toMatch(/^sk-[\w-]{32}$/)
    expect(made).toMatchObject({
      token: hashOf(String(made.key)),
      key_name: `sk-...${String(made.key).slice(-4)}`,
      ...{ key_alias: 'ci', max_budget: 12.5, budget_duration: '30d', models: ['gpt-*'], spend: 0, blocked: false },
      ...{ budget_reset_at: '2026-12-21T12:00:00.000Z', created_by: 'ada', expires: null },
    })
    const info = await keys.info(String(made.key), admin)
    expect(JSON.stringify(info)).not.toContain(made.key)
    expect(info).toEqual({ key: made.token, info: expect.objectContaining({ key_alias: 'ci', max_budget: 12.5 }) })
    const rows = await own.store.database.selectFrom('tianji_keys').selectAll().execute()
    expect(JSON.stringify(rows)).not.toContain(made.key)
  })

  it('may be brought along, but not twice, and neither may its alias', async () => {
    const { keys } = await directoryIn(newUrl())
    expect(await keys.generate({ key: 'sk-of-mine', key_alias: 'a' }, admin)).toMatchObject({ key: 'sk-of-mine' })
    await expect(keys.generate({ key: 'sk-of-mine' }, admin)).rejects.toEqual(refused('key', /there already/))
    await expect(keys.generate({ key_alias: 'a' }, admin)).rejects.toEqual(refused('key_alias', /there already/))
    await expect(keys.generate({ key: 'mine' }, admin)).rejects.toEqual(refused('key', /begin with sk-/))
    const { key } = await keys.generate({ key_alias: 'b' }, admin)
    await expect(keys.update({ key, key_alias: 'a' }, admin)).rejects.toEqual(refused('key_alias', /there already/))
  })

  it('is changed where the body says so, and nowhere else', async () => {
    const { keys, ...own } = await directoryIn(newUrl())
    const { key, token } = await keys.generate(
      { max_budget: 1, rpm_limit: 5, metadata: { a: 1 }, duration: '1h' },
      admin,
    )
    const changed = await keys.update({ key, max_budget: null, tpm_limit: 100, model_rpm_limit: { 'gpt-4': 2 } }, admin)
    expect(changed).toMatchObject({ max_budget: null, rpm_limit: 5, tpm_limit: 100, metadata: { a: 1 } })
    expect(changed).toMatchObject({ expires: '2026-11-21T13:00:00.000Z', model_rpm_limit: { 'gpt-4': 2 } })
    const again = await keys.update(
      { key: token, model_tpm_limit: { 'gpt-4': 7 }, duration: null, models: null },
      admin,
    )
    expect(again).toMatchObject({
      model_rpm_limit: { 'gpt-4': 2 },
      model_tpm_limit: { 'gpt-4': 7 },
      expires: null,
      models: [],
    })
    expect(own.told).toEqual([token, token, token])
  })

  it('is blocked, let in again, given a new secret, and deleted', async () => {
    const { keys, ...own } = await directoryIn(newUrl())
    const { key, token } = await keys.generate({ key_alias: 'ci', max_budget: 3 }, admin)
    expect(await keys.setBlocked({ key }, true, admin)).toMatchObject({ blocked: true })
    expect(await keys.setBlocked({ key: token }, false, admin)).toMatchObject({ blocked: false })
    const renewed = await keys.regenerate(String(key), { max_budget: 4 }, admin)
    expect(renewed).toMatchObject({ key_alias: 'ci', max_budget: 4 })
    expect(renewed.key).not.toBe(key)
    await expect(keys.info(String(key), admin)).rejects.toMatchObject({ kind: 'not_found' })
    expect(await keys.delete({ keys: [renewed.key] }, admin)).toEqual({ deleted_keys: [renewed.key] })
    await expect(keys.info(String(renewed.key), admin)).rejects.toMatchObject({
      facts: { code: 'token_not_found_in_db' },
    })
    expect(own.told).toEqual([token, token, token, token, renewed.token, renewed.token])
  })

  it('is deleted with others or not at all', async () => {
    const { keys } = await directoryIn(newUrl())
    const [a, b] = [await keys.generate({ key_alias: 'a' }, admin), await keys.generate({ key_alias: 'b' }, admin)]
    await expect(keys.delete({ keys: [a.key, 'sk-nobody'] }, admin)).rejects.toMatchObject({ kind: 'not_found' })
    expect(await keys.list({}, admin)).toMatchObject({ total_count: 2 })
    expect(await keys.delete({ key_aliases: ['a', 'b'] }, admin)).toEqual({ deleted_keys: [a.token, b.token] })
    await expect(keys.delete({}, admin)).rejects.toEqual(refused('keys'))
  })

  it('is found by whose it is, page by page', async () => {
    const { keys, teams } = await directoryIn(newUrl())
    for (const team_id of ['even', 'odd']) await teams.create({ team_id }, admin)
    for (let index = 0; index < 25; index++)
      await keys.generate({ key_alias: `k${index}`, team_id: index % 2 === 0 ? 'even' : 'odd' }, admin)
    const first = await keys.list({ team_id: 'even', size: 10, return_full_object: true }, admin)
    expect(first).toMatchObject({ total_count: 13, current_page: 1, total_pages: 2 })
    const second = await keys.list({ team_id: 'even', size: 10, page: 2 }, admin)
    expect([first, second].map((page) => (page.keys as unknown[]).length)).toEqual([10, 3])
    expect(await keys.list({ team_id: "x' or '1'='1" }, admin)).toMatchObject({ keys: [], total_count: 0 })
    expect(await keys.list({ size: 1_000_000_000, page: 9_000_000 }, admin)).toMatchObject({ keys: [] })
  })

  it('survives whatever its fields hold', async () => {
    const { keys } = await directoryIn(newUrl())
    const before = await keys.list({}, admin)
    const fields = fc.record(
      {
        key_alias: fc.anything(),
        max_budget: fc.anything(),
        duration: fc.anything(),
        models: fc.anything(),
        metadata: fc.anything(),
        rpm_limit: fc.anything(),
        "x'; drop table keys; --": fc.anything(),
        ['__proto__']: fc.anything(),
      },
      { requiredKeys: [] },
    )
    let made = 0
    await fc.assert(
      fc.asyncProperty(fc.oneof(fields, fc.anything()), async (body) => {
        try {
          await keys.generate(body, admin)
          made++
        } catch (error) {
          expect(isGatewayError(error), String(error)).toBe(true)
        }
      }),
      { numRuns: 150 },
    )
    expect(await keys.list({}, admin)).toMatchObject({ total_count: Number(before.total_count) + made })
  })

  it.each([
    ['max_budgett', /not known\. Did you mean max_budget\?/, { max_budgett: 1 }],
    ['max_budget', /negative/, { max_budget: -1 }],
    ['max_budget', /US dollars/, { max_budget: '5' }],
    ['rpm_limit', /whole number/, { rpm_limit: 1.5 }],
    ['duration', /30s, 30m/, { duration: '5 parsecs' }],
    ['budget_duration', /30s, 30m/, { budget_duration: '0d' }],
    ['key_alias', /control characters/, { key_alias: 'a\u0000b' }],
    ['models', /list/, { models: 'gpt-4' }],
    ['metadata', /64 KiB/, { metadata: { a: 'x'.repeat(70_000) } }],
    ['team_id', /no such team/, { team_id: 'nowhere' }],
    ['budget_id', /no such budget/, { budget_id: 'nothing' }],
    ['organization_id', /no such organization/, { organization_id: 'nobody' }],
  ])('refuses a wrong %s: %s', async (param, message, body) => {
    const { keys } = await directoryIn(newUrl())
    await expect(keys.generate(body, admin)).rejects.toEqual(refused(param, message))
    expect(await keys.list({}, admin)).toMatchObject({ total_count: 0 })
  })

  it('makes its user when there is none, who may change nothing', async () => {
    const { keys, users } = await directoryIn(newUrl())
    await Promise.all(['a', 'b', 'c'].map((key_alias) => keys.generate({ key_alias, user_id: 'ada' }, admin)))
    const info = await users.info({ user_id: 'ada' }, admin)
    expect(info).toMatchObject({ user_info: { user_role: 'internal_user_viewer' } })
    expect(info.keys).toHaveLength(3)
  })

  it('keeps what it has spent when it gets a new secret', async () => {
    const { keys, store } = await directoryIn(newUrl())
    const counters = () =>
      store.database.selectFrom('tianji_budget_counters').select(['kind', 'id']).orderBy('kind').execute()
    const { key, token } = await keys.generate({ max_budget: 5, budget_duration: '1d', spend: 2 }, admin)
    const others = [token, 'another'].map((id) => JSON.stringify([id, 'gpt-4o']))
    await store.database
      .insertInto('tianji_budget_counters')
      .values(others.map((id) => ({ kind: 'key_model', id, period: 0, spend: 1, ends_at: null })))
      .execute()
    const renewed = await keys.regenerate(String(key), {}, admin)
    expect(renewed).toMatchObject({ spend: 2 })
    const kept = [
      { kind: 'key', id: renewed.token },
      { kind: 'key_model', id: JSON.stringify([renewed.token, 'gpt-4o']) },
      { kind: 'key_model', id: '["another","gpt-4o"]' },
    ]
    expect(await counters()).toEqual(expect.arrayContaining(kept))
    expect(await keys.update({ key: renewed.key, spend: 0 }, admin)).toMatchObject({ spend: 0 })
    await keys.delete({ keys: [renewed.key] }, admin)
    expect(await counters()).toEqual([{ kind: 'key_model', id: '["another","gpt-4o"]' }])
  })
})

describe('a duration', () => {
  it.each([
    ['2026-01-31', '1mo', '2026-02-28'],
    ['2024-01-31', '1mo', '2024-02-29'],
    ['2026-11-30', '3mo', '2027-02-28'],
    ['2026-03-29', '1d', '2026-03-30'],
    ['2026-03-29', '2w', '2026-04-12'],
  ])('from %s, %s later it is %s', (from, duration, to) => {
    expect(new Date(after(Date.parse(from), duration)).toISOString().slice(0, 10)).toBe(to)
  })
})
