import { isGatewayError } from '@tianjillm/core'
import { openStore, type Store } from '@tianjillm/store'
import { describeOnBoth } from '@tianjillm/testing'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { after, createKeys, hashOf, type Keys } from '../src/index.ts'

const NOW = Date.UTC(2026, 10, 21, 12)

async function keysIn(url: string): Promise<{ readonly keys: Keys; readonly store: Store; readonly told: string[] }> {
  const store = await openStore({ url })
  onTestFinished(() => store.close())
  const told: string[] = []
  return { keys: createKeys({ store, now: () => NOW, changed: (keyHash) => told.push(keyHash) }), store, told }
}

const refused = (param: string, message: RegExp = /./) =>
  expect.objectContaining({
    kind: 'invalid_request',
    message: expect.stringMatching(message),
    facts: expect.objectContaining({ param }),
  })

describeOnBoth('a key', (newUrl) => {
  it('is told once, and kept by its hash', async () => {
    const { keys, ...own } = await keysIn(newUrl())
    const made = await keys.generate(
      { key_alias: 'ci', max_budget: 12.5, budget_duration: '30d', models: ['gpt-*'] },
      'ada',
    )
    expect(made.key).toMatch(/^sk-[\w-]{32}$/)
    expect(made).toMatchObject({
      token: hashOf(String(made.key)),
      key_name: `sk-...${String(made.key).slice(-4)}`,
      ...{ key_alias: 'ci', max_budget: 12.5, budget_duration: '30d', models: ['gpt-*'], spend: 0, blocked: false },
      ...{ budget_reset_at: '2026-12-21T12:00:00.000Z', created_by: 'ada', expires: null },
    })
    const info = await keys.info(String(made.key))
    expect(JSON.stringify(info)).not.toContain(made.key)
    expect(info).toEqual({ key: made.token, info: expect.objectContaining({ key_alias: 'ci', max_budget: 12.5 }) })
    const { rows } = { rows: await own.store.database.selectFrom('tianji_keys').selectAll().execute() }
    expect(JSON.stringify(rows)).not.toContain(made.key)
  })

  it('may be brought along, but not twice, and neither may its alias', async () => {
    const { keys } = await keysIn(newUrl())
    expect(await keys.generate({ key: 'sk-of-mine', key_alias: 'a' }, null)).toMatchObject({ key: 'sk-of-mine' })
    await expect(keys.generate({ key: 'sk-of-mine' }, null)).rejects.toEqual(refused('key', /there already/))
    await expect(keys.generate({ key_alias: 'a' }, null)).rejects.toEqual(refused('key_alias', /there already/))
    await expect(keys.generate({ key: 'mine' }, null)).rejects.toEqual(refused('key', /begin with sk-/))
    const { key } = await keys.generate({ key_alias: 'b' }, null)
    await expect(keys.update({ key, key_alias: 'a' })).rejects.toEqual(refused('key_alias', /there already/))
  })

  it('is changed where the body says so, and nowhere else', async () => {
    const { keys, ...own } = await keysIn(newUrl())
    const { key, token } = await keys.generate(
      { max_budget: 1, rpm_limit: 5, metadata: { a: 1 }, duration: '1h' },
      null,
    )
    const changed = await keys.update({ key, max_budget: null, tpm_limit: 100, model_rpm_limit: { 'gpt-4': 2 } })
    expect(changed).toMatchObject({ max_budget: null, rpm_limit: 5, tpm_limit: 100, metadata: { a: 1 } })
    expect(changed).toMatchObject({ expires: '2026-11-21T13:00:00.000Z', model_rpm_limit: { 'gpt-4': 2 } })
    const again = await keys.update({ key: token, model_tpm_limit: { 'gpt-4': 7 }, duration: null, models: null })
    expect(again).toMatchObject({
      model_rpm_limit: { 'gpt-4': 2 },
      model_tpm_limit: { 'gpt-4': 7 },
      expires: null,
      models: [],
    })
    expect(own.told).toEqual([token, token])
  })

  it('is blocked, let in again, given a new secret, and deleted', async () => {
    const { keys, ...own } = await keysIn(newUrl())
    const { key, token } = await keys.generate({ key_alias: 'ci', max_budget: 3 }, null)
    expect(await keys.setBlocked({ key }, true)).toMatchObject({ blocked: true })
    expect(await keys.setBlocked({ key: token }, false)).toMatchObject({ blocked: false })
    const renewed = await keys.regenerate(String(key), { max_budget: 4 })
    expect(renewed).toMatchObject({ key_alias: 'ci', max_budget: 4 })
    expect(renewed.key).not.toBe(key)
    await expect(keys.info(String(key))).rejects.toMatchObject({ kind: 'not_found' })
    expect(await keys.delete({ keys: [renewed.key] })).toEqual({ deleted_keys: [renewed.key] })
    await expect(keys.info(String(renewed.key))).rejects.toMatchObject({ facts: { code: 'token_not_found_in_db' } })
    expect(own.told).toEqual([token, token, token, renewed.token])
  })

  it('is deleted with others or not at all', async () => {
    const { keys } = await keysIn(newUrl())
    const [a, b] = [await keys.generate({ key_alias: 'a' }, null), await keys.generate({ key_alias: 'b' }, null)]
    await expect(keys.delete({ keys: [a.key, 'sk-nobody'] })).rejects.toMatchObject({ kind: 'not_found' })
    expect(await keys.list({})).toMatchObject({ total_count: 2 })
    expect(await keys.delete({ key_aliases: ['a', 'b'] })).toEqual({ deleted_keys: [a.token, b.token] })
    await expect(keys.delete({})).rejects.toEqual(refused('keys'))
  })

  it('is found by whose it is, page by page', async () => {
    const { keys } = await keysIn(newUrl())
    for (let index = 0; index < 25; index++)
      await keys.generate({ key_alias: `k${index}`, team_id: index % 2 === 0 ? 'even' : 'odd' }, null)
    const first = await keys.list({ team_id: 'even', size: 10, return_full_object: true })
    expect(first).toMatchObject({ total_count: 13, current_page: 1, total_pages: 2 })
    const second = await keys.list({ team_id: 'even', size: 10, page: 2 })
    expect([first, second].map((page) => (page.keys as unknown[]).length)).toEqual([10, 3])
    expect(await keys.list({ team_id: "x' or '1'='1" })).toMatchObject({ keys: [], total_count: 0 })
    expect(await keys.list({ size: 1_000_000_000, page: 9_000_000 })).toMatchObject({ keys: [] })
  })

  it('survives whatever its fields hold', async () => {
    const { keys } = await keysIn(newUrl())
    const before = await keys.list({})
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
          await keys.generate(body, null)
          made++
        } catch (error) {
          expect(isGatewayError(error), String(error)).toBe(true)
        }
      }),
      { numRuns: 150 },
    )
    expect(await keys.list({})).toMatchObject({ total_count: Number(before.total_count) + made })
  })

  it.each([
    [{ max_budgett: 1 }, 'max_budgett', /not known\. Did you mean max_budget\?/],
    [{ max_budget: -1 }, 'max_budget', /negative/],
    [{ max_budget: '5' }, 'max_budget', /US dollars/],
    [{ rpm_limit: 1.5 }, 'rpm_limit', /whole number/],
    [{ duration: '5 parsecs' }, 'duration', /30s, 30m/],
    [{ budget_duration: '0d' }, 'budget_duration', /30s, 30m/],
    [{ key_alias: 'a\u0000b' }, 'key_alias', /control characters/],
    [{ models: 'gpt-4' }, 'models', /list/],
    [{ metadata: { a: 'x'.repeat(70_000) } }, 'metadata', /64 KiB/],
  ])('refuses %j', async (body, param, message) => {
    const { keys } = await keysIn(newUrl())
    await expect(keys.generate(body, null)).rejects.toEqual(refused(param, message))
    expect(await keys.list({})).toMatchObject({ total_count: 0 })
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
