import type { JsonObject } from '@tianjillm/core'
import { createCatalog } from '@tianjillm/mcp'
import { logOf } from '@tianjillm/testing-mcp'
import { expect, onTestFinished, test } from 'vitest'
import { answerOf, place, type Signing, signing } from './oauth/signing.ts'

const tokenRequests = ({ authority }: Signing) =>
  authority.seen.filter(({ at, params }) => at === 'POST /token' && params.grant_type === 'refresh_token')

function catalogOf({ upstream }: Signing) {
  const catalog = createCatalog([{ upstream }], { log: logOf(), now: Date.now })
  onTestFinished(() => catalog.close())
  return catalog
}

const names = ({ tools }: { readonly tools: readonly { readonly name: string }[] }) => tools.map(({ name }) => name)

test.each(['modern', 'legacy'] as const)('each user is themselves to a %s server', async (era) => {
  const { enter, whoIs } = await signing({ server: { era } })
  await Promise.all([enter('ada'), enter('bob')])
  expect(await Promise.all(['ada', 'bob', 'ada'].map(whoIs))).toEqual(['ada', 'bob', 'ada'])
})

test('who has not signed in is told where to do so', async () => {
  const { whoIs } = await signing()
  await expect(whoIs('ada')).rejects.toMatchObject({
    message: 'To use the MCP server docs, sign in at https://gateway/sign-in?ada& and call the tool again.',
    kind: 'permission_denied',
    facts: { code: 'sign_in_required' },
  })
})

test('who has signed in sees what the server offers to them, and nobody else does', async () => {
  const house = await signing()
  const catalog = catalogOf(house)
  await Promise.all([house.enter('ada'), house.enter('bob')])
  expect(names(await catalog.view({ owner: 'ada' }))).toEqual(['docs-whoami', 'docs-of_ada'])
  expect(names(await catalog.view({ owner: 'bob' }))).toEqual(['docs-whoami', 'docs-of_bob'])
  for (const filter of [{}, { owner: 'eve' }]) {
    const view = await catalog.view(filter)
    expect([names(view), view.unavailable]).toEqual([['docs-sign_in'], ['docs']])
  }
})

test('who signs in is told that lists have changed', async () => {
  const house = await signing()
  const catalog = catalogOf(house)
  const before = (await catalog.view({ owner: 'ada' })).mark('tools')
  const { promise: told, resolve } = Promise.withResolvers<void>()
  catalog.onChange(() => catalog.peek({ owner: 'ada' }).mark('tools') !== before && resolve())
  await house.enter('ada')
  await house.upstream.personal?.find('ada')
  await catalog.view({ owner: 'ada' })
  await told
})

test('a tool that somebody knows from before can be found without a list, within what is allowed', async () => {
  const { upstream } = await signing()
  const source = { upstream, disallowedTools: ['drop'] }
  const catalog = createCatalog([source], { log: logOf(), now: Date.now })
  onTestFinished(() => catalog.close())
  expect(catalog.peek({ owner: 'ada' }).tool('docs-whoami')).toMatchObject({ name: 'whoami', source })
  for (const name of ['docs-drop', 'docs-drop it', `docs-${'long'.repeat(20)}`])
    expect(catalog.peek({ owner: 'ada' }).tool(name)).toBeUndefined()
  expect(catalog.peek({ owner: 'ada', servers: [['other']] }).tool('docs-whoami')).toBeUndefined()
  expect(catalog.peek({ owner: 'ada' }).tool('other')).toBeUndefined()
})

test('a token is renewed before its end, once for all who need it', async () => {
  const house = await signing()
  const { enter, whoIs, clock } = house
  await enter('ada')
  await whoIs('ada')
  clock.now += 3_540_000
  await Promise.all([1, 2, 3, 4].map(() => whoIs('ada')))
  expect(tokenRequests(house)).toHaveLength(1)
})

test('a token that is refused before its end is renewed', async () => {
  const house = await signing()
  await house.enter('ada')
  house.authority.revoke('access')
  expect(await house.whoIs('ada')).toBe('ada')
  expect(tokenRequests(house)).toHaveLength(1)
})

test('who is not trusted any more has to sign in again, and is told so', async () => {
  const house = await signing()
  const { enter, whoIs, authority, grants, key } = house
  await enter('ada')
  await whoIs('ada')
  authority.revoke('all')
  await expect(whoIs('ada')).rejects.toMatchObject({ facts: { code: 'sign_in_required' } })
  expect(await grants.find(key, 'ada')).toBeUndefined()
  await expect(whoIs('ada')).rejects.toMatchObject({ facts: { code: 'sign_in_required' } })
  expect(tokenRequests(house)).toHaveLength(1)
  await enter('ada')
  expect(await whoIs('ada')).toBe('ada')
})

test('without refresh tokens the end of a token is the end', async () => {
  const { enter, whoIs, clock } = await signing({ authority: { refreshes: false } })
  await enter('ada')
  clock.now += 3_590_000
  expect(await whoIs('ada')).toBe('ada')
  clock.now += 20_000
  await expect(whoIs('ada')).rejects.toMatchObject({ facts: { code: 'sign_in_required' } })
})

