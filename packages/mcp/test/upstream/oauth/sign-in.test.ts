import { expect, test } from 'vitest'
import { answerOf, place, signing } from './signing.ts'

test('a user signs in at the authorization server that the server names, with PKCE and for this server alone', async () => {
  const { enter, grants, key, authority, server } = await signing()
  await enter('ada')
  const [request] = authority.seen.filter(({ at }) => at === 'GET /authorize')
  expect(request?.params).toMatchObject({
    code_challenge_method: 'S256',
    resource: server.url,
    redirect_uri: place.redirectUrl,
  })
  const grant = await grants.find(key, 'ada')
  expect(authority.given(grant!.accessToken)).toMatchObject({ user: 'ada', resource: server.url })
})

test('the gateway makes itself known once for all users, also when they come at the same time', async () => {
  const { enter, authority } = await signing()
  await Promise.all([enter('ada'), enter('bob')])
  await enter('cyd')
  expect(authority.seen.filter(({ at }) => at === 'POST /register')).toHaveLength(1)
})

test('a gateway on https is known by the address of its own description, where that is taken', async () => {
  const { enter, authority } = await signing({ authority: { takesClientDocuments: true, authMethods: ['none'] } })
  await enter('ada', { ...place, clientMetadataUrl: 'https://gateway.example/client-metadata.json' })
  expect(authority.seen.map(({ at }) => at)).not.toContain('POST /register')
  expect(authority.seen.at(-1)?.params).toMatchObject({ client_id: 'https://gateway.example/client-metadata.json' })
})

test('a configured client is used as it is', async () => {
  const { enter, authority, whoIs } = await signing({
    authority: { registers: false },
    settings: { clientId: 'known', clientSecret: 'known secret', scopes: ['read', 'write'] },
  })
  await enter('ada')
  expect(await whoIs('ada')).toBe('ada')
  expect(authority.seen.find(({ at }) => at === 'GET /authorize')?.params).toMatchObject({
    client_id: 'known',
    scope: 'read write',
  })
})

test('configured addresses are asked, and nobody else', async () => {
  const { authority: other } = await signing()
  const { enter, server, authority, whoIs } = await signing({
    server: { resource: undefined },
    settings: { authorizationUrl: 'http://127.0.0.1:1/', tokenUrl: 'http://127.0.0.1:1/' },
  })
  expect(await enter('ada').catch(({ message }) => message)).toBe(
    'Signing in to the MCP server docs failed: its authorization server cannot be used.',
  )
  expect(authority.seen).toEqual([])
  expect(other.seen).toEqual([])
  expect(server.tokens).toEqual([''])
  await expect(whoIs('ada')).rejects.toThrow('sign in at https://gateway/sign-in?ada')
})

test('a server without any metadata is its own authorization server at the usual addresses', async () => {
  const { authority, enter } = await signing({ server: { resource: undefined } })
  // Nothing is found at the server, which is another here.
  await expect(enter('ada')).rejects.toThrow('its authorization server does not take the gateway as a client (404)')
  expect(authority.seen).toEqual([])
})

test.each([
  ['scopes in the refusal', { challengeScope: 'call', scopes: ['list'] }, {}, 'call'],
  ['scopes of its metadata', { scopes: ['list', 'call'] }, {}, 'list call'],
  ['no scopes', {}, {}, undefined],
  ['refresh tokens only when asked', { scopes: ['list'] }, { scopes: ['offline_access'] }, 'list offline_access'],
])('a server with %s is asked for these', async (_, server, authority, scope) => {
  const house = await signing({ server, authority })
  await house.enter('ada')
  expect(house.authority.seen.find(({ at }) => at === 'GET /authorize')?.params.scope).toBe(scope)
})

test.each([
  ['has another issuer in its metadata', { issuer: 'http://127.0.0.1:1' }, {}],
  ['has no PKCE by SHA-256', { challengeMethods: ['plain'] }, {}],
  ['has an address for tokens that others can read', { metadata: { token_endpoint: 'http://example.com/token' } }, {}],
  [
    'sends browsers to where others can read',
    { metadata: { authorization_endpoint: 'http://example.com/authorize' } },
    {},
  ],
  ['sends browsers to what is no page', { metadata: { authorization_endpoint: 'javascript:alert(1)' } }, {}],
])('nobody is sent to an authorization server that %s', async (_, authority, server) => {
  const { signIn } = await signing({ authority, server })
  await expect(signIn.begin(place)).rejects.toMatchObject({ kind: 'upstream_auth_failed' })
})

test('a server that says it is another gets no token of that one', async () => {
  const { signIn } = await signing({ server: { resource: 'https://bank.example/mcp' } })
  await expect(signIn.begin(place)).rejects.toThrow('it says that it is another resource')
})

test.each([
  ['from somebody else', { iss: 'wrong' as const }],
  ['from nobody, although it says that it names itself', { iss: 'missing' as const }],
])('an answer %s is not used', async (_, authority) => {
  const { enter, authority: asked, grants, key } = await signing({ authority })
  await expect(enter('ada')).rejects.toThrow('the answer is not from its authorization server')
  expect(asked.seen.map(({ at }) => at)).not.toContain('POST /token')
  expect(await grants.find(key, 'ada')).toBeUndefined()
})

test('an authorization server that never names itself is taken at its word', async () => {
  const { enter, whoIs } = await signing({ authority: { iss: 'missing', saysIssuer: false } })
  await enter('ada')
  expect(await whoIs('ada')).toBe('ada')
})

test('a code of one sign-in is of no use in another', async () => {
  const { signIn } = await signing()
  const [one, other] = [await signIn.begin(place), await signIn.begin(place)]
  const answer = await answerOf(one.url)
  await expect(signIn.finish('ada', other.pending, answer)).rejects.toThrow('says no (invalid_grant)')
})

test('an authorization server that has forgotten the gateway is told again', async () => {
  const { enter, authority, signIn, whoIs } = await signing()
  const { url, pending } = await signIn.begin(place)
  const answer = await answerOf(url)
  authority.forgetClients()
  await expect(signIn.finish('ada', pending, answer)).rejects.toThrow('says no (invalid_client)')
  await enter('ada')
  expect(await whoIs('ada')).toBe('ada')
})

test('a public server cannot have the gateway ask in its own network', async () => {
  const asked: string[] = []
  const { createSignIn } = await import('../../../src/upstream/oauth/sign-in.ts')
  const { createMemoryGrants } = await import('../../../src/upstream/oauth/grants.ts')
  const host = {
    now: Date.now,
    fetch: async (url: string | URL | Request) => {
      asked.push(String(url))
      const headers = { 'www-authenticate': 'Bearer resource_metadata="http://169.254.169.254/latest"' }
      return new Response(null, { status: 401, headers })
    },
  }
  const settings = { type: 'authorization_code', scopes: [] } as const
  const server = { name: 'docs', url: 'https://mcp.example/mcp' }
  const signIn = createSignIn(server, settings, { grants: createMemoryGrants(), host })
  await expect(signIn.begin(place)).rejects.toMatchObject({ kind: 'upstream_auth_failed' })
  expect(asked.filter((url) => !url.startsWith('https://mcp.example/'))).toEqual([])
})
