import { describeOnBoth } from '@tianjillm/testing'
import { expect, it } from 'vitest'
import { FOREIGN, keys, type Tenants, tenantsIn } from './tenants.ts'

const AT_ONCE = 50

/** Asks all of these at once. Gives the statuses; every answer has to be one that somebody can do something with. */
async function allAtOnce(
  { ask }: Tenants,
  requests: readonly (readonly [path: string, body: object])[],
): Promise<readonly number[]> {
  const told = await Promise.all(requests.map(([path, body]) => ask('POST', path, { body: JSON.stringify(body) })))
  expect(told.filter(({ status }) => ![200, 400, 404].includes(status))).toEqual([])
  return told.map(({ status }) => status)
}

function times<Item>(make: (index: number) => Item): readonly Item[] {
  return Array.from({ length: AT_ONCE }, (_, index) => make(index))
}

/** Of each kind of change one after the other. */
function inTurn<Item>(...kinds: readonly ((index: number) => Item)[]): readonly Item[] {
  return times((index) => kinds[index % kinds.length]!(index))
}

describeOnBoth('many changes of the same thing at once', (newUrl) => {
  it('are each done whole: what one says is never mixed with what another does', async () => {
    const tenants = await tenantsIn(newUrl())
    const statuses = await allAtOnce(
      tenants,
      times((turn) => ['/key/update', { key: keys.ida, max_budget: turn, metadata: { turn } }]),
    )
    expect(new Set(statuses)).toEqual(new Set([200]))
    const { info } = JSON.parse((await tenants.ask('GET', `/key/info?key=${keys.ida}`)).text)
    expect(info.metadata.turn).toBe(info.max_budget)
  })

  it.each([
    ['a key', '/key/update', { key: keys.ida }],
    ['a user', '/user/update', { user_id: 'ida' }],
    ['a team', '/team/update', { team_id: 'blue' }],
    ['a customer', '/customer/update', { user_id: 'carol' }],
    ['a budget', '/budget/update', { budget_id: 'small' }],
  ])('lose nothing of %s that another one says', async (_title, path, named) => {
    const tenants = await tenantsIn(newUrl())
    const limits = ['model_rpm_limit', 'model_tpm_limit', 'model_max_budget']
    for (let turn = 1; turn <= 12; turn++) {
      await allAtOnce(
        tenants,
        limits.map((limit) => [path, { ...named, [limit]: { m: turn } }]),
      )
      const { text } = await tenants.ask('POST', path, { body: JSON.stringify(named) })
      const told = JSON.parse(text)
      expect(told.data ?? told).toMatchObject(Object.fromEntries(limits.map((limit) => [limit, { m: turn }])))
    }
  })

  it('leave a key whole or gone, whoever changes, blocks, renews or deletes it', async () => {
    const tenants = await tenantsIn(newUrl())
    const { store } = tenants
    const key = keys.eve
    const statuses = await allAtOnce(
      tenants,
      inTurn<readonly [string, object]>(
        (turn) => ['/key/update', { key, spend: turn, max_budget: turn }],
        () => ['/key/block', { key }],
        () => ['/key/unblock', { key }],
        (turn) => (turn > 25 ? ['/key/regenerate', { key }] : ['/key/update', { key, key_alias: `alias ${turn}` }]),
        (turn) => (turn > 35 ? ['/key/delete', { keys: [key] }] : ['/key/update', { key, models: ['mock'] }]),
      ),
    )
    expect(statuses).toContain(200)
    const hashes = await store.database.selectFrom('tianji_keys').select('key_hash').execute()
    const counted = await store.database
      .selectFrom('tianji_budget_counters')
      .select('id')
      .where('kind', '=', 'key')
      .execute()
    const known = new Set(hashes.map(({ key_hash }) => key_hash))
    // Eve's key is there under one name at most, and nothing is counted for one that is not.
    expect(known.size).toBeLessThanOrEqual(4)
    expect(counted.filter(({ id }) => !known.has(id))).toEqual([])
  })

  it('leave nobody in a team that is gone', async () => {
    const tenants = await tenantsIn(newUrl())
    const { database } = tenants.store
    const team = `${FOREIGN}-team`
    await allAtOnce(
      tenants,
      inTurn<readonly [string, object]>(
        (turn) => ['/team/member_add', { team_id: team, member: { user_id: `new-${turn}` }, max_budget_in_team: 1 }],
        (turn) => ['/key/generate', { team_id: team, user_id: `new-${turn - 1}`, spend: 1 }],
        () => ['/team/member_update', { team_id: team, user_id: `${FOREIGN}-eve`, rpm_limit: 3 }],
        (turn) =>
          turn < 20 ? ['/team/update', { team_id: team, spend: turn }] : ['/team/delete', { team_ids: [team] }],
        () => ['/team/member_delete', { team_id: team, user_id: `${FOREIGN}-eve` }],
        () => ['/customer/update', { user_id: `${FOREIGN}-customer`, spend: 2 }],
        () => ['/user/update', { user_id: `${FOREIGN}-eve`, spend: 2 }],
      ),
    )
    const left = await Promise.all([
      database.selectFrom('tianji_teams').select('team_id').where('team_id', '=', team).execute(),
      database.selectFrom('tianji_team_members').select('user_id').where('team_id', '=', team).execute(),
      database.selectFrom('tianji_keys').select('key_hash').where('team_id', '=', team).execute(),
      database.selectFrom('tianji_budget_counters').select('id').where('kind', 'in', ['team', 'member']).execute(),
    ])
    expect(left).toEqual([[], [], [], []])
  })

  it('go on beside calls that are held to the same budgets', async () => {
    const tenants = await tenantsIn(newUrl())
    const call = { model: 'mock', messages: [{ role: 'user', content: 'Hi' }] }
    const ask = async (path: string, body: object, key?: string) =>
      (await tenants.ask('POST', path, { key, body: JSON.stringify(body) })).status
    for (let turn = 1; turn <= 4; turn++) {
      const held = { spend: turn, max_budget: 100 + turn, budget_duration: '30d' }
      const statuses = await Promise.all([
        ...times(() => ask('/v1/chat/completions', call, keys.tom)),
        ...inTurn<Promise<number>>(
          () => ask('/team/update', { team_id: 'blue', ...held }),
          () => ask('/key/update', { key: keys.tom, ...held }),
          () => ask('/user/update', { user_id: 'tom', ...held }),
          () => ask('/team/member_update', { team_id: 'blue', user_id: 'tom', max_budget_in_team: turn }),
        ),
      ])
      expect(new Set(statuses)).toEqual(new Set([200]))
    }
    // Whoever comes too late is told that there is no such key any more.
    const late = await Promise.all([
      ...times(() => ask('/v1/chat/completions', call, keys.tom)),
      ask('/team/delete', { team_ids: ['blue'] }),
      ask('/user/delete', { user_ids: ['tom'] }),
    ])
    expect(late.filter((status) => ![200, 401].includes(status))).toEqual([])
  })

  it('make one of a name, and say so to all others', async () => {
    const tenants = await tenantsIn(newUrl())
    for (const [path, body] of [
      ['/user/new', { user_id: 'twin', user_email: 'twin@blue.test', auto_create_key: false }],
      ['/team/new', { team_id: 'twins', members_with_roles: [{ user_id: 'twin-1' }, { user_id: 'twin-2' }] }],
      ['/key/generate', { key: 'sk-the-one', user_id: 'twin' }],
      ['/budget/new', { budget_id: 'one' }],
      ['/customer/new', { user_id: 'dave' }],
      ['/prompts', { name: 'one', template: 'Hi' }],
    ] as const) {
      const statuses = await allAtOnce(
        tenants,
        times(() => [path, body]),
      )
      expect([path, statuses.filter((status) => status === 200).length]).toEqual([path, 1])
    }
    // Blocking one that nobody has told of makes it, once.
    await allAtOnce(
      tenants,
      times(() => ['/customer/block', { user_ids: ['erin', 'frank'] }]),
    )
  })
})
