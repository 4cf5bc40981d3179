import { describe, expect, it } from 'vitest'
import { identityProvider, readerOf } from './identity-provider.ts'

/** What a reader with these settings makes of a token with these claims. */
async function read(settings: Readonly<Record<string, unknown>>, claims: Readonly<Record<string, unknown>>) {
  const provider = await identityProvider()
  const { reader } = readerOf({ public_key_url: provider.keysUrl, ...settings })
  return reader.read(await provider.sign(claims))
}

const failing = (code: string, status = 401) =>
  expect.objectContaining({ status, facts: expect.objectContaining({ code }) })

describe('claims', () => {
  it('are found under the names that are configured, however deep', async () => {
    const fields = {
      user_id_jwt_field: 'user.id',
      user_email_jwt_field: 'https://example.com/email',
      team_id_jwt_field: 'resource_access.my.app.team',
      team_ids_jwt_field: 'groups',
      org_id_jwt_field: 'org',
      end_user_id_jwt_field: 'customer.member.id',
    }
    const claims = {
      user: { id: 7 },
      'https://example.com/email': 'ada@example.com',
      resource_access: { my: 1, 'my.app': { team: 'red' } },
      groups: ['blue', 'red'],
      org: 'acme',
      customer: { member: { id: 'c-1' } },
    }
    expect(await read(fields, claims)).toMatchObject({
      userId: '7',
      email: 'ada@example.com',
      teamIds: ['red', 'blue'],
      organizationId: 'acme',
      endUserId: 'c-1',
    })
  })

  it.each(['constructor', '__proto__', 'toString.name', 'hasOwnProperty', 'sub.length', '__proto__.constructor.name'])(
    'are never what every object has: %s',
    async (field) => {
      expect((await read({ user_id_jwt_field: field }, {})).userId).toBeUndefined()
    },
  )

  it('with the names of prototypes are texts like others', async () => {
    const claims = JSON.parse('{"__proto__": {"role": "proxy_admin"}, "sub": "__proto__", "groups": ["constructor"]}')
    expect(await read({ user_id_jwt_field: 'sub', team_ids_jwt_field: 'groups' }, claims)).toMatchObject({
      role: undefined,
      userId: '__proto__',
      teamIds: ['constructor'],
    })
  })

  it.each([
    ['user_id_jwt_field', { id: { $ne: 1 } }],
    ['user_id_jwt_field', { id: ['a'] }],
    ['user_id_jwt_field', { id: true }],
    ['user_id_jwt_field', { id: 'x'.repeat(257) }],
    ['user_id_jwt_field', { id: 'a\nb' }],
    ['team_ids_jwt_field', { id: ['a', 7] }],
    ['team_ids_jwt_field', { id: Array.from({ length: 1_001 }, (_, index) => `t${index}`) }],
    ['org_id_jwt_field', { id: {} }],
  ])('for %s that are %j are refused by name', async (field, claims) => {
    await expect(read({ [field]: 'id' }, claims)).rejects.toEqual(failing('token_claim_invalid'))
    await expect(read({ [field]: 'id' }, claims)).rejects.toThrow('The claim `id` of the token')
  })

  it('of a team have to be there, unless there is a default', async () => {
    const settings = { team_id_jwt_field: 'client_id', team_id_upsert: true, user_id_upsert: 'true' }
    await expect(read(settings, {})).rejects.toEqual(failing('token_claim_missing'))
    expect(await read({ ...settings, team_id_default: 'all' }, {})).toMatchObject({
      teamIds: ['all'],
      createsTeams: true,
      createsUser: true,
    })
    expect(await read({ ...settings, team_id_default: 'all' }, { client_id: 'red' })).toMatchObject({
      teamIds: ['red'],
    })
  })
})

describe('an e-mail address', () => {
  const settings = { user_email_jwt_field: 'email', user_allowed_email_domain: 'Example.com' }

  it('of the domain is let in', async () => {
    expect(await read(settings, { email: 'Ada@EXAMPLE.com' })).toMatchObject({ email: 'Ada@EXAMPLE.com' })
  })

  it.each([
    'ada@evil.com',
    'ada@example.com.evil.com',
    'ada@example.com@evil.com',
    'example.com',
    'ada@sub.example.com',
  ])('such as %s is not', async (email) => {
    await expect(read(settings, { email })).rejects.toEqual(failing('token_email_not_allowed', 403))
  })

  it('that the provider has not verified is not, and one has to be there', async () => {
    const claims = { email: 'ada@example.com', email_verified: false }
    await expect(read(settings, claims)).rejects.toEqual(failing('token_email_not_allowed', 403))
    await expect(read(settings, {})).rejects.toEqual(failing('token_claim_missing'))
  })
})

describe('a scope', () => {
  it.each([
    { scope: 'openid litellm_proxy_admin' },
    { scope: ['tianji_proxy_admin'] },
    { scp: 'a litellm_proxy_admin' },
    { scp: ['litellm_proxy_admin'] },
  ])('makes an admin, who needs no team: %j', async (claims) => {
    expect(await read({ team_id_jwt_field: 'team', enforce_rbac: true }, claims)).toMatchObject({ role: 'proxy_admin' })
  })

  it('that is configured takes the place of the usual ones', async () => {
    const settings = { admin_jwt_scope: 'boss' }
    expect((await read(settings, { scope: 'boss' })).role).toBe('proxy_admin')
    expect((await read(settings, { scope: 'litellm_proxy_admin bosses' })).role).toBeUndefined()
  })

  it('says which models may be used, and without one none may be', async () => {
    const settings = {
      enforce_scope_based_access: true,
      scope_mappings: [
        { scope: 'small', models: ['mini', 'nano'] },
        { scope: 'large', models: ['max'] },
        { scope: 'none' },
      ],
    }
    expect((await read(settings, { scope: 'large small' })).models).toEqual(['mini', 'nano', 'max'])
    for (const scope of ['', 'other', 'none', 'Small'])
      await expect(read(settings, { scope })).rejects.toEqual(failing('token_scope_not_allowed', 403))
    expect((await read(settings, { scope: 'litellm_proxy_admin' })).models).toBeUndefined()
  })
})

