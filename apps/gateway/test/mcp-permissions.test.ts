import { readConfig } from '@tianjillm/config'
import { describeOnBoth } from '@tianjillm/testing'
import { fakeServer, houseOf, toolOf } from '@tianjillm/testing-mcp'
import { describe, expect, it, onTestFinished, test } from 'vitest'
import { problemsOfKeys } from '../src/mcp/known-names.ts'
import { mcpOfPermission } from '../src/mcp/object-permission.ts'
import { MASTER_KEY, startGateway } from './support.ts'

const tools = ['read', 'write']

/** A gateway in front of four servers, with a database where people, teams and keys are confined. */
async function started(database: string, keys = '[]') {
  const house = await houseOf([fakeServer('s', { tools: tools.map((name) => toolOf(name)) })], {
    catalogued: { separator: '_' },
  })
  onTestFinished(() => house.close())
  const url = `url: "${house.url}/mcp"`
  const gateway = await startGateway(`
general_settings: {master_key: ${MASTER_KEY}, database_url: '${database}'}
keys: ${keys}
mcp_servers:
  docs: {${url}, access_groups: [office]}
  mail: {${url}, alias: post, access_groups: [office]}
  shell: {${url}}
  open: {${url}, allow_all_keys: true}
`)
  onTestFinished(() => gateway.stop(100))
  const ask = async (path: string, body: object, key = MASTER_KEY) => {
    const response = await fetch(`${gateway.url}${path}`, {
      method: path === '/organization/update' ? 'PATCH' : 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify(body),
    })
    // What routes answer is told by the tests below.
    return { status: response.status, body: JSON.parse(await response.text()) as Answer }
  }
  const look = async (path: string, key = MASTER_KEY): Promise<Answer> => {
    const response = await fetch(`${gateway.url}${path}`, { headers: { authorization: `Bearer ${key}` } })
    return response.json()
  }
  /** `server tool`, of what a key sees. */
  const seen = async (key: string): Promise<readonly string[]> => {
    const list = await look('/mcp-rest/tools/list', key)
    return list.tools.map(({ name, mcp_info }: Answer) => `${mcp_info.server_name} ${name.slice(2)}`)
  }
  await ask('/v1/mcp/server', { server_id: 'wiki-id', server_name: 'wiki', url: `${house.url}/mcp` })
  return { ask, look, seen, url: gateway.url }
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into
type Answer = any

const all = (...names: readonly string[]) => names.flatMap((name) => tools.map((tool) => `${name} ${tool}`))

describeOnBoth('object_permission', (newUrl) => {
  it.each([
    ['a server', { mcp_servers: ['docs'] }, all('docs', 'open')],
    ['an alias and an id', { mcp_servers: ['post', 'wiki-id'] }, all('mail', 'open', 'wiki')],
    ['an access group', { mcp_access_groups: ['office'] }, all('docs', 'mail', 'open')],
    ['both', { mcp_servers: ['wiki'], mcp_access_groups: ['office'] }, all('docs', 'mail', 'open', 'wiki')],
    ['none', { mcp_servers: [] }, all('open')],
    ['tools of a server', { mcp_tool_permissions: { docs: ['s_read'] } }, ['docs read', ...all('open')]],
    [
      'a server, and tools of it by its id',
      { mcp_servers: ['wiki', 'shell'], mcp_tool_permissions: { 'wiki-id': ['s_write'] } },
      [...all('shell', 'open'), 'wiki write'],
    ],
    ['what is no MCP server', { vector_stores: ['v'] }, all('docs', 'mail', 'shell', 'open', 'wiki')],
  ])('of a key confines it to %s', async (_, object_permission, expected) => {
    const { ask, look, seen } = await started(newUrl())
    const { body } = await ask('/key/generate', { object_permission })
    expect(body.object_permission).toEqual(object_permission)
    expect((await look('/key/info', body.key)).info.object_permission).toEqual(object_permission)
    expect(await seen(body.key)).toEqual(expected)
    await ask('/key/update', { key: body.key, object_permission: null })
    expect(await seen(body.key)).toEqual(all('docs', 'mail', 'shell', 'open', 'wiki'))
  })

  it('of an organization, a team, a user and a key narrow one another', async () => {
    const { ask, look, seen } = await started(newUrl())
    const confine = (...mcp_servers: string[]) => ({ object_permission: { mcp_servers } })
    await ask('/organization/new', {
      organization_id: 'o',
      organization_alias: 'o',
      ...confine('docs', 'mail', 'shell'),
    })
    await ask('/team/new', { team_id: 't', organization_id: 'o', ...confine('docs', 'mail', 'wiki') })
    await ask('/user/new', { user_id: 'u', auto_create_key: false, ...confine('docs', 'shell', 'mail') })
    const { body } = await ask('/key/generate', { user_id: 'u', team_id: 't' })
    expect(await seen(body.key)).toEqual(all('docs', 'mail', 'open'))
    await ask('/key/update', { key: body.key, ...confine('mail', 'wiki') })
    expect(await seen(body.key)).toEqual(all('mail', 'open'))
    await ask('/user/update', { user_id: 'u', ...confine('docs') })
    expect(await seen(body.key)).toEqual(all('open'))
    await ask('/organization/update', { organization_id: 'o', object_permission: null })
    await ask('/team/update', { team_id: 't', object_permission: null })
    await ask('/user/update', { user_id: 'u', object_permission: null })
    expect(await seen(body.key)).toEqual(all('mail', 'open', 'wiki'))
    expect((await look('/team/info?team_id=t')).team_info.object_permission).toBeNull()
    expect((await look('/organization/info?organization_id=o')).object_permission).toBeNull()
    expect((await look('/user/info?user_id=u')).user_info.object_permission).toBeNull()
  })

  it('with a name that is not there is refused, with a hint', async () => {
    const { ask } = await started(newUrl())
    const refusals = [
      [{ mcp_servers: ['doc'] }, 'mcp_servers', 'there is no MCP server "doc". Did you mean docs?'],
      [{ mcp_access_groups: ['ofice'] }, 'mcp_access_groups', 'Did you mean office?'],
      [{ mcp_tool_permissions: { wikki: [] } }, 'mcp_tool_permissions', 'Did you mean wiki?'],
      [{ mcp_server: ['docs'] }, 'mcp_server', ''],
      [{ mcp_servers: 'docs' }, 'mcp_servers', ''],
    ] as const
    for (const [object_permission, field, hint] of refusals)
      for (const [path, more] of [
        ['/key/generate', {}],
        ['/team/new', {}],
        ['/user/new', {}],
        ['/organization/new', { organization_alias: 'o' }],
      ] as const)
        expect(await ask(path, { ...more, object_permission })).toMatchObject({
          status: 400,
          body: { error: { param: `object_permission.${field}`, message: expect.stringContaining(hint) } },
        })
  })

  it('cannot be widened by whoever holds a key, nor does it tell them what there is', async () => {
    const { ask, seen } = await started(newUrl())
    await ask('/user/new', {
      ...{ user_id: 'u', user_role: 'internal_user', auto_create_key: false },
      object_permission: { mcp_servers: ['docs'] },
    })
    const object_permission = { mcp_servers: ['shell', 'nothing'] }
    const { body } = await ask('/key/generate', { user_id: 'u', object_permission: { mcp_servers: ['docs'] } })
    expect((await ask('/key/update', { key: body.key, object_permission }, body.key)).status).toBe(403)
    expect((await ask('/key/update', { key: body.key, object_permission: null }, body.key)).status).toBe(403)
    expect((await ask('/user/update', { user_id: 'u', object_permission }, body.key)).status).toBe(403)
    const own = await ask('/key/generate', { object_permission }, body.key)
    expect(own.status).toBe(200)
    expect(await seen(own.body.key)).toEqual(all('open'))
    await ask('/key/update', { key: own.body.key, object_permission: null }, own.body.key)
    expect(await seen(own.body.key)).toEqual(all('docs', 'open'))
  })
})

describe('object_permission of a key of the file', () => {
  it('confines it as well', async () => {
    const permission = '{mcp_access_groups: [office], mcp_tool_permissions: {docs: [s_read]}}'
    const { seen } = await started('sqlite::memory:', `[{key: sk-filed, object_permission: ${permission}}]`)
    expect(await seen('sk-filed')).toEqual(['docs read', ...all('mail', 'open')])
  })
})

test.each([
  [{}, {}],
  [{ mcp_servers: null, mcp_tool_permissions: null }, {}],
  [{ mcp_servers: ['a'], mcp_access_groups: ['g'] }, { servers: ['a', 'g'] }],
  [{ mcp_access_groups: [] }, { servers: [] }],
  [{ mcp_tool_permissions: { a: ['t'] } }, { servers: ['a'], tool_permissions: { a: ['t'] } }],
  [
    { mcp_servers: ['b'], mcp_tool_permissions: { a: ['t'] } },
    { servers: ['b'], tool_permissions: { a: ['t'] } },
  ],
])('%o means %o', (permission, mcp) => {
  expect(mcpOfPermission(permission)).toEqual(mcp)
})

test('names in a key of the file that are not there are told with their lines, unless a database may have them', () => {
  const yaml = `
mcp_servers: {docs: {url: "https://a", access_groups: [office]}}
keys:
  - key: sk-a
    object_permission: {mcp_servers: [doc]}
  - key: sk-b
    object_permission: {mcp_server: [docs]}
  - {key: sk-c, object_permission: {mcp_servers: [docs], mcp_access_groups: [office]}}
`
  const { config } = readConfig(yaml, { env: () => undefined })
  const told = (hasMore: boolean) =>
    problemsOfKeys(config!, hasMore).map(({ line, path, message }) => `${line} ${path}: ${message}`)
  const unknown = '7 keys[1].object_permission.mcp_server: unknown key, without effect. Did you mean mcp_servers?'
  const missing = '5 keys[0].object_permission.mcp_servers: there is no MCP server "doc". Did you mean docs?'
  expect(told(false)).toEqual([missing, unknown])
  expect(told(true)).toEqual([unknown])
})
