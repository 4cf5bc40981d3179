import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import {
  type AnyClient,
  type AuthorizationServer,
  authorizationServer,
  clientBy,
  linkClient,
  type ProtectedServer,
  protectedServer,
} from '@tianjillm/testing-mcp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Started } from '../src/index.ts'
import { MASTER_KEY, startGateway } from './support.ts'

let authority: AuthorizationServer
let server: ProtectedServer
let gateway: Started
let folder: string

const configuration = () => `
general_settings:
  master_key: ${MASTER_KEY}
  database_url: "sqlite:${join(folder, 'tokens.db')}"
keys:
  - {key: sk-ada, key_alias: of Ada, user_id: ada}
  - {key: sk-ada-too, user_id: ada}
  - {key: sk-bob, key_alias: "<b>of Bob</b>"}
  - {key: sk-eve, metadata: {mcp: {servers: [nothing]}}}
mcp_servers:
  docs: {url: "${server.url}", auth_type: oauth2, transport: http}
`

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-oauth-'))
  authority = await authorizationServer()
  server = await protectedServer(authority)
  gateway = await startGateway(configuration())
})

afterAll(async () => {
  await gateway.stop(1_000)
  await Promise.all([server.close(), authority.close()])
  rmSync(folder, { recursive: true })
})

const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
const authorizePath = '/v1/mcp/server/docs/authorize'

function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
  return fetch(new URL(path, gateway.url), { method, headers, redirect: 'manual' })
}

/** Keeps cookies, and asks as a browser does. */
function browser(user: string) {
  const jar = new Map([['x-user', user]])
  return async (url: string, method = 'GET', headers: Record<string, string> = {}): Promise<Response> => {
    const cookie = [...jar].map((pair) => pair.join('=')).join('; ')
    const response = await fetch(url, { method, headers: { cookie, ...headers }, redirect: 'manual' })
    for (const text of response.headers.getSetCookie()) {
      const [name = '', value = ''] = text.split(';')[0]!.split('=')
      jar.set(name, value)
    }
    return response
  }
}

const locationOf = (response: Response) => response.headers.get('location')!

async function linkFor(key: string): Promise<string> {
  return locationOf(await get(authorizePath, bearer(key)))
}

/** All that somebody does in their browser; gives the last page. */
async function signIn(link: string, user: string): Promise<Response> {
  const visit = browser(user)
  await visit(link)
  const there = await visit(link, 'POST', { origin: new URL(link).origin })
  return visit(locationOf(await visit(locationOf(there))))
}

