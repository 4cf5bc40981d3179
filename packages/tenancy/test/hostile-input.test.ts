import { isGatewayError } from '@tianjillm/core'
import { describeOnBoth } from '@tianjillm/testing'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { admin, contentsOf, directoryIn, refused, type TestDirectory } from './support.ts'

type Act = (directory: TestDirectory, asked: unknown) => Promise<unknown>

/** Everything that takes a body or a query, with one that it takes. */
const acts: readonly (readonly [act: Act, asked: object])[] = [
  [({ keys }, asked) => keys.generate(asked, admin), { key_alias: 'b', user_id: 'ada' }],
  [({ keys }, asked) => keys.update(asked, admin), { key: 'sk-a', tags: [], allowed_routes: [] }],
  [({ keys }, asked) => keys.setBlocked(asked, true, admin), { key: 'sk-a' }],
  [({ keys }, asked) => keys.delete(asked, admin), { keys: ['sk-a'], key_aliases: [] }],
  [({ keys }, asked) => keys.regenerate('sk-a', asked, admin), { new_key: 'sk-a' }],
  [({ keys }, asked) => keys.list(asked, admin), { team_id: 'blue', page: 1, size: 1, key_hash: 'x' }],
  [
    ({ users }, asked) => users.create(asked, admin),
    { user_email: 'a@b.c', user_alias: 'x', teams: ['blue'], duration: '1h' },
  ],
  [({ users }, asked) => users.update(asked, admin), { user_id: 'ada', user_role: 'internal_user', metadata: {} }],
  [({ users }, asked) => users.delete(asked, admin), { user_ids: ['ada'] }],
  [({ users }, asked) => users.info(asked, admin), { user_id: 'ada' }],
  [
    ({ users }, asked) => users.list(asked, admin),
    { user_ids: 'ada,bob', user_email: 'x', role: 'proxy_admin', page: 1 },
  ],
  [({ users }, asked) => users.setBlocked(asked, true, admin), { user_ids: ['ada'] }],
  [
    ({ teams }, asked) => teams.create(asked, admin),
    { team_alias: 'x', members_with_roles: [{ user_id: 'ada' }], tags: [] },
  ],
  [
    ({ teams }, asked) => teams.update(asked, admin),
    { team_id: 'blue', team_alias: 'x', models: ['x'], max_budget: 1 },
  ],
  [({ teams }, asked) => teams.delete(asked, admin), { team_ids: ['blue'] }],
  [({ teams }, asked) => teams.info(asked, admin), { team_id: 'blue' }],
  [({ teams }, asked) => teams.list(asked, admin), { user_id: 'ada', team_alias: 'x', page: 1, page_size: 2 }],
  [({ teams }, asked) => teams.setBlocked(asked, true, admin), { team_id: 'blue' }],
  [
    ({ teams }, asked) => teams.addMembers(asked, admin),
    { team_id: 'blue', member: { user_email: 'x@y.z' }, rpm_limit: 1 },
  ],
  [({ teams }, asked) => teams.updateMember(asked, admin), { team_id: 'blue', user_id: 'ada', max_budget_in_team: 1 }],
  [({ teams }, asked) => teams.removeMember(asked, admin), { team_id: 'blue', user_id: 'ada', user_email: 'x@y.z' }],
  [({ organizations }, asked) => organizations.create(asked, admin), { organization_alias: 'x', budget_id: 'small' }],
  [({ organizations }, asked) => organizations.update(asked, admin), { organization_id: 'acme', soft_budget: 1 }],
  [({ organizations }, asked) => organizations.delete(asked, admin), { organization_ids: ['acme'] }],
  [({ organizations }, asked) => organizations.info(asked, admin), { organization_id: 'acme' }],
  [({ organizations }, asked) => organizations.list(asked, admin), { org_id: 'acme', org_alias: 'x' }],
  [({ customers }, asked) => customers.create(asked, admin), { user_id: 'c2', alias: 'x', budget_duration: '1d' }],
  [({ customers }, asked) => customers.update(asked, admin), { user_id: 'c1', tpm_limit: 1, spend: 1 }],
  [({ customers }, asked) => customers.delete(asked, admin), { user_ids: ['c1'] }],
  [({ customers }, asked) => customers.info(asked, admin), { end_user_id: 'c1' }],
  [({ customers }, asked) => customers.setBlocked(asked, true, admin), { user_ids: ['c1'] }],
  [({ budgets }, asked) => budgets.create(asked, admin), { max_budget: 1, model_max_budget: { x: 1 } }],
  [({ budgets }, asked) => budgets.update(asked, admin), { budget_id: 'small', model_rpm_limit: { x: 1 } }],
  [({ budgets }, asked) => budgets.info(asked, admin), { budgets: ['small'] }],
  [({ budgets }, asked) => budgets.list(asked, admin), { page: 1, page_size: 1 }],
  [({ budgets }, asked) => budgets.delete(asked, admin), { id: 'small' }],
]