describe('a role', () => {
  const mapped = {
    enforce_rbac: true,
    object_id_jwt_field: 'oid',
    roles_jwt_field: 'resource_access.app.roles',
    role_mappings: [
      { role: 'boss', internal_role: 'proxy_admin' },
      { role: 'consumer', internal_role: 'team' },
      { role: 'person', internal_role: 'internal_user' },
    ],
  }
  const claims = (roles: unknown) => ({ oid: '42', resource_access: { app: { roles } } })

  it('says what an object is: a team, a user, an admin', async () => {
    expect(await read(mapped, claims(['consumer']))).toMatchObject({ role: 'team', teamIds: ['42'], userId: undefined })
    expect(await read(mapped, claims('other person'))).toMatchObject({
      role: 'internal_user',
      userId: '42',
      teamIds: [],
    })
    expect(await read(mapped, claims(['consumer', 'boss']))).toMatchObject({ role: 'proxy_admin', userId: '42' })
  })

  it('that is not known lets nobody in when roles are enforced', async () => {
    for (const roles of [[], ['stranger'], 'stranger', ['__proto__'], undefined])
      await expect(read(mapped, claims(roles))).rejects.toEqual(failing('token_role_not_allowed', 403))
    expect((await read({ ...mapped, enforce_rbac: false }, claims(['stranger']))).role).toBeUndefined()
  })

  it('among those that are allowed makes a user', async () => {
    const settings = { user_roles_jwt_field: 'roles', user_allowed_roles: ['basic'], enforce_rbac: true }
    expect((await read(settings, { roles: ['basic'] })).role).toBe('internal_user')
    await expect(read(settings, { roles: ['guest'] })).rejects.toEqual(failing('token_role_not_allowed', 403))
  })

  it('is not needed by a user or a team where no roles are configured', async () => {
    const settings = { enforce_rbac: true, user_id_jwt_field: 'uid' }
    expect(await read(settings, { uid: '1' })).toMatchObject({ role: undefined, userId: '1' })
    await expect(read(settings, {})).rejects.toEqual(failing('token_role_not_allowed', 403))
  })

  it('confines to its models, and those of scopes confine further', async () => {
    const settings = {
      ...mapped,
      role_permissions: [
        { role: 'team', models: ['gpt-*', 'claude'] },
        { role: 'internal_user', models: [] },
      ],
    }
    expect((await read(settings, claims('consumer'))).models).toEqual(['gpt-*', 'claude'])
    await expect(read(settings, claims('person'))).rejects.toEqual(failing('token_role_not_allowed', 403))
    const scoped = {
      ...settings,
      enforce_scope_based_access: true,
      scope_mappings: [
        { scope: 'a', models: ['gpt-4o', 'cl*', 'other'] },
        { scope: 'b', models: ['other'] },
      ],
    }
    expect((await read(scoped, { ...claims('consumer'), scope: 'a' })).models).toEqual(['gpt-4o', 'claude'])
    await expect(read(scoped, { ...claims('consumer'), scope: 'b' })).rejects.toEqual(
      failing('token_role_not_allowed', 403),
    )
  })
})

describe('routes', () => {
  it('are those of admins, of teams, of a role', async () => {
    const settings = {
      admin_allowed_routes: ['/key/*'],
      team_allowed_routes: ['openai_routes'],
      team_ids_jwt_field: 'groups',
      user_id_jwt_field: 'sub',
      role_permissions: [{ role: 'internal_user', routes: ['/v1/chat/completions'] }],
    }
    expect((await read(settings, { scope: 'litellm_proxy_admin' })).routes).toEqual(['/key/*'])
    expect((await read(settings, { groups: ['a'] })).routes).toEqual(['openai_routes'])
    expect((await read(settings, {})).routes).toEqual(['/v1/chat/completions'])
    expect((await read({ ...settings, user_id_jwt_field: null }, {})).routes).toBeUndefined()
  })

  it('of scopes confine further, and none is none, not all', async () => {
    const settings = {
      user_id_jwt_field: 'sub',
      enforce_scope_based_access: true,
      scope_mappings: [{ scope: 'a', models: ['*'], routes: ['/v1/*'] }],
      role_permissions: [{ role: 'internal_user', routes: ['/v1/embeddings', '/key/info'] }],
    }
    expect((await read(settings, { scope: 'a' })).routes).toEqual(['/v1/embeddings'])
    const none = { ...settings, role_permissions: [{ role: 'internal_user', routes: ['/key/info'] }] }
    await expect(read(none, { scope: 'a' })).rejects.toEqual(failing('token_role_not_allowed', 403))
    await expect(read({ admin_allowed_routes: [] }, { scope: 'litellm_proxy_admin' })).rejects.toEqual(
      failing('token_role_not_allowed', 403),
    )
  })
})
