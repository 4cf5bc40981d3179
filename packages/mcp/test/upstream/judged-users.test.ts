import { createCatalog } from '@tianjillm/mcp'
import { authorizationServer, logOf, protectedServer } from '@tianjillm/testing-mcp'
import { expect, onTestFinished, test } from 'vitest'
import { createBroughtToken } from '../../src/upstream/oauth/brought-token.ts'
import { createPersonalUpstream } from '../../src/upstream/personal-upstream.ts'

/** A server whose users are their tokens, which it judges. */
async function judging() {
  const authority = await authorizationServer()
  const server = await protectedServer(authority)
  const transport = { type: 'http', url: server.url, headers: {}, auth: undefined } as const
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const upstream = createPersonalUpstream(
    { name: 'docs', transport, personal: { type: 'passthrough', isOpen: false } },
    { now: Date.now, fetch, log },
    {
      ownerOf: (caller) => caller as string | undefined,
      knownAs: (owner) => (owner === '' ? undefined : owner),
      reach: (token, onEnd) => ({
        ...transport,
        auth: { type: 'tokens', tokens: createBroughtToken('docs', token, onEnd) },
      }),
      areJudged: true,
      linkFor: () => undefined,
      otherwise: 'bring a token',
    },
  )
  onTestFinished(async () => {
    await upstream.close()
    await Promise.all([server.close(), authority.close()])
  })
  const conversation = await upstream.open({ capabilities: {}, request: undefined, notify: undefined })
  const whoIs = async (token: string) => {
    const { content } = await conversation.request('tools/call', { name: 'whoami' }, { caller: token })
    return (content as readonly { readonly text: string }[])[0]?.text
  }
  return { authority, server, upstream, whoIs }
}

test('whom the server takes has a server of their own, once', async () => {
  const { authority, server, upstream, whoIs } = await judging()
  const [ada, bob] = [authority.tokenFor('ada'), authority.tokenFor('bob')]
  expect(await Promise.all([ada, bob, ada].map(whoIs))).toEqual(['ada', 'bob', 'ada'])
  const own = upstream.personal?.of(ada)
  expect(await upstream.personal?.find(ada)).toBe(own)
  expect(new Set(server.tokens)).toEqual(new Set([ada, bob]))
})

test('whom the server refuses is told, and changes nothing for others', async () => {
  const { authority, upstream, whoIs } = await judging()
  const log = logOf()
  const catalog = createCatalog([{ upstream }], { log, now: Date.now })
  onTestFinished(() => catalog.close())
  const good = authority.tokenFor('ada')
  const view = await catalog.view({ owner: good })
  let changes = 0
  catalog.onChange(() => changes++)
  for (let count = 0; count < 20; count++)
    await expect(whoIs(`made up ${count}`)).rejects.toMatchObject({ facts: { code: 'sign_in_required' } })
  expect(await upstream.personal?.find('made up')).toBeUndefined()
  expect([changes, log.lines]).toEqual([0, []])
  expect(await catalog.view({ owner: good })).toBe(view)
  expect(upstream.health).toMatchObject({ status: 'healthy', failure: undefined })
})

test('a token that ends takes its server along', async () => {
  const { authority, upstream, whoIs } = await judging()
  const token = authority.tokenFor('ada')
  expect(await whoIs(token)).toBe('ada')
  authority.revoke('access')
  await expect(whoIs(token)).rejects.toThrow('bring a token')
  expect(upstream.personal?.of(token)).toBeUndefined()
  expect(await upstream.personal?.find(token)).toBeUndefined()
})

test('processes of users are few: who asked longest ago gives way', async () => {
  const transport = { type: 'stdio', command: 'none', args: [], env: {} } as const
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const upstream = createPersonalUpstream(
    { name: 'local', transport, personal: { type: 'header_variables', variables: { WHO: 'x-who' } } },
    { now: Date.now, fetch, log },
    {
      ownerOf: () => undefined,
      knownAs: (owner) => owner,
      reach: (owner) => ({ ...transport, env: { WHO: owner } }),
      areJudged: false,
      linkFor: () => undefined,
      otherwise: 'send x-who',
    },
  )
  onTestFinished(() => upstream.close())
  for (let user = 0; user < 32; user++) await upstream.personal?.find(String(user))
  await upstream.personal?.find('0')
  await upstream.personal?.find('one more')
  const there = (user: string) => upstream.personal?.of(user) !== undefined
  expect(['0', '1', '2', 'one more'].map(there)).toEqual([true, false, true, true])
})