const nasty = fc.oneof(
  fc.constantFrom<unknown>(
    ...["x'; drop table tianji_keys; --", '%', "' or '1'='1", '\\', '$(reboot)', 'select pg_sleep(9)'],
    ...['__proto__', 'constructor', 'toString', 'hasOwnProperty'],
    ...[
      '',
      ' ',
      '\u0000',
      'a\u0000b',
      '\n',
      '\u202e',
      '\ud800',
      '👩‍👩‍👧',
      'ﷺ',
      'x'.repeat(256),
      'x'.repeat(257),
      'x'.repeat(1e6),
    ],
    ...[0, -1, 1.5, 1e308, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER, 2 ** 63],
    ...[true, null, [], {}, [[]], [null], [{}], { a: { b: [] } }, Array.from({ length: 2000 }, () => 'x')],
  ),
  fc.anything(),
)

async function settled(url: string): Promise<TestDirectory> {
  const directory = await directoryIn(url)
  const { keys, teams, organizations, customers, budgets } = directory
  await teams.create({ team_id: 'blue', members_with_roles: [{ user_id: 'ada' }] }, admin)
  await keys.generate({ key: 'sk-a', user_id: 'ada', team_id: 'blue' }, admin)
  await organizations.create({ organization_id: 'acme', organization_alias: 'Acme' }, admin)
  await customers.create({ user_id: 'c1' }, admin)
  await budgets.create({ budget_id: 'small' }, admin)
  return directory
}

describeOnBoth('whatever is in a field', (newUrl) => {
  it('is taken as what it is or refused, and changes nothing then', async () => {
    const directory = await settled(newUrl())
    const wrong = fc.constantFrom(...acts).chain(([act, asked]) =>
      fc.record({
        act: fc.constant(act),
        asked: fc.constant(asked),
        field: fc.oneof({ arbitrary: fc.constantFrom(...Object.keys(asked)), weight: 8 }, fc.string()),
        value: nasty,
      }),
    )
    await fc.assert(
      fc.asyncProperty(wrong, async ({ act, asked, field, value }) => {
        const before = await contentsOf(directory.store)
        const body = { ...asked, ...Object.fromEntries([[field, value]]) }
        const error = await act(directory, body).then(
          () => undefined,
          (error: unknown) => error,
        )
        if (error === undefined) return
        expect(isGatewayError(error), String(error)).toBe(true)
        expect(error).toMatchObject({ kind: expect.stringMatching(/^(invalid_request|not_found)$/) })
        expect(error).toMatchObject({ facts: { param: expect.any(String) } })
        expect(await contentsOf(directory.store)).toEqual(before)
      }),
      { numRuns: 200 },
    )
  })

  it.each([undefined, null, 'x', 1, [], [{}]])('and a body of %j is refused', async (body) => {
    const directory = await directoryIn(newUrl())
    for (const [act] of acts) await expect(act(directory, body)).rejects.toMatchObject({ kind: 'invalid_request' })
  })

  it('and a field that nobody knows is refused by its name', async () => {
    const directory = await settled(newUrl())
    for (const [act, asked] of acts) {
      await expect(act(directory, { ...asked, max_bugdet: 1 })).rejects.toEqual(refused('max_bugdet', /not known/))
      const own = JSON.parse('{"__proto__": {"role": "proxy_admin"}}') as object
      await expect(act(directory, { ...asked, ...Object.fromEntries(Object.entries(own)) })).rejects.toEqual(
        refused('__proto__', /not known/),
      )
    }
  })

  it('is kept as it was, letter by letter', async () => {
    const { teams, store } = await settled(newUrl())
    for (const team_alias of [
      "x'; drop table tianji_keys; --",
      '👩‍👩‍👧'.replaceAll('\u200d', ''),
      '%_\\"',
      'constructor',
    ])
      expect(await teams.update({ team_id: 'blue', team_alias }, admin)).toMatchObject({ data: { team_alias } })
    expect(await store.database.selectFrom('tianji_keys').select('key_name').execute()).toHaveLength(1)
  })
})