async function withClient<Result>(
  key: string,
  work: (client: AnyClient) => Promise<Result>,
  { url }: Pick<Started, 'url'> = gateway,
): Promise<Result> {
  const client = await clientBy('sdk 2 without sessions', url, bearer(key))
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

const whoami = (key: string) => withClient(key, (client) => client.callTool('docs-whoami'))
const toolsOf = (key: string) =>
  withClient(key, async (client) => {
    const { tools, _meta } = await client.listTools()
    return [tools.map(({ name }) => name), _meta]
  })

const saying = (text: string) => ({ content: [{ type: 'text', text }] })

test('a user signs in by the link that a tool gives them, and is themselves to the server with all their keys', async () => {
  const nothing = [['docs-sign_in'], expect.objectContaining({ 'io.tianjillm/unavailable': ['docs'] })]
  expect(await toolsOf('sk-ada')).toEqual(nothing)
  const refused = await withClient('sk-ada', (client) => client.callTool('docs-sign_in'))
  expect(refused).toMatchObject({ isError: true, _meta: { code: 'sign_in_required' } })
  const [link] = /http\S+/.exec(JSON.stringify(refused.content))!
  const page = await signIn(link, 'ada')
  expect(await page.text()).toContain('Signed in to docs')
  expect(await whoami('sk-ada')).toMatchObject(saying('ada'))
  expect(await whoami('sk-ada-too')).toMatchObject(saying('ada'))
  expect(await toolsOf('sk-ada')).toEqual([['docs-whoami', 'docs-of_ada'], expect.anything()])
  expect(await whoami('sk-bob')).toMatchObject({ isError: true })
  expect(await toolsOf('sk-bob')).toEqual(nothing)
  expect(server.tokens).not.toContain('sk-ada')
})

test('tokens outlive the gateway, and nobody can read them in its database', async () => {
  await signIn(await linkFor('sk-ada'), 'ada')
  await gateway.stop(1_000)
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(join(folder, 'tokens.db'))
  const rows = JSON.stringify(database.prepare('select * from tianji_mcp_tokens').all())
  database.close()
  expect(rows).toContain('user:ada')
  expect(rows).not.toMatch(/access-|refresh-|secret-/)
  gateway = await startGateway(configuration())
  expect(await whoami('sk-ada')).toMatchObject(saying('ada'))
})

test('two gateways with one database renew a token once', async () => {
  const refreshes = () => authority.seen.filter(({ params }) => params.grant_type === 'refresh_token').length
  const second = await startGateway(configuration())
  try {
    await signIn(await linkFor('sk-ada'), 'ada')
    authority.revoke('access')
    // So slow that the other one wants a new token before the first has it.
    authority.behaviour.wait = () => pause(300)
    const before = refreshes()
    const call = (client: AnyClient) => Promise.all(Array.from({ length: 25 }, () => client.callTool('docs-whoami')))
    const results = await Promise.all([gateway, second].map((one) => withClient('sk-ada', call, one)))
    expect(new Set(results.flat().map(({ content }) => JSON.stringify(content)))).toEqual(
      new Set([JSON.stringify(saying('ada').content)]),
    )
    expect(refreshes()).toBe(before + 1)
  } finally {
    authority.behaviour.wait = async () => {}
    await second.stop(1_000)
  }
})

test('who signs out is asked to sign in again', async () => {
  await signIn(await linkFor('sk-bob'), 'bob')
  expect(await whoami('sk-bob')).toMatchObject(saying('bob'))
  const response = await get(authorizePath, bearer('sk-bob'), 'DELETE')
  expect(await response.json()).toEqual({ server: 'docs', signed_in: false })
  expect(await whoami('sk-bob')).toMatchObject({ isError: true })
})

test.each(['legacy', 'modern'] as const)('a %s client shows the link, and its call goes on', async (era) => {
  await get(authorizePath, bearer('sk-bob'), 'DELETE')
  const shown: string[] = []
  const client = await linkClient(era, `${gateway.url}/mcp`, {
    headers: bearer('sk-bob'),
    async show(link) {
      shown.push(link)
      await signIn(link, 'bob')
      return 'accept'
    },
  })
  expect(await client.callTool('docs-whoami')).toMatchObject(saying('bob'))
  await client.close()
  expect(shown).toEqual([expect.stringContaining(`${gateway.url}${authorizePath}?ticket=`)])
})

test('the page says for whom it is, and cannot be framed', async () => {
  const page = await get(await linkFor('sk-bob'))
  expect(page.headers.get('x-frame-options')).toBe('DENY')
  expect(page.headers.get('set-cookie')).toMatch(/HttpOnly; SameSite=Lax/)
  const text = await page.text()
  expect(text).toContain('the key &#60;b&#62;of Bob&#60;/b&#62;')
})

test('a link is good for one sign-in', async () => {
  const link = await linkFor('sk-bob')
  await signIn(link, 'bob')
  expect((await get(link)).status).toBe(410)
  expect((await get(link, {}, 'POST')).status).toBe(410)
})

test.each([
  ['another site', { origin: 'https://evil.example' }],
  ['another site, as browsers say it', { 'sec-fetch-site': 'cross-site' }],
])('a form of %s sends nobody on', async (_, headers) => {
  const link = await linkFor('sk-bob')
  const visit = browser('bob')
  await visit(link)
  expect((await visit(link, 'POST', headers)).status).toBe(403)
})

test('a form without the page before it sends nobody on', async () => {
  const response = await get(await linkFor('sk-bob'), {}, 'POST')
  expect([response.status, response.headers.get('location')]).toEqual([403, null])
})

test('an answer is taken from the browser that was sent for it alone', async () => {
  await get(authorizePath, bearer('sk-bob'), 'DELETE')
  const link = await linkFor('sk-bob')
  const visit = browser('bob')
  await visit(link)
  const back = locationOf(await visit(locationOf(await visit(link, 'POST'))))
  expect((await browser('eve')(back)).status).toBe(410)
  const eve = browser('eve')
  await eve(await linkFor('sk-bob'))
  expect((await eve(back)).status).toBe(410)
  expect(await whoami('sk-bob')).toMatchObject({ isError: true })
  expect((await visit(back)).status).toBe(200)
  expect((await visit(back)).status).toBe(410)
})

test('who does not agree is not signed in', async () => {
  await get(authorizePath, bearer('sk-bob'), 'DELETE')
  const page = await signIn(await linkFor('sk-bob'), 'nobody')
  expect([page.status, await page.text()]).toEqual([403, expect.stringContaining('Not signed in to docs')])
  expect(await whoami('sk-bob')).toMatchObject({ isError: true })
})

test.each([
  ['a wrong ticket', '?ticket=v1.abc', {}, 410],
  ['no key', '', {}, 401],
  ['a wrong key', '', bearer('sk-nobody'), 401],
  ['a key that does not see the server', '', bearer('sk-eve'), 404],
])('%s leads nowhere', async (_, query, headers, status) => {
  const response = await get(`${authorizePath}${query}`, headers as Record<string, string>)
  expect([response.status, response.headers.get('location')]).toEqual([status, null])
})

test('a callback that nobody waits for is refused', async () => {
  for (const query of ['', '?code=a', '?code=a&state=b', '?error=access_denied'])
    expect((await get(`/mcp/oauth/callback${query}`)).status).toBe(410)
})

test('clients that look for a place to sign in to the gateway learn that they need a key', async () => {
  const refused = await get('/mcp')
  expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
    401,
    `Bearer resource_metadata="${gateway.url}/.well-known/oauth-protected-resource/mcp"`,
  ])
  const wrong = await get('/mcp/docs', bearer('sk-nobody'))
  expect(wrong.headers.get('www-authenticate')).toBe(
    `Bearer error="invalid_token", resource_metadata="${gateway.url}/.well-known/oauth-protected-resource/mcp/docs"`,
  )
  const resource = { resource_name: 'TianjiLLM', bearer_methods_supported: ['header'] }
  for (const [path, name] of [
    ['', '/mcp'],
    ['/mcp', '/mcp'],
    ['/mcp/docs', '/mcp/docs'],
    ['/docs/mcp', '/docs/mcp'],
    ['/sse', '/sse'],
  ])
    expect(await (await get(`/.well-known/oauth-protected-resource${path}`)).json()).toEqual({
      ...resource,
      resource: `${gateway.url}${name}`,
    })
  expect((await get('/.well-known/oauth-protected-resource/key/list')).status).toBe(404)
  const registration = await get('/register', {}, 'POST')
  expect([registration.status, await registration.json()]).toEqual([
    403,
    expect.objectContaining({
      error: 'access_denied',
      error_description: expect.stringContaining('Send one of its keys'),
    }),
  ])
})

test("the gateway's description names where browsers come back to", async () => {
  const headers = { host: 'gateway.example', 'x-forwarded-proto': 'https' }
  const { request } = await import('node:http')
  const text = await new Promise<string>((resolve) => {
    request(`${gateway.url}/client-metadata.json`, { headers }, async (response) =>
      resolve(Buffer.concat(await Array.fromAsync(response)).toString()),
    ).end()
  })
  expect(JSON.parse(text)).toMatchObject({
    client_id: 'https://gateway.example/client-metadata.json',
    redirect_uris: ['https://gateway.example/mcp/oauth/callback'],
    token_endpoint_auth_method: 'none',
  })
})
