import { describeOnBoth } from '@tianjillm/testing'
import { expect, it, onTestFinished } from 'vitest'
import { MASTER_KEY, startGateway } from './support.ts'

type Ask = (method: string, path: string, body?: object, key?: string) => Promise<[status: number, body: Answer]>

/** What the routes answer with, as far as it is looked at here. */
interface Answer {
  readonly key: string
  readonly info: Readonly<Record<string, unknown>>
  readonly error: { readonly message: string; readonly param: string; readonly code: string }
}

async function started(url: string): Promise<Ask> {
  const gateway = await startGateway(`
model_list:
  - {model_name: mock, litellm_params: {model: mock/mock}}
general_settings: {master_key: ${MASTER_KEY}, database_url: '${url}'}
`)
  onTestFinished(() => gateway.stop(100))
  return async (method, path, body, key = MASTER_KEY) => {
    const response = await fetch(`${gateway.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    return [response.status, (await response.json()) as Answer]
  }
}

/** Every route, in an order in which each finds what it needs, and what of its answer is LiteLLM's. */
const walk: readonly (readonly [method: string, path: string, body: object | undefined, answer: unknown])[] = [
  ['POST', '/budget/new', { budget_id: 'small', max_budget: 1 }, { budget_id: 'small', max_budget: 1 }],
  ['POST', '/budget/update', { budget_id: 'small', max_budget: 2 }, { max_budget: 2 }],
  ['POST', '/budget/info', { budgets: ['small'] }, [{ budget_id: 'small' }]],
  ['GET', '/budget/list', undefined, [{ budget_id: 'small' }]],
  ['POST', '/organization/new', { organization_id: 'acme', organization_alias: 'Acme' }, { organization_id: 'acme' }],
  ['PATCH', '/organization/update', { organization_id: 'acme', max_budget: 5 }, { max_budget: 5 }],
  ['GET', '/organization/info?organization_id=acme', undefined, { organization_alias: 'Acme', teams: [] }],
  ['GET', '/organization/list', undefined, [{ organization_id: 'acme' }]],
  ['POST', '/user/new', { user_id: 'ada' }, { user_id: 'ada', key: expect.stringMatching(/^sk-/) }],
  [
    'POST',
    '/user/update',
    { user_id: 'ada', user_role: 'internal_user' },
    { user_id: 'ada', data: { user_id: 'ada' } },
  ],
  ['POST', '/user/block', { user_ids: ['ada'] }, { blocked_users: [{ user_id: 'ada' }] }],
  ['POST', '/user/unblock', { user_ids: ['ada'] }, { unblocked_users: [{ user_id: 'ada' }] }],
  ['GET', '/user/info?user_id=ada', undefined, { user_id: 'ada', user_info: {}, keys: [{}], teams: [] }],
  ['GET', '/user/list?page_size=1&role=internal_user', undefined, { users: [{ user_id: 'ada' }], total: 1 }],
  ['POST', '/team/new', { team_id: 'blue', organization_id: 'acme' }, { team_id: 'blue', members_with_roles: [] }],
  ['POST', '/team/update', { team_id: 'blue', team_alias: 'B' }, { team_id: 'blue', data: { team_alias: 'B' } }],
  ['POST', '/team/member_add', { team_id: 'blue', member: { role: 'user', user_id: 'ada' } }, { team_id: 'blue' }],
  ['POST', '/team/member_update', { team_id: 'blue', user_id: 'ada', max_budget_in_team: 1 }, { user_id: 'ada' }],
  ['POST', '/team/block', { team_id: 'blue' }, { blocked: true }],
  ['POST', '/team/unblock', { team_id: 'blue' }, { blocked: false }],
  ['GET', '/team/info?team_id=blue', undefined, { team_id: 'blue', team_memberships: [{ max_budget_in_team: 1 }] }],
  ['GET', '/team/list', undefined, [{ team_id: 'blue' }]],
  ['GET', '/v2/team/list?page=1&page_size=5', undefined, { teams: [{ team_id: 'blue' }], total: 1, total_pages: 1 }],
  ['POST', '/team/member_delete', { team_id: 'blue', user_id: 'ada' }, { members_with_roles: [] }],
  ...['customer', 'end_user'].flatMap((name): typeof walk => [
    ['POST', `/${name}/new`, { user_id: 'c1', budget_id: 'small' }, { user_id: 'c1' }],
    ['POST', `/${name}/update`, { user_id: 'c1', alias: 'Carol' }, { alias: 'Carol' }],
    ['GET', `/${name}/info?end_user_id=c1`, undefined, { litellm_budget_table: { max_budget: 2 } }],
    ['GET', `/${name}/list`, undefined, [{ user_id: 'c1' }]],
    ['POST', `/${name}/block`, { user_ids: ['c1'] }, { blocked_users: [{ blocked: true }] }],
    ['POST', `/${name}/unblock`, { user_ids: ['c1'] }, { unblocked_users: [{ blocked: false }] }],
    ['POST', `/${name}/delete`, { user_ids: ['c1'] }, { deleted_customers: ['c1'] }],
  ]),
  ['POST', '/team/delete', { team_ids: ['blue'] }, { deleted_teams: ['blue'] }],
  ['POST', '/user/delete', { user_ids: ['ada'] }, { deleted_users: ['ada'] }],
  ['DELETE', '/organization/delete', { organization_ids: ['acme'] }, { deleted_organizations: ['acme'] }],
  ['POST', '/budget/delete', { id: 'small' }, { budget_id: 'small' }],
]

const call = { model: 'mock', messages: [{ role: 'user', content: 'Hi' }] }

describeOnBoth('people in a database', (newUrl) => {
  it("are kept with LiteLLM's routes", async () => {
    const ask = await started(newUrl())
    for (const [method, path, body, answer] of walk) {
      const [status, told] = await ask(method, path, body)
      expect([path, status, told]).toMatchObject([path, 200, answer])
    }
  })

  it('are told, by their own key, of themselves and their teams, and no more', async () => {
    const ask = await started(newUrl())
    const [, { key }] = await ask('POST', '/user/new', { user_id: 'ada', user_role: 'internal_user' })
    await ask('POST', '/team/new', { team_id: 'blue', members_with_roles: [{ user_id: 'ada' }] })
    await ask('POST', '/team/new', { team_id: 'red' })
    for (const [path, status] of [
      ['/user/info', 200],
      ['/team/info?team_id=blue', 200],
      ['/team/info?team_id=red', 403],
      ['/team/info?team_id=none', 403],
      ['/budget/list', 403],
      ['/customer/list', 403],
      ['/organization/list', 403],
    ] as const)
      expect([path, (await ask('GET', path, undefined, key))[0]]).toEqual([path, status])
    expect((await ask('POST', '/user/new', { user_role: 'proxy_admin' }, key))[0]).toBe(403)
    expect((await ask('POST', '/user/update', { user_id: 'ada', user_role: 'proxy_admin' }, key))[0]).toBe(403)
    const [status, made] = await ask('POST', '/key/generate', { key_alias: 'mine' }, key)
    expect([status, made]).toMatchObject([200, { user_id: 'ada', created_by: 'ada' }])
  })

  it('are kept out at once when they are blocked, and their teams', async () => {
    const ask = await started(newUrl())
    await ask('POST', '/team/new', { team_id: 'blue' })
    const [, { key }] = await ask('POST', '/key/generate', { user_id: 'ada', team_id: 'blue' })
    const status = async () => (await ask('POST', '/v1/chat/completions', call, key))[0]
    expect(await status()).toBe(200)
    await ask('POST', '/user/block', { user_ids: ['ada'] })
    expect(await status()).toBe(401)
    await ask('POST', '/user/unblock', { user_ids: ['ada'] })
    await ask('POST', '/team/block', { team_id: 'blue' })
    expect(await status()).toBe(401)
    await ask('POST', '/team/unblock', { team_id: 'blue' })
    expect(await status()).toBe(200)
    await ask('POST', '/team/delete', { team_ids: ['blue'] })
    expect(await status()).toBe(401)
  })

  it('get a clear word for what is wrong', async () => {
    const ask = await started(newUrl())
    expect(await ask('POST', '/team/new', { max_bugdet: 1 })).toMatchObject([
      400,
      { error: { message: expect.stringContaining('max_budget'), param: 'max_bugdet' } },
    ])
    expect((await ask('GET', '/team/new'))[0]).toBe(405)
    expect((await ask('POST', '/organization/delete', {}))[0]).toBe(405)
    expect(await ask('GET', '/team/info?team_id=none')).toMatchObject([404, { error: { param: 'team_id' } }])
    expect(await ask('GET', '/user/list?page=x')).toMatchObject([400, { error: { param: 'page' } }])
  })
})