test('an authorization server that is down costs nobody their grant', async () => {
  const { enter, whoIs, clock, authority } = await signing()
  await enter('ada')
  authority.behaviour.down = 503
  clock.now += 3_550_000
  expect(await whoIs('ada')).toBe('ada')
  clock.now += 60_000
  await expect(whoIs('ada')).rejects.toMatchObject({ kind: 'upstream_auth_failed' })
  authority.behaviour.down = undefined
  expect(await whoIs('ada')).toBe('ada')
})

test('a refused token is no reason to forget a grant while nobody can say whether it is good', async () => {
  const { enter, whoIs, authority } = await signing()
  await enter('ada')
  await whoIs('ada')
  authority.revoke('access')
  authority.behaviour.down = 503
  for (const _ of [1, 2]) await expect(whoIs('ada')).rejects.toMatchObject({ kind: 'upstream_auth_failed' })
  authority.behaviour.down = undefined
  expect(await whoIs('ada')).toBe('ada')
})

test('a grant that another process renewed first is used', async () => {
  const { enter, whoIs, clock, grants, key, authority } = await signing()
  await enter('ada')
  await whoIs('ada')
  const grant = (await grants.find(key, 'ada'))!
  authority.revoke('all')
  const renewed = { ...grant, accessToken: authority.tokenFor('ada'), refreshToken: 'of the other process' }
  await grants.save(key, 'ada', { ...renewed, renewAt: undefined, expiresAt: undefined })
  clock.now += 3_590_000 - 3_535_000
  expect(await whoIs('ada')).toBe('ada')
})

test('who has signed out elsewhere is out here within a minute', async () => {
  const { enter, whoIs, clock, signIn } = await signing()
  await enter('ada')
  await whoIs('ada')
  await signIn.end('ada')
  clock.now += 60_000
  await expect(whoIs('ada')).rejects.toMatchObject({ facts: { code: 'sign_in_required' } })
})

test('a call that needs more asks for that besides what there is', async () => {
  const { enter, whoIs } = await signing({ server: { scopes: ['list'], callScope: 'call' } })
  await enter('ada')
  await expect(whoIs('ada')).rejects.toThrow('sign in at https://gateway/sign-in?ada&list call and')
  await enter('ada', undefined, 'list call')
  expect(await whoIs('ada')).toBe('ada')
})

const url = { elicitation: { url: {} } }

test('a client that can show its user a link waits while they sign in', async () => {
  const { upstream, enter } = await signing()
  const asked: JsonObject[] = []
  const conversation = await upstream.open({
    capabilities: url,
    notify: undefined,
    request: async (method, params) => {
      asked.push({ method, ...params })
      await enter('ada')
      return { action: 'accept' }
    },
  })
  expect(await conversation.request('tools/call', { name: 'whoami' }, { caller: 'ada' })).toMatchObject({
    content: [{ text: 'ada' }],
  })
  expect(asked).toEqual([
    expect.objectContaining({ method: 'elicitation/create', mode: 'url', url: 'https://gateway/sign-in?ada&' }),
  ])
})

test('who asks to sign in, and has, is told so', async () => {
  const { upstream, enter } = await signing()
  const conversation = await upstream.open({ capabilities: {}, request: undefined, notify: undefined })
  const call = () => conversation.request('tools/call', { name: 'sign_in' }, { caller: 'ada' })
  await expect(call()).rejects.toThrow('sign in at')
  await enter('ada')
  expect(await call()).toMatchObject({ content: [{ text: 'Signed in to docs.' }] })
})

test('a user who does not want to sign in is not asked twice', async () => {
  const { upstream } = await signing()
  const request = async () => ({ action: 'decline' })
  const conversation = await upstream.open({ capabilities: url, notify: undefined, request })
  await expect(conversation.request('tools/call', { name: 'whoami' }, { caller: 'ada' })).rejects.toMatchObject({
    facts: { code: 'sign_in_required' },
  })
})

test('a client of the newer protocol comes back when its user has signed in', async () => {
  const { upstream, enter } = await signing()
  const conversation = await upstream.open({ capabilities: url, notify: undefined, request: undefined })
  const call = (more: JsonObject = {}) =>
    conversation.request('tools/call', { name: 'whoami', ...more }, { caller: 'ada' })
  const { resultType, inputRequests } = await call()
  const [[name, question]] = Object.entries(inputRequests as JsonObject) as [[string, unknown]]
  expect(resultType).toBe('input_required')
  expect(question).toMatchObject({ method: 'elicitation/create', params: { mode: 'url' } })
  await expect(call({ inputResponses: { [name]: { action: 'accept' } } })).rejects.toThrow('sign in at')
  await enter('ada')
  expect(await call({ inputResponses: { [name]: { action: 'accept' } } })).toMatchObject({ content: [{ text: 'ada' }] })
})

test('who signs in as somebody else is somebody else from then on', async () => {
  const { upstream, signIn, whoIs, enter } = await signing()
  await enter('ada')
  expect(await whoIs('ada')).toBe('ada')
  const { url: there, pending } = await signIn.begin(place)
  await signIn.finish('ada', pending, await answerOf(there, 'bob'))
  upstream.personal?.renew('ada')
  expect(await whoIs('ada')).toBe('bob')
})
